//! Statistics, metrics, tracing and `Cache-Status`.

pub(crate) mod report;
pub(crate) mod stats;
