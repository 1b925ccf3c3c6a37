//! A clock that is advanced by hand, for tests.

use std::{
    fmt,
    future::{Future, poll_fn},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Poll, Waker},
    time::{Duration, SystemTime},
};

use super::instant::nanos;
use crate::sync::{Mutex, lock};

/// A clock that stands still until it is advanced.
///
/// Give one clone to [`PageCacheBuilder::clock`](crate::PageCacheBuilder::clock) and keep the other.
#[derive(Clone)]
#[doc(alias("mock", "fake_clock", "freeze"))]
pub struct ManualClock {
    start: SystemTime,
    time: Arc<Time>,
}

#[derive(Default)]
struct Time {
    /// Nanoseconds since the start.
    elapsed: AtomicU64,
    /// What sleeps, and until when in nanoseconds.
    sleepers: Mutex<Vec<(u64, Waker)>>,
}

impl ManualClock {
    /// Creates a clock that shows the present date and stands still.
    #[must_use]
    pub fn new() -> Self {
        Self { start: SystemTime::now(), time: Arc::default() }
    }

    /// Moves the clock forward for every cache that was given a clone of it, and wakes what sleeps until then.
    ///
    /// The clock counts nanoseconds for about 584 years, and stands still after that.
    pub fn advance(&self, time: Duration) {
        let later = |elapsed: u64| Some(elapsed.saturating_add(nanos(time)));
        // The closure always returns `Some`, so the update cannot fail.
        let _ = self.time.elapsed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later);
        let now = self.time.elapsed.load(Ordering::SeqCst);
        let due: Vec<_> = lock(&self.time.sleepers).extract_if(.., |(until, _)| *until <= now).collect();
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    pub(crate) fn sleep_until(&self, deadline: Duration) -> impl Future<Output = ()> + use<> {
        let (clock, until) = (self.clone(), nanos(deadline));
        poll_fn(move |context| {
            // The lock is held while the time is read, so that the clock does not advance before the waker is registered.
            let mut sleepers = lock(&clock.time.sleepers);
            if clock.time.elapsed.load(Ordering::SeqCst) >= until {
                return Poll::Ready(());
            }
            sleepers.push((until, context.waker().clone()));
            Poll::Pending
        })
    }

    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.time.elapsed.load(Ordering::SeqCst))
    }

    pub(crate) fn date(&self) -> SystemTime {
        self.start.checked_add(self.elapsed()).unwrap_or(self.start)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").field("start", &self.start).field("elapsed", &self.elapsed()).finish()
    }
}
