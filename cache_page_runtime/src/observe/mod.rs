//! Statistics, metrics, tracing events and the `Cache-Status` header.
//!
//! Invariant: every request is reported exactly once, with one [`Outcome`](crate::Outcome).

mod cache_status;
mod fill_span;
mod fill_times;
#[cfg(feature = "inspector")]
mod history;
#[cfg(feature = "metrics")]
mod memory_metrics;
#[cfg(feature = "metrics")]
mod metric_keys;
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
pub(crate) use fill_span::{FillSpan, FillSubject};
#[cfg(feature = "inspector")]
pub(crate) use history::{History, INTERVAL as HISTORY_INTERVAL, MINUTES as HISTORY_MINUTES, Minute};
#[cfg(feature = "metrics")]
pub(crate) use metrics::describe as describe_metrics;
pub(crate) use observer::Observer;
#[cfg(feature = "inspector")]
pub(crate) use recent::RecentRun;
pub(crate) use recent::RunPath;
pub(crate) use report::{RefreshReport, Report};

use std::sync::Arc;

use crate::{
    policy::HandlerId,
    purge::{LocalSelector, PurgeMode},
    store::{Purge, Store},
    time::Instant,
};
#[cfg(feature = "metrics")]
use crate::{remote::RemoteStats, time::Clock};

/// Sets the gauges of what is in memory: the number of entries, their bytes, and the limit. Counts what has left it.
///
/// Does nothing without the `metrics` feature.
#[cfg_attr(not(feature = "metrics"), allow(unused_variables))]
pub(crate) fn record_sizes(observer: &Observer, store: &Store) {
    #[cfg(feature = "metrics")]
    observer.memory().record(store);
}

/// Sets the gauges of what is happening at the moment. `remote` has the number of purges that the remote store has yet to execute.
#[cfg(feature = "metrics")]
pub(crate) fn record_activity(observer: &Observer, fills: usize, remote: Option<(RemoteStats, usize)>) {
    metrics::record_activity(observer, fills, remote);
}

/// Counts a purge, and sets the gauges of what is in memory, now and when the purge is complete. Then it also counts the pages that it
/// removed or made stale.
///
/// Does nothing without the `metrics` feature.
#[cfg_attr(not(feature = "metrics"), allow(unused_variables))]
pub(crate) fn record_purge(
    observer: &Observer,
    store: &Arc<Store>,
    mode: PurgeMode,
    selector: &LocalSelector,
    purge: &Purge,
) {
    #[cfg(feature = "metrics")]
    {
        metrics::count_purge(observer, mode.as_str(), selector.as_str());
        record_sizes(observer, store);
        purge.when_complete(observer.memory().on_purged(store, mode.as_str()));
    }
}

/// How a request has waited for the response of a concurrent one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitResult {
    /// It got that response, or one that was stored meanwhile.
    Answered,
    /// It runs the handler in the other's place.
    TookOver,
    /// It runs the handler too: the response is not shared, or took too long.
    Uncoalesced,
    ClientGone,
}

impl WaitResult {
    /// Returns its name in metrics.
    #[cfg(feature = "metrics")]
    const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::TookOver => "took-over",
            Self::Uncoalesced => "uncoalesced",
            Self::ClientGone => "client-gone",
        }
    }
}

/// Records how long a request waited for the response of a concurrent one. The wait began at `started`, by the system clock.
///
/// Does nothing without the `metrics` feature.
#[cfg_attr(not(feature = "metrics"), allow(unused_variables))]
pub(crate) fn record_wait(observer: &Observer, handler: HandlerId, result: WaitResult, started: Instant) {
    #[cfg(feature = "metrics")]
    metrics::record_wait(observer, handler.name, result.as_str(), Clock::System.now().since(started));
}
