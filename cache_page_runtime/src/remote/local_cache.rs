//! The local memory of the cache that a remote store backs.

use crate::purge::{LocalSelector, PurgeMode};

/// The local memory of the cache that a remote store backs. `cache/` implements it.
pub(crate) trait LocalCache: Send + Sync {
    /// Purges all entries that match `selector`.
    fn purge(&self, mode: PurgeMode, selector: &LocalSelector);
}
