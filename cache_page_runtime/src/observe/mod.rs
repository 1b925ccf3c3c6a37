//! Statistics, metrics, tracing events and the `Cache-Status` header.
//!
//! Invariant: every request is reported exactly once, with one [`Outcome`](crate::Outcome).

mod cache_status;
#[cfg(feature = "metrics")]
mod metrics;
mod observer;
mod report;
mod stats;

pub use observer::CacheStatusHeader;
pub use stats::{HandlerStats, Stats};

pub(crate) use cache_status::{CACHE_STATUS, REMOTE_HIT_DETAIL};
pub(crate) use observer::Observer;
pub(crate) use report::{RefreshReport, Report};

/// Records the bytes that all stored pages take, which only change where a handler ran.
///
/// Does nothing without the `metrics` feature.
#[cfg_attr(not(feature = "metrics"), allow(unused_variables))]
pub(crate) fn record_stored_bytes(bytes: impl FnOnce() -> usize) {
    #[cfg(feature = "metrics")]
    metrics::set_stored_bytes(bytes());
}
