//! What one cache counts, and how much it reports to clients.

#[cfg(feature = "metrics")]
use std::sync::atomic::AtomicU64;
use std::{
    collections::BTreeSet,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{recent::RecentRuns, stats::Counters};
#[cfg(feature = "metrics")]
use crate::store::{RemovalCause, Removals};
use crate::sync::{Mutex, lock};

/// The level of detail of the `Cache-Status` response header (RFC 9211).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheStatusHeader {
    /// Sends `hit` or the reason for a miss, whether the response was stored, its remaining TTL, and a `detail` with the
    /// [`Reason`](crate::Reason) if the cache was bypassed or the response was not stored.
    #[default]
    Full,
    /// Sends only `hit` or the reason for a miss.
    Minimal,
    /// Sends no `Cache-Status` header.
    Off,
}

/// The name and the counters of one cache, and its configuration for the `Cache-Status` header.
pub(crate) struct Observer {
    name: OnceLock<&'static str>,
    counters: Counters,
    cache_status: CacheStatusHeader,
    recent_runs: RecentRuns,
    /// How many removals of each cause the metrics have.
    #[cfg(feature = "metrics")]
    recorded_removals: [AtomicU64; RemovalCause::ALL.len()],
}

impl Observer {
    pub(crate) fn new(cache_status: CacheStatusHeader) -> Self {
        Self {
            name: OnceLock::new(),
            counters: Counters::new(),
            cache_status,
            recent_runs: RecentRuns::default(),
            #[cfg(feature = "metrics")]
            recorded_removals: [const { AtomicU64::new(0) }; RemovalCause::ALL.len()],
        }
    }

    /// Names the cache, unless it has a name.
    pub(crate) fn set_name(&self, name: &str) {
        self.name.get_or_init(|| intern(name));
    }

    /// Returns the name of the cache in metrics and logs. Caches without one are numbered when they are first reported.
    pub(crate) fn name(&self) -> &'static str {
        static UNNAMED: AtomicUsize = AtomicUsize::new(1);

        self.name.get_or_init(|| match UNNAMED.fetch_add(1, Ordering::Relaxed) {
            1 => "default",
            number => intern(&format!("default-{number}")),
        })
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns the latest requests that ran a handler.
    pub(crate) fn recent_runs(&self) -> &RecentRuns {
        &self.recent_runs
    }

    /// Returns the causes with removals since the last call, and how many of each.
    #[cfg(feature = "metrics")]
    pub(super) fn new_removals(&self, removals: &Removals) -> impl Iterator<Item = (RemovalCause, u64)> {
        RemovalCause::ALL.iter().zip(&self.recorded_removals).filter_map(|(cause, recorded)| {
            let removed = removals.count(*cause);
            // Of two concurrent calls, one may have older numbers.
            let new = removed.saturating_sub(recorded.fetch_max(removed, Ordering::Relaxed));
            (new > 0).then_some((*cause, new))
        })
    }

    /// Returns the level of detail of the `Cache-Status` header.
    pub(crate) fn cache_status(&self) -> CacheStatusHeader {
        self.cache_status
    }
}

/// Returns a name that lives as long as the process: the labels of metrics are not copied for each request then.
fn intern(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

    let mut names = lock(&NAMES);
    match names.get(name) {
        Some(known) => known,
        None => {
            let name = Box::leak(Box::from(name));
            names.insert(name);
            name
        }
    }
}
