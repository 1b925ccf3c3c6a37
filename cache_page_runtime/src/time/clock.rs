//! The only source of now, and of waiting until then.

use std::{
    future::{Future, pending},
    ops::Add,
    pin::Pin,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use crate::testing::ManualClock;

/// What a clock shows when it starts: pages that came from elsewhere may be older than this process.
const START: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// A point in time of one clock. It never goes back, whatever happens to the date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Duration);

impl Moment {
    pub(crate) const fn new(since_start: Duration) -> Self {
        Self(since_start)
    }

    /// The time from `earlier` to here; zero if that is not earlier.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

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

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

/// Something that is said at most once a minute.
#[derive(Debug, Default)]
pub(crate) struct Seldom {
    /// Nanoseconds.
    not_before: AtomicU64,
}

impl Seldom {
    pub(crate) const fn new() -> Self {
        Self { not_before: AtomicU64::new(0) }
    }

    pub(crate) fn is_time(&self, now: Moment) -> bool {
        let is_time = self.not_before.load(Ordering::Relaxed) <= now.as_nanos();
        if is_time {
            self.not_before.store((now + Duration::from_secs(60)).as_nanos(), Ordering::Relaxed);
        }
        is_time
    }
}

/// Ends at its time.
pub(crate) type Sleep = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Clone, Debug, Default)]
pub(crate) enum Clock {
    #[default]
    System,
    Manual(ManualClock),
}

impl Clock {
    pub(crate) fn now(&self) -> Moment {
        static STARTED: OnceLock<Instant> = OnceLock::new();
        let passed = match self {
            Self::System => STARTED.get_or_init(Instant::now).elapsed(),
            Self::Manual(clock) => clock.passed(),
        };
        Moment(START.saturating_add(passed))
    }

    /// The date, for headers that carry one.
    pub(crate) fn date(&self) -> SystemTime {
        match self {
            Self::System => SystemTime::now(),
            Self::Manual(clock) => clock.date(),
        }
    }

    pub(crate) fn sleep_until(&self, then: Moment) -> Sleep {
        match self {
            Self::Manual(clock) => Box::pin(clock.sleep_until(then.0.saturating_sub(START))),
            // Without a runtime there are no timers, and asking for one panics.
            Self::System if tokio::runtime::Handle::try_current().is_err() => Box::pin(pending()),
            Self::System => Box::pin(tokio::time::sleep(then.since(self.now()))),
        }
    }
}
