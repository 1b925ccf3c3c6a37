//! What users of the crate rely on, through its public surface.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod blog;
mod budget;
mod caches;
mod compression;
mod conditional;
mod control;
mod denial;
mod fence;
mod flights;
mod inputs;
mod isolation;
mod kept;
mod keys;
mod legacy;
mod lifetimes;
mod memory;
mod memory_tier;
mod middleware;
mod open;
mod options;
mod order;
mod outcomes;
mod parts;
mod poisoning;
mod proxy;
mod purge;
mod remote;
mod replay;
mod routes;
mod servers;
mod shapes;
mod site;
mod stale;
mod streams;
mod textbook;
mod threats;
mod variants;
