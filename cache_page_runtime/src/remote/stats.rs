//! What the shared tier did and did not do: counted, and told once a minute.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::remote::store::{PutResult, StoreError};
use crate::time::{clock::Clock, rate_limit::RateLimit};

/// Why the shared tier was of no use to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RemoteError {
    /// It did not answer in time.
    Timeout,
    /// It is out of reach, and was not asked.
    Unavailable,
    /// It answered that it cannot.
    Rejected,
    /// What it returned is no page that this cache wrote.
    Corrupt,
    /// Too much was on its way to it already.
    Overloaded,
}

impl RemoteError {
    const COUNT: usize = 5;

    /// The word for it in `Cache-Status`, metrics and logs.
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
pub(crate) struct RemoteCounters {
    counts: [AtomicU64; RemoteError::COUNT],
    stored: AtomicU64,
    purged: AtomicU64,
    warnings: RateLimit,
    recoveries: RateLimit,
}

impl RemoteCounters {
    pub(crate) fn count(&self, fault: RemoteError) {
        self.counts[fault as usize].fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        metrics::counter!("cache_page_shared_faults_total", "fault" => fault.as_str()).increment(1);
    }

    pub(crate) fn counted(&self, fault: RemoteError) -> RemoteError {
        self.count(fault);
        fault
    }

    /// Faults are counted where they happen.
    pub(crate) fn count_put(&self, taken: Result<PutResult, RemoteError>) {
        match taken {
            Ok(PutResult::Stored) => self.stored.fetch_add(1, Ordering::Relaxed),
            Ok(PutResult::Purged) => self.purged.fetch_add(1, Ordering::Relaxed),
            Ok(PutResult::Superseded) | Err(_) => 0,
        };
    }

    pub(crate) fn warn(&self, why: &StoreError) {
        if self.warnings.is_due(Clock::System.now()) {
            tracing::warn!(
                target: "cache_page",
                error = %why,
                "the shared tier does not do what it should; pages are served from memory and by their handlers"
            );
        }
    }

    pub(crate) fn log_recovery(&self) {
        if !self.recoveries.is_due(Clock::System.now()) {
            return;
        }
        tracing::info!(target: "cache_page", "the shared tier is there");
    }

    pub(crate) fn snapshot(&self, is_up: bool) -> RemoteStats {
        let of = |fault: RemoteError| self.counts[fault as usize].load(Ordering::Relaxed);
        RemoteStats {
            is_available: is_up,
            stored: self.stored.load(Ordering::Relaxed),
            purged: self.purged.load(Ordering::Relaxed),
            timeouts: of(RemoteError::Timeout),
            unavailable: of(RemoteError::Unavailable),
            rejected: of(RemoteError::Rejected),
            corrupt: of(RemoteError::Corrupt),
            overloaded: of(RemoteError::Overloaded),
        }
    }
}

/// What the shared tier did for this process, and what it did not.
///
/// How often it had a page is [`Stats::of`](crate::Stats::of) the outcome [`RemoteStats`](crate::Outcome::RemoteHit).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteStats {
    /// Whether it can be reached.
    pub is_available: bool,
    /// Pages that were put there.
    pub stored: u64,
    /// Pages that it refused because something they show was purged while they were made, or may have been.
    pub purged: u64,
    /// Answers that did not come in time.
    pub timeouts: u64,
    /// Questions that were not asked, or came to nothing, because it was out of reach.
    pub unavailable: u64,
    /// Answers that it cannot do something: it may be full or read-only.
    pub rejected: u64,
    /// Pages that were not what this cache had written.
    pub corrupt: u64,
    /// Pages that were not put there because too many were on their way.
    pub overloaded: u64,
}
