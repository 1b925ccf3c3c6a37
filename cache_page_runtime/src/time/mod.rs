//! Clocks, and what is measured by them.

pub(crate) mod backoff;
pub(crate) mod clock;
pub(crate) mod instant;
pub(crate) mod manual;
pub(crate) mod rate_limit;
