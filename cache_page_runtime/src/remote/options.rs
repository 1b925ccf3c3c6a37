//! The options of a remote store.

use std::time::Duration;

/// How a cache uses its remote store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RemoteOptions {
    /// The deadline of one call of the store.
    pub(crate) timeout: Duration,
    /// How long an entry is served from local memory before it is revalidated in the store.
    pub(crate) local_ttl: Duration,
    /// How long local memory is served after the last successful poll of the purge log.
    pub(crate) max_purge_lag: Duration,
    /// Whether one process runs the handler for all processes.
    pub(crate) coalesce_across_processes: bool,
    /// For how long after the start pages of the previous version are served as stale ones. Zero if they are not.
    pub(crate) stale_across_versions: Duration,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_millis(50),
            local_ttl: Duration::from_secs(60),
            max_purge_lag: Duration::from_secs(1),
            coalesce_across_processes: true,
            stale_across_versions: Duration::ZERO,
        }
    }
}
