//! What the attribute said.

use std::time::Duration;

use http::header::{HeaderValue, InvalidHeaderValue};
use once_cell::sync::OnceCell;

/// What `#[cache_page(…)]` says about the pages of one handler.
///
/// ```
/// use std::time::Duration;
///
/// use cache_page::Policy;
///
/// static HOME: Policy = Policy::new("home", Some(Duration::from_secs(60))).key_prefix("v2");
/// ```
#[derive(Debug)]
pub struct Policy {
    handler: &'static str,
    ttl: Option<Duration>,
    key_prefix: &'static str,
    max_age: OnceCell<HeaderValue>,
}

impl Policy {
    /// Pages of the handler of this name, kept for `ttl`, or until they are evicted if it is `None`.
    ///
    /// # Panics
    ///
    /// If the time is zero. In a `static`, as the attribute writes it, that is an error of the compiler.
    #[must_use]
    #[track_caller]
    pub const fn new(handler: &'static str, ttl: Option<Duration>) -> Self {
        if let Some(ttl) = ttl {
            assert!(
                !ttl.is_zero(),
                "a page kept for no time is not cached; write a longer time, or remove `#[cache_page]`"
            );
        }
        Self { handler, ttl, key_prefix: "", max_age: OnceCell::new() }
    }

    /// Pages with another prefix are other pages.
    #[must_use]
    pub const fn key_prefix(mut self, key_prefix: &'static str) -> Self {
        self.key_prefix = key_prefix;
        self
    }

    pub(crate) fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    pub(crate) fn prefix(&self) -> &'static str {
        self.key_prefix
    }

    pub(crate) fn handler(&self) -> &'static str {
        self.handler
    }

    /// `max-age=…`, made once for all pages of the handler.
    ///
    /// A page kept for ever says a year: clients read larger numbers differently (RFC 9111 1.2.2).
    pub(crate) fn max_age(&self) -> Result<&HeaderValue, InvalidHeaderValue> {
        const YEAR: u64 = 365 * 24 * 60 * 60;
        self.max_age.get_or_try_init(|| {
            let seconds = self.ttl.map_or(YEAR, |ttl| ttl.as_secs().min(YEAR));
            HeaderValue::try_from(format!("max-age={seconds}"))
        })
    }
}

/// A time to live that the attribute read itself.
#[doc(hidden)]
#[must_use]
pub const fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

/// The same for one that is no whole number of seconds.
#[doc(hidden)]
#[must_use]
pub const fn seconds_and_nanos(seconds: u64, nanos: u32) -> Option<Duration> {
    Some(Duration::new(seconds, nanos))
}

/// A time to live given as a constant: an integer of seconds, a `Duration`, or an `Option<Duration>`.
///
/// One inherent method a type, because a trait's methods cannot be called in a constant.
#[doc(hidden)]
#[derive(Debug)]
pub struct Ttl<T>(pub T);

macro_rules! seconds {
    ($($integer:ty),*) => {$(
        impl Ttl<$integer> {
            /// # Panics
            ///
            /// If the number is negative.
            #[must_use]
            #[track_caller]
            pub const fn get(self) -> Option<Duration> {
                #[allow(unused_comparisons)]
                let negative = self.0 < 0;
                assert!(!negative, "a time to live is not negative; write a longer time, or `None` to keep the page for ever");
                #[allow(clippy::cast_sign_loss, clippy::cast_lossless)]
                Some(Duration::from_secs(self.0 as u64))
            }
        }
    )*};
}
seconds!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);

impl Ttl<Duration> {
    #[must_use]
    pub const fn get(self) -> Option<Duration> {
        Some(self.0)
    }
}

impl Ttl<Option<Duration>> {
    #[must_use]
    pub const fn get(self) -> Option<Duration> {
        self.0
    }
}
