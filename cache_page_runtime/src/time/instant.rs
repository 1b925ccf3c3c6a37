//! A point in time of one clock.

use std::{ops::Add, time::Duration};

/// A point in time of one [`Clock`](super::clock::Clock). It is monotonic: it does not follow changes of the system's date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instant(Duration);

impl Instant {
    pub(crate) const fn new(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// Returns the time from `earlier` to this instant, or zero if `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the instant that lies `time` before this one, at the earliest the clock's start.
    pub(crate) fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(time))
    }

    pub(crate) fn since_start(self) -> Duration {
        self.0
    }

    pub(crate) fn as_nanos(self) -> u64 {
        u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}
