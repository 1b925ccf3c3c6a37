//! What one cache counts, and how much it reports to clients.

use super::stats::Counters;

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

/// The counters of one cache, and its configuration for the `Cache-Status` header.
pub(crate) struct Observer {
    counters: Counters,
    cache_status: CacheStatusHeader,
}

impl Observer {
    pub(crate) fn new(cache_status: CacheStatusHeader) -> Self {
        Self { counters: Counters::new(), cache_status }
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns the level of detail of the `Cache-Status` header.
    pub(crate) fn cache_status(&self) -> CacheStatusHeader {
        self.cache_status
    }
}
