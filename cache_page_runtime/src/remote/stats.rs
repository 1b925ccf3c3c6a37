//! Counters of the remote store, and its rate-limited log messages.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{error::StoreError, messages::PutResult};
use crate::time::{Clock, RateLimit};

/// Why a call of the remote store failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RemoteError {
    /// There was no answer before the deadline.
    Timeout,
    /// The store is unavailable. It may not have been called at all.
    Unavailable,
    /// The store rejected the call.
    Rejected,
    /// The store returned bytes that this cache did not write.
    Corrupt,
    /// Too many bytes were in flight to the store.
    Overloaded,
}

impl RemoteError {
    const COUNT: usize = 5;

    /// Returns its name in `Cache-Status`, metrics and logs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "remote-timeout",
            Self::Unavailable => "remote-unavailable",
            Self::Rejected => "remote-rejected",
            Self::Corrupt => "remote-corrupt",
            Self::Overloaded => "remote-overloaded",
        }
    }
}

#[derive(Default)]
pub(super) struct RemoteCounters {
    errors: [AtomicU64; RemoteError::COUNT],
    stored: AtomicU64,
    purged: AtomicU64,
    warnings: RateLimit,
    recoveries: RateLimit,
}

impl RemoteCounters {
    pub(super) fn count(&self, error: RemoteError) {
        self.errors[error as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the result of a put. Its errors have been counted where they occurred.
    pub(super) fn count_put(&self, result: Result<PutResult, RemoteError>) {
        match result {
            Ok(PutResult::Stored) => self.stored.fetch_add(1, Ordering::Relaxed),
            Ok(PutResult::Purged) => self.purged.fetch_add(1, Ordering::Relaxed),
            Ok(PutResult::Superseded) | Err(_) => 0,
        };
    }

    /// Logs an error, at most once a minute.
    pub(super) fn warn(&self, error: &StoreError) {
        if self.warnings.is_due(Clock::System.now()) {
            tracing::warn!(
                target: "cache_page",
                %error,
                "the remote store failed; requests are served from local memory and by their handlers"
            );
        }
    }

    /// Logs that the store is available, at most once a minute.
    pub(super) fn log_recovery(&self) {
        if self.recoveries.is_due(Clock::System.now()) {
            tracing::info!(target: "cache_page", "the remote store is available");
        }
    }

    pub(super) fn snapshot(&self, is_available: bool) -> RemoteStats {
        let errors = |error: RemoteError| self.errors[error as usize].load(Ordering::Relaxed);
        RemoteStats {
            is_available,
            stored: self.stored.load(Ordering::Relaxed),
            purged: self.purged.load(Ordering::Relaxed),
            timeouts: errors(RemoteError::Timeout),
            unavailable: errors(RemoteError::Unavailable),
            rejected: errors(RemoteError::Rejected),
            corrupt: errors(RemoteError::Corrupt),
            overloaded: errors(RemoteError::Overloaded),
        }
    }
}

/// Counters of the remote store since the cache was created.
///
/// The number of requests that were answered from the store is [`Stats::count`](crate::Stats::count) of the outcome
/// [`RemoteHit`](crate::Outcome::RemoteHit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteStats {
    /// Whether the store is available.
    pub is_available: bool,
    /// Responses that were stored.
    pub stored: u64,
    /// Responses that the store rejected because a purge during their fill matched them, or may have matched them.
    pub purged: u64,
    /// Calls that had no answer within the [timeout](crate::PageCacheBuilder::remote_timeout).
    pub timeouts: u64,
    /// Calls that failed, or were not made, because the store was unavailable.
    pub unavailable: u64,
    /// Calls that the store rejected, for instance because it is full or read-only.
    pub rejected: u64,
    /// Entries whose bytes this cache did not write.
    pub corrupt: u64,
    /// Responses that were not stored because too many bytes were in flight.
    pub overloaded: u64,
}
