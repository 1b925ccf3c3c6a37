//! [`RemovalCause`]: why entries left the memory, and how many did.

use std::fmt;

/// Why a page was removed from memory. [`Stats::removed`](crate::Stats::removed) counts them.
///
/// Each variant of a page counts as one. Every page that was ever in memory is still there ([`Stats::pages`](crate::Stats::pages)), or
/// is counted under one cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RemovalCause {
    /// Evicted, because others needed its room. Many of these in a short time mean that `max_bytes` is too small.
    Size,
    /// Evicted, because its page has 64 variants and another one was stored.
    Variants,
    /// Its TTL has passed, and so has the time for which it may be sent stale.
    Expired,
    /// A newer response was stored in its place.
    Replaced,
    /// A `purge_…` method selected it, in this process or in another one.
    Purged,
    /// The handler or the remote store has a newer response, which is not in memory.
    Outdated,
}

impl RemovalCause {
    /// All causes.
    pub const ALL: &[Self] =
        &[Self::Size, Self::Variants, Self::Expired, Self::Replaced, Self::Purged, Self::Outdated];

    /// Returns the name of the cause in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Variants => "variants",
            Self::Expired => "expired",
            Self::Replaced => "replaced",
            Self::Purged => "purged",
            Self::Outdated => "outdated",
        }
    }
}

/// Writes [`as_str`](RemovalCause::as_str).
impl fmt::Display for RemovalCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The number of removed entries, by cause.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Removals([u64; RemovalCause::ALL.len()]);

impl Removals {
    pub(super) fn add(&mut self, cause: RemovalCause, entries: usize) {
        self.0[cause as usize] += entries as u64;
    }

    pub(crate) fn count(&self, cause: RemovalCause) -> u64 {
        self.0[cause as usize]
    }
}
