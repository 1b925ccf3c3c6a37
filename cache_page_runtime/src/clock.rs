//! The only source of now.

use std::{
    sync::OnceLock,
    time::{Duration, Instant, SystemTime},
};

use crate::testing::ManualClock;

/// A point in time of one clock. It never goes back, whatever happens to the date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Duration);

impl Moment {
    /// The time from `earlier` to here; zero if that is not earlier.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    #[default]
    System,
    Manual(ManualClock),
}

impl Clock {
    pub(crate) fn now(&self) -> Moment {
        static START: OnceLock<Instant> = OnceLock::new();
        Moment(match self {
            Self::System => START.get_or_init(Instant::now).elapsed(),
            Self::Manual(clock) => clock.passed(),
        })
    }

    /// The date, for headers that carry one.
    pub(crate) fn date(&self) -> SystemTime {
        match self {
            Self::System => SystemTime::now(),
            Self::Manual(clock) => clock.date(),
        }
    }
}
