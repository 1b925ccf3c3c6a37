//! When a page that could not be made anew is tried again.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::Duration,
};

use crate::time::instant::Instant;

/// Failures after which the time between two tries does not grow any more: it is sixteen times the first by then.
const MOST_DOUBLINGS: u32 = 4;

/// Goes with the page, and is forgotten with it: one that was made anew has not failed yet.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: AtomicU32,
    /// Nanoseconds.
    not_before: AtomicU64,
}

impl Backoff {
    pub(crate) fn is_time(&self, now: Instant) -> bool {
        now.as_nanos() >= self.not_before.load(Ordering::Relaxed)
    }

    /// One more failure: twice as long as after the last one.
    pub(crate) fn failed(&self, now: Instant, interval: Duration) {
        // Others may fail beside it, all of them for the same reason.
        if !self.is_time(now) {
            return;
        }
        let failures = self.failures.load(Ordering::Relaxed);
        let wait = interval.saturating_mul(1 << failures.min(MOST_DOUBLINGS));
        self.failures.store(failures.saturating_add(1), Ordering::Relaxed);
        self.not_before.store((now + wait).as_nanos(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_are_spaced_more_and_more_and_not_for_ever() {
        let (retry, interval) = (Backoff::default(), Duration::from_secs(5));
        let mut now = Instant::new(Duration::from_secs(100));
        assert!(retry.is_time(now));
        for seconds in [5, 10, 20, 40, 80, 80, 80] {
            retry.failed(now, interval);
            let wait = Duration::from_secs(seconds);
            assert!(!retry.is_time(now + (wait - Duration::from_nanos(1))), "{seconds}");
            // One that began at the same time, and failed as well.
            retry.failed(now, interval);
            now = now + wait;
            assert!(retry.is_time(now), "{seconds}");
        }
    }
}
