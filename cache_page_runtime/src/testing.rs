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

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

/// A clock that stands still until it is told to advance.
///
/// Give one clone to [`PageCacheBuilder::clock`](crate::PageCacheBuilder::clock) and keep the other.
#[derive(Clone, Debug)]
pub struct ManualClock {
    start: SystemTime,
    passed: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock that shows the present date and stands still.
    #[must_use]
    pub fn new() -> Self {
        Self { start: SystemTime::now(), passed: Arc::default() }
    }

    /// Moves the clock forward, for every cache that was given a clone of it.
    ///
    /// The clock holds nanoseconds for some 584 years; beyond that it stands still.
    pub fn advance(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let later = |passed: u64| Some(passed.saturating_add(nanos));
        // The closure never declines, so there is always a previous value.
        let _ = self.passed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, later);
    }

    pub(crate) fn passed(&self) -> Duration {
        Duration::from_nanos(self.passed.load(Ordering::SeqCst))
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
