//! A point in time of one clock.

use std::{ops::Add, time::Duration};

/// A point in time of one [`Clock`](super::clock::Clock). It is monotonic: it does not follow changes of the system's date.
///
/// Nanoseconds since the clock's start, because a number is compared and stored at less cost than a `Duration`. It ends after 584 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(u64);

impl Instant {
    pub(crate) const fn new(since_start: Duration) -> Self {
        Self(nanos(since_start))
    }

    pub(crate) const fn from_nanos(since_start: u64) -> Self {
        Self(since_start)
    }

    /// Returns the time from `earlier` to this instant, or zero if `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Returns the instant that lies `time` before this one, at the earliest the clock's start.
    pub(crate) fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(time)))
    }

    pub(crate) fn since_start(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    pub(crate) fn as_nanos(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(nanos(time)))
    }
}

/// Returns a time in nanoseconds, at most 584 years.
pub(crate) const fn nanos(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000_000).saturating_add(time.subsec_nanos() as u64)
}
