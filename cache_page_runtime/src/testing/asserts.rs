//! Assertions on the outcome of a request, read from the `Cache-Status` header of the response.

use std::fmt;

use actix_web::http::header::HeaderMap;

use crate::{
    observe::{CACHE_STATUS, CacheStatus},
    outcome::{Outcome, Reason},
};

/// Asserts that a fresh page was served from the cache, so that the handler did not run.
///
/// Takes a response, by value or by reference, and optionally a message with arguments, as `assert!` does. A 304 and the
/// response of a concurrent request count as hits.
///
/// # Panics
///
/// Panics with the outcome of the request if it was not a hit, and if the response has no complete `Cache-Status` header:
/// the handler must be cached, and [`cache_status`](crate::PageCacheBuilder::cache_status) must be
/// [`Full`](crate::CacheStatusHeader::Full), which is the default.
///
/// # Example
///
/// ```
/// use actix_web::{App, get, test};
/// use cache_page::{PageCache, cache_page, testing::{assert_hit, assert_miss}};
///
/// #[get("/")]
/// #[cache_page(60)]
/// async fn hello() -> &'static str {
///     "Hello World"
/// }
///
/// # #[actix_web::main]
/// # async fn main() {
/// let cache = PageCache::builder().build();
/// let app = test::init_service(App::new().app_data(cache).service(hello)).await;
/// let get = || test::TestRequest::get().uri("/").to_request();
///
/// assert_miss!(test::call_service(&app, get()).await);
/// for round in 1..3 {
///     assert_hit!(test::call_service(&app, get()).await, "round {round}");
/// }
/// # }
/// ```
#[macro_export]
macro_rules! __assert_hit {
    ($response:expr $(, $($message:tt)*)?) => {
        $crate::__assert_expected!(Hit, $response $(, $($message)*)?)
    };
}

/// Asserts that a stale page was served, because of `stale_while_revalidate` or `stale_if_error`.
///
/// Takes the same arguments as [`assert_hit!`](crate::testing::assert_hit).
///
/// # Panics
///
/// Panics with the outcome of the request if it was not a stale page, and if the response has no complete `Cache-Status`
/// header.
#[macro_export]
macro_rules! __assert_stale {
    ($response:expr $(, $($message:tt)*)?) => {
        $crate::__assert_expected!(Stale, $response $(, $($message)*)?)
    };
}

/// Asserts that the handler ran for this request, whether its response was stored or not, or the request bypassed the cache.
///
/// Takes the same arguments as [`assert_hit!`](crate::testing::assert_hit).
///
/// # Panics
///
/// Panics with the outcome of the request if the handler did not run, and if the response has no complete `Cache-Status`
/// header.
#[macro_export]
macro_rules! __assert_miss {
    ($response:expr $(, $($message:tt)*)?) => {
        $crate::__assert_expected!(Miss, $response $(, $($message)*)?)
    };
}

/// Implements the assertions. The message is formatted only if the assertion fails.
#[macro_export]
#[doc(hidden)]
macro_rules! __assert_expected {
    ($expected:ident, $response:expr $(,)?) => {
        if let ::core::result::Result::Err(mismatch) =
            $crate::testing::asserts::check($crate::testing::asserts::Expected::$expected, $response.headers())
        {
            mismatch.panic(::core::option::Option::None)
        }
    };
    ($expected:ident, $response:expr, $($message:tt)+) => {
        if let ::core::result::Result::Err(mismatch) =
            $crate::testing::asserts::check($crate::testing::asserts::Expected::$expected, $response.headers())
        {
            mismatch.panic(::core::option::Option::Some(::core::format_args!($($message)+)))
        }
    };
}

// Exported macros are placed at the root of the crate; this is their public path.
#[doc(inline)]
pub use crate::{__assert_hit as assert_hit, __assert_miss as assert_miss, __assert_stale as assert_stale};

#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Hit,
    Stale,
    Miss,
}

impl Expected {
    /// Returns the assertion that a request with this outcome passes.
    ///
    /// Returns `None` for a 504 to `only-if-cached`, for which neither the handler ran nor a stored page was sent.
    fn of(outcome: Outcome) -> Option<Self> {
        match outcome {
            Outcome::Hit | Outcome::Revalidated | Outcome::RemoteHit | Outcome::Collapsed => Some(Self::Hit),
            Outcome::Stale(_) => Some(Self::Stale),
            Outcome::Bypass(Reason::OnlyIfCached) => None,
            Outcome::Stored | Outcome::NotStored(_) | Outcome::Bypass(_) => Some(Self::Miss),
        }
    }
}

/// The error of an assertion that failed.
#[doc(hidden)]
#[derive(Debug)]
pub struct Mismatch {
    expected: Expected,
    status: CacheStatus,
}

