//! Times as the attribute writes them.

use std::time::Duration;

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

/// The same for times that come to an end.
///
/// # Panics
///
/// If there is none.
#[doc(hidden)]
#[must_use]
#[track_caller]
pub const fn finite(time: Option<Duration>) -> Duration {
    assert!(time.is_some(), "this time comes to an end; write one such as \"1year\"");
    match time {
        Some(time) => time,
        None => Duration::ZERO,
    }
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
