//! Statistics, metrics, tracing events and the `Cache-Status` header.
//!
//! Invariant: every request is reported exactly once, with one [`Outcome`](crate::Outcome).

mod cache_status;
#[cfg(feature = "inspector")]
mod history;
#[cfg(feature = "metrics")]
mod metrics;
mod observer;
mod parsed_cache_status;
mod recent;
mod report;
#[cfg(feature = "serde")]
mod serialize;
mod stats;

pub use observer::CacheStatusHeader;
pub use parsed_cache_status::CacheStatus;
pub use stats::{HandlerStats, Stats};

pub(crate) use cache_status::CACHE_STATUS;
#[cfg(feature = "inspector")]
pub(crate) use history::{History, INTERVAL as HISTORY_INTERVAL, MINUTES as HISTORY_MINUTES, Minute};
#[cfg(feature = "metrics")]
pub(crate) use metrics::describe as describe_metrics;
pub(crate) use observer::Observer;
#[cfg(feature = "inspector")]
pub(crate) use recent::RecentRun;
pub(crate) use recent::RunPath;
pub(crate) use report::{RefreshReport, Report};

use crate::{
    purge::{LocalSelector, PurgeMode},
    store::{Purge, Store},
};

/// Sets the gauges of what is in memory: the number of entries, their bytes, and the limit. Counts what has left it.
///
/// Does nothing without the `metrics` feature.
#[cfg_attr(not(feature = "metrics"), allow(unused_variables))]
pub(crate) fn record_sizes(observer: &Observer, store: &Store) {
    #[cfg(feature = "metrics")]
    metrics::record_sizes(observer, store.sizes(), store.max_bytes());
}

/// Counts a purge, and sets the gauges of what is in memory. When the purge is complete, counts the pages that it removed or made
/// stale.
///
/// Does nothing without the `metrics` feature.
#[cfg_attr(not(feature = "metrics"), allow(unused_variables))]
pub(crate) fn record_purge(
    observer: &Observer,
    store: &Store,
    mode: PurgeMode,
    selector: &LocalSelector,
    purge: &Purge,
) {
    #[cfg(feature = "metrics")]
    {
        metrics::count_purge(observer, mode.as_str(), selector.as_str());
        let name = observer.name();
        purge.when_complete(move |pages| metrics::count_purged(name, mode.as_str(), pages));
        record_sizes(observer, store);
    }
}
