//! What users of the crate rely on, through its public surface.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attribute;
mod cache;
mod coalescing;
#[cfg(feature = "compress-all")]
mod compress;
mod conditional;
mod downstream;
mod examples;
mod freshness;
#[cfg(feature = "inspector")]
mod inspector;
mod key;
mod memory;
mod middleware;
mod observability;
mod purge;
mod remote;
mod security;
mod stale;
mod storability;
mod streaming;
mod support;
mod variants;
