//! Help for testing handlers that are cached: a clock that is moved by hand.
//!
//! ```
//! use std::time::Duration;
//!
//! use actix_web::{App, test};
//! use cache_page::{PageCache, testing::ManualClock};
//!
//! # #[actix_web::main]
//! # async fn main() {
//! let clock = ManualClock::new();
//! let cache = PageCache::builder().clock(clock.clone()).build();
//! let app = test::init_service(App::new().app_data(cache)).await;
//! clock.advance(Duration::from_secs(61));
//! # drop(app);
//! # }
//! ```

#[doc(hidden)]
pub mod asserts;
pub mod conformance;

use std::{
    fmt,
    future::{Future, poll_fn},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Poll, Waker},
    time::{Duration, SystemTime},
};

#[doc(inline)]
pub use asserts::{assert_hit, assert_miss, assert_stale};

/// A clock that stands still until it is told to advance.
///
/// Give one clone to [`PageCacheBuilder::clock`](crate::PageCacheBuilder::clock) and keep the other.
#[derive(Clone)]
pub struct ManualClock {
    start: SystemTime,
    time: Arc<Time>,
}

#[derive(Default)]
struct Time {
    passed: AtomicU64,
    /// Who waits, and until when.
    sleepers: Mutex<Vec<(u64, Waker)>>,
}

impl ManualClock {
    /// A clock that shows the present date and stands still.
    #[must_use]
    pub fn new() -> Self {
        Self { start: SystemTime::now(), time: Arc::default() }
    }

    /// Moves the clock forward, for every cache that was given a clone of it, and wakes what waits for that time.
    ///
    /// The clock holds nanoseconds for some 584 years; beyond that it stands still.
    pub fn advance(&self, time: Duration) {
        let later = |passed: u64| Some(passed.saturating_add(nanos(time)));
        // The closure never declines, so there is always a previous value.
        let _ = self.time.passed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later);
        let now = self.time.passed.load(Ordering::SeqCst);
        let due: Vec<_> = self.sleepers().extract_if(.., |(until, _)| *until <= now).collect();
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }

    pub(crate) fn sleep_until(&self, then: Duration) -> impl Future<Output = ()> + use<> {
        let (clock, until) = (self.clone(), nanos(then));
        poll_fn(move |context| {
            // Under the lock, so that the clock does not move on between the look and the sleep.
            let mut sleepers = clock.sleepers();
            if clock.time.passed.load(Ordering::SeqCst) >= until {
                return Poll::Ready(());
            }
            sleepers.push((until, context.waker().clone()));
            Poll::Pending
        })
    }

    pub(crate) fn passed(&self) -> Duration {
        Duration::from_nanos(self.time.passed.load(Ordering::SeqCst))
    }

    fn sleepers(&self) -> MutexGuard<'_, Vec<(u64, Waker)>> {
        self.time.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn date(&self) -> SystemTime {
        self.start.checked_add(self.passed()).unwrap_or(self.start)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock").field("start", &self.start).field("passed", &self.passed()).finish()
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