#[doc(hidden)]
pub fn check(expected: Expected, headers: &HeaderMap) -> Result<(), Mismatch> {
    let status = CacheStatus::of(headers);
    if status.outcome().and_then(Expected::of) == Some(expected) {
        Ok(())
    } else {
        Err(Mismatch { expected, status })
    }
}

impl Mismatch {
    /// Panics at the caller's position, as an assertion does.
    #[track_caller]
    #[allow(clippy::panic)]
    pub fn panic(self, message: Option<fmt::Arguments<'_>>) -> ! {
        match message {
            Some(message) => panic!("{message}: {self}"),
            None => panic!("{self}"),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = match self.expected {
            Expected::Hit => "a hit",
            Expected::Stale => "a stale response",
            Expected::Miss => "a miss",
        };
        write!(f, "expected {expected}, but {}", self.status)?;
        match self.status.as_str() {
            "" => Ok(()),
            header => write!(f, "\n  {CACHE_STATUS}: {header}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::HttpResponse;

    use super::*;

    const ALL: [Expected; 3] = [Expected::Hit, Expected::Stale, Expected::Miss];

    fn response(line: &str) -> HttpResponse {
        HttpResponse::Ok().insert_header((CACHE_STATUS, line)).finish()
    }

    #[test]
    fn each_outcome_passes_one_assertion() {
        for (line, passed) in [
            ("cache_page; hit; ttl=42", Some(Expected::Hit)),
            ("cache_page; hit; ttl=42; detail=remote", Some(Expected::Hit)),
            ("cache_page; fwd=miss; collapsed; ttl=60", Some(Expected::Hit)),
            ("cache_page; hit; ttl=-5; detail=stale-while-revalidate", Some(Expected::Stale)),
            ("cache_page; fwd=stale; fwd-status=503; ttl=-5; detail=stale-if-error", Some(Expected::Stale)),
            ("cache_page; fwd=miss; stored; ttl=60", Some(Expected::Miss)),
            ("cache_page; fwd=miss; detail=streamed", Some(Expected::Miss)),
            ("cache_page; fwd=vary-miss; detail=set-cookie", Some(Expected::Miss)),
            ("cache_page; fwd=bypass; detail=credentials", Some(Expected::Miss)),
            ("cache_page; fwd=method", Some(Expected::Miss)),
            ("cache_page; fwd=bypass; detail=only-if-cached", None),
            ("cache_page; fwd=miss", None),
            ("ExampleCache; hit", None),
        ] {
            for expected in ALL {
                let result = check(expected, response(line).headers());
                assert_eq!(result.is_ok(), passed == Some(expected), "{line}: {expected:?}");
            }
        }
    }

    #[test]
    fn macros_accept_responses_references_and_messages() {
        assert_hit!(response("cache_page; hit"));
        assert_miss!(&response("cache_page; fwd=miss; stored"));
        assert_miss!(response("cache_page; fwd=method"), "with {} message", "a");
        assert_stale!(response("cache_page; hit; ttl=-5; detail=stale-while-revalidate"),);
    }

    #[test]
    fn mismatch_reports_the_expectation_the_outcome_and_the_header() {
        for (expected, name) in
            [(Expected::Stale, "a stale response"), (Expected::Hit, "a hit"), (Expected::Miss, "a miss")]
        {
            let line = "cache_page; fwd=bypass; detail=only-if-cached";
            let mismatch = check(expected, response(line).headers()).unwrap_err();
            let status = &mismatch.status;
            let text = format!("expected {name}, but {status}\n  cache-status: {line}");
            assert_eq!(mismatch.to_string(), text);
        }
        let mismatch = check(Expected::Hit, HttpResponse::Ok().finish().headers()).unwrap_err();
        assert!(!mismatch.to_string().contains('\n'), "{mismatch}");
    }

    #[test]
    fn failed_assertion_panics_with_its_message() {
        let hit = response("cache_page; hit; ttl=5");
        let panic_of = |assert: fn(&HttpResponse)| {
            let hit = std::panic::AssertUnwindSafe(&hit);
            let panic = std::panic::catch_unwind(|| assert(*hit)).unwrap_err();
            panic.downcast_ref::<String>().cloned().unwrap()
        };
        let found = "a fresh stored response was served\n  cache-status: cache_page; hit; ttl=5";
        assert_eq!(panic_of(|hit| assert_stale!(hit)), format!("expected a stale response, but {found}"));
        let text = panic_of(|hit| assert_miss!(hit, "of {:?}", hit.status().as_u16(),));
        assert_eq!(text, format!("of 200: expected a miss, but {found}"));
    }

    #[test]
    fn message_is_not_formatted_if_the_assertion_holds() {
        let formatted = std::cell::Cell::new(false);
        assert_hit!(response("cache_page; hit"), "{:?}", formatted.set(true));
        assert!(!formatted.get());
    }
}
