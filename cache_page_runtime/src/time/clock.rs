//! The only source of now, and of waiting until then.

use std::{
    future::{Future, pending},
    pin::Pin,
    sync::OnceLock,
    time::{Duration, SystemTime},
};

use super::{instant::Instant, manual::ManualClock};

/// What a clock shows when it starts. It is not zero, because stored responses from other processes may be older than this one.
const START: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// Completes at its time.
pub(crate) type Sleep = Pin<Box<dyn Future<Output = ()>>>;

/// The clock of a cache.
#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    #[default]
    System,
    Manual(ManualClock),
}

impl Clock {
    pub(crate) fn now(&self) -> Instant {
        static STARTED: OnceLock<std::time::Instant> = OnceLock::new();
        let elapsed = match self {
            Self::System => STARTED.get_or_init(std::time::Instant::now).elapsed(),
            Self::Manual(clock) => clock.elapsed(),
        };
        Instant::new(START) + elapsed
    }

    /// Returns what the system clock shows. `now` is what this clock has just shown.
    pub(crate) fn system_time(&self, now: Instant) -> Instant {
        match self {
            Self::System => now,
            Self::Manual(_) => Self::System.now(),
        }
    }

    /// Returns the date, for headers that carry one.
    pub(crate) fn date(&self) -> SystemTime {
        match self {
            Self::System => SystemTime::now(),
            Self::Manual(clock) => clock.date(),
        }
    }

    pub(crate) fn sleep_until(&self, deadline: Instant) -> Sleep {
        match self {
            Self::Manual(clock) => Box::pin(clock.sleep_until(deadline.since_start().saturating_sub(START))),
            // Timers of tokio panic outside of a runtime.
            Self::System if tokio::runtime::Handle::try_current().is_err() => Box::pin(pending()),
            Self::System => Box::pin(tokio::time::sleep(deadline.since(self.now()))),
        }
    }
}
