//! What one cache counts, and how much it reports to clients.

#[cfg(feature = "metrics")]
use std::sync::Arc;

#[cfg(feature = "metrics")]
use super::memory_metrics::MemoryMetrics;
use super::{recent::RecentRuns, stats::Counters};
use crate::cache_name::CacheName;

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
    name: CacheName,
    counters: Counters,
    cache_status: CacheStatusHeader,
    recent_runs: RecentRuns,
    #[cfg(feature = "metrics")]
    memory: Arc<MemoryMetrics>,
}

impl Observer {
    pub(crate) fn new(name: CacheName, cache_status: CacheStatusHeader) -> Self {
        Self {
            #[cfg(feature = "metrics")]
            memory: Arc::new(MemoryMetrics::new(name.clone())),
            name,
            counters: Counters::new(),
            cache_status,
            recent_runs: RecentRuns::default(),
        }
    }

    /// Names the cache, unless it has a name.
    pub(crate) fn set_name(&self, name: &str) {
        self.name.set(name);
    }

    /// Returns the name of the cache in metrics and logs. Caches without one are numbered when they are first reported.
    pub(crate) fn name(&self) -> &'static str {
        self.name.get()
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns the latest requests that ran a handler.
    pub(crate) fn recent_runs(&self) -> &RecentRuns {
        &self.recent_runs
    }

    /// Returns the metrics of what is in memory.
    #[cfg(feature = "metrics")]
    pub(super) fn memory(&self) -> &Arc<MemoryMetrics> {
        &self.memory
    }

    /// Returns the level of detail of the `Cache-Status` header.
    pub(crate) fn cache_status(&self) -> CacheStatusHeader {
        self.cache_status
    }
}
