//! Metrics of the calls of the remote store. Without the feature `metrics`, nothing is measured.

use super::stats::RemoteError;
use crate::cache_name::CacheName;
#[cfg(feature = "metrics")]
use crate::time::{Clock, Instant};

/// What the store is called for. Polls wait for changes, so that how long they take says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Get,
    Put,
    Release,
    Purge,
    Poll,
}

#[cfg(feature = "metrics")]
impl Operation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::Release => "release",
            Self::Purge => "purge",
            Self::Poll => "poll",
        }
    }
}

/// The metrics of one store, with the name of its cache.
pub(super) struct CallMetrics {
    #[cfg_attr(not(feature = "metrics"), allow(dead_code))]
    name: CacheName,
}

/// When a call was sent.
#[derive(Clone, Copy)]
pub(super) struct CallTimer {
    #[cfg(feature = "metrics")]
    sent_at: Instant,
}

#[cfg_attr(not(feature = "metrics"), allow(unused_variables, clippy::unused_self))]
impl CallMetrics {
    pub(super) fn new(name: CacheName) -> Self {
        Self { name }
    }

    pub(super) fn start(&self) -> CallTimer {
        CallTimer {
            #[cfg(feature = "metrics")]
            sent_at: Clock::System.now(),
        }
    }

    /// Records how long a call took, whether or not it failed.
    pub(super) fn record(&self, operation: Operation, timer: CallTimer) {
        #[cfg(feature = "metrics")]
        metrics::histogram!(
            "cache_page_remote_seconds",
            "cache" => self.name.get(), "operation" => operation.as_str()
        )
        .record(Clock::System.now().since(timer.sent_at));
    }

    /// Counts a call that failed, or was not made.
    pub(super) fn count_error(&self, operation: Operation, error: RemoteError) {
        #[cfg(feature = "metrics")]
        metrics::counter!(
            "cache_page_remote_errors_total",
            "cache" => self.name.get(), "operation" => operation.as_str(), "error" => error.as_str()
        )
        .increment(1);
    }
}
