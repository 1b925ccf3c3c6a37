//! Logging at most once a minute.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::instant::Instant;

const INTERVAL: Duration = Duration::from_secs(60);

/// Lets one call a minute pass.
#[derive(Debug, Default)]
pub(crate) struct RateLimit {
    /// Nanoseconds.
    next_at: AtomicU64,
}

impl RateLimit {
    pub(crate) const fn new() -> Self {
        Self { next_at: AtomicU64::new(0) }
    }

    /// Returns whether a minute has passed since the last call that returned `true`.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        let is_due = self.next_at.load(Ordering::Relaxed) <= now.as_nanos();
        if is_due {
            self.next_at.store((now + INTERVAL).as_nanos(), Ordering::Relaxed);
        }
        is_due
    }
}
