//! [`Stopwatch`]: how long something takes.

use std::time::Duration;

use super::{clock::Clock, instant::Instant};

/// Measures a time with less arithmetic than the difference of two [`Instant`]s takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stopwatch {
    System(std::time::Instant),
    Manual(Instant),
}

impl Stopwatch {
    pub(crate) fn start(clock: &Clock) -> Self {
        match clock {
            Clock::System => Self::System(std::time::Instant::now()),
            Clock::Manual(_) => Self::Manual(clock.now()),
        }
    }

    /// Returns the time since the start. `clock` is the clock that it was started with.
    pub(crate) fn elapsed(self, clock: &Clock) -> Duration {
        match self {
            Self::System(started) => started.elapsed(),
            Self::Manual(started) => clock.now().since(started),
        }
    }
}
