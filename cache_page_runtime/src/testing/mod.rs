//! Tools for testing cached handlers: a clock that is advanced by hand, and assertions on the outcome of requests.
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
mod cache_status;
pub mod conformance;

#[doc(inline)]
pub use crate::time::manual::ManualClock;
#[doc(inline)]
pub use asserts::{assert_hit, assert_miss, assert_stale};
pub use cache_status::CacheStatus;
