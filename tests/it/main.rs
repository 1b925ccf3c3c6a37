//! What users of the crate rely on, through its public surface.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod shapes;
mod support;
