//! Clocks, and what is measured by them.

pub(crate) mod backoff;
pub(crate) mod clock;
