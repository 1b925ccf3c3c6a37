//! Tools for testing cached handlers.
//!
//! * [`ManualClock`] lets a test expire pages without waiting.
//! * [`assert_hit!`], [`assert_stale!`] and [`assert_miss!`] assert how a request was answered, and explain the outcome if
//!   they fail.
//! * [`CacheStatus`] parses the `Cache-Status` header of a response, for tests that need more detail.
//! * [`conformance`] checks an implementation of [`RemoteStore`](crate::remote::RemoteStore).
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//!
//! use actix_web::{App, get, test};
//! use cache_page::{
//!     PageCache, cache_page,
//!     testing::{ManualClock, assert_hit, assert_miss},
//! };
//!
//! #[get("/")]
//! #[cache_page(60)]
//! async fn hello() -> &'static str {
//!     "Hello World"
//! }
//!
//! # #[actix_web::main]
//! # async fn main() {
//! let clock = ManualClock::new();
//! let cache = PageCache::builder().clock(clock.clone()).build();
//! let app = test::init_service(App::new().app_data(cache).service(hello)).await;
//! let get = || test::TestRequest::get().uri("/").to_request();
//!
//! assert_miss!(test::call_service(&app, get()).await);
//! assert_hit!(test::call_service(&app, get()).await);
//! clock.advance(Duration::from_secs(60));
//! assert_miss!(test::call_service(&app, get()).await, "the page expired");
//! # }
//! ```
//!
//! Give each test a cache of its own, so that tests do not see each other's pages.

#[doc(hidden)]
pub mod asserts;
pub mod conformance;

#[doc(inline)]
pub use crate::{observe::CacheStatus, time::ManualClock};
#[doc(inline)]
pub use asserts::{assert_hit, assert_miss, assert_stale};
