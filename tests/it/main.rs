//! What users of the crate rely on, through its public surface.

mod shapes;
mod support;
