//! Exponential backoff between failed refreshes of a page.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use super::instant::Instant;

/// The interval is doubled this many times at most: it grows to 16 times the configured one.
const MAX_DOUBLINGS: u32 = 4;

/// The failures of one stored page. A refreshed page starts without failures.
///
/// The backoff is stored with its page and removed with it, so there is no table of failed keys that could grow.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: AtomicU32,
    /// Nanoseconds since the clock's start.
    retry_at: AtomicU64,
}

impl Backoff {
    /// Returns whether a refresh may be tried.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        now.as_nanos() >= self.retry_at.load(Ordering::Relaxed)
    }

    /// Records a failed refresh. The next one is due after `interval`, which doubles with each failure.
    pub(crate) fn record_failure(&self, now: Instant, interval: Duration) {
        // Concurrent refreshes count as one failure, because they fail for the same reason.
        if !self.is_due(now) {
            return;
        }
        let failures = self.failures.load(Ordering::Relaxed);
        let delay = interval.saturating_mul(1 << failures.min(MAX_DOUBLINGS));
        self.failures.store(failures.saturating_add(1), Ordering::Relaxed);
        self.retry_at.store((now + delay).as_nanos(), Ordering::Relaxed);
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
