//! What users of the crate rely on, through its public surface.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod budget;
mod inputs;
mod isolation;
mod kept;
mod open;
mod order;
mod replay;
mod shapes;
mod support;
mod textbook;
