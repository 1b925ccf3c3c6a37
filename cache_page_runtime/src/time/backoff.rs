//! Exponential backoff between failed refreshes of a page.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::instant::Instant;

/// The interval is doubled this many times at most: it grows to 16 times the configured one.
const MAX_DOUBLINGS: u64 = 4;

/// The bits that count the failures.
const FAILURES: u64 = 7;

/// The failures of one stored page. A refreshed page starts without failures.
///
/// The backoff is stored with its page and removed with it, so there is no table of failed keys that could grow.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    /// Nanoseconds since the clock's start from which on a refresh may be tried, but for the last three bits. These are the number of
    /// failures, up to [`MAX_DOUBLINGS`].
    retry_at: AtomicU64,
}

impl Backoff {
    /// Returns whether a refresh may be tried.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now.as_nanos() >= self.retry_at.load(Ordering::Relaxed) & !FAILURES
    }

    /// Records a failed refresh. The next one is due after `interval`, which doubles with each failure.
    pub(crate) fn record_failure(&self, now: Instant, interval: Duration) {
        // Concurrent refreshes count as one failure, because they fail for the same reason.
        if !self.is_due(now) {
            return;
        }
        let failures = (self.retry_at.load(Ordering::Relaxed) & FAILURES).min(MAX_DOUBLINGS);
        let retry_at = (now + interval.saturating_mul(1 << failures)).as_nanos();
        let failures = (failures + 1).min(MAX_DOUBLINGS);
        self.retry_at.store(retry_at & !FAILURES | failures, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_doubles_with_each_failure_up_to_a_limit() {
        let (backoff, interval) = (Backoff::default(), Duration::from_secs(5));
        let mut now = Instant::new(Duration::from_secs(100));
        assert!(backoff.is_due(now));
        for seconds in [5, 10, 20, 40, 80, 80, 80] {
            backoff.record_failure(now, interval);
            let delay = Duration::from_secs(seconds);
            assert!(!backoff.is_due(now + (delay - Duration::from_nanos(1))), "{seconds}");
            // A concurrent refresh failed too.
            backoff.record_failure(now, interval);
            now = now + delay;
            assert!(backoff.is_due(now), "{seconds}");
        }
    }
}
