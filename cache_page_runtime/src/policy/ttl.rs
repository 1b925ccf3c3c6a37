//! Durations as the attribute writes them into the generated code.

use std::time::Duration;

/// Returns a TTL that the attribute has parsed.
#[doc(hidden)]
#[must_use]
pub const fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

/// Returns a TTL with a fraction of a second.
#[doc(hidden)]
#[must_use]
pub const fn seconds_and_nanos(seconds: u64, nanos: u32) -> Option<Duration> {
    Some(Duration::new(seconds, nanos))
}

/// Returns the duration of an option that does not accept `None`.
///
/// # Panics
///
/// Panics if the duration is `None`.
#[doc(hidden)]
#[must_use]
#[track_caller]
pub const fn finite(time: Option<Duration>) -> Duration {
    assert!(time.is_some(), "this option requires a duration such as \"1year\"");
    match time {
        Some(time) => time,
        None => Duration::ZERO,
    }
}

/// A TTL that is given as a constant: an integer of seconds, a `Duration`, or an `Option<Duration>`.
///
/// Each type has an inherent `get`, because a trait method cannot be called in a constant.
#[doc(hidden)]
#[derive(Debug)]
pub struct Ttl<T>(pub T);

macro_rules! seconds {
    ($($integer:ty),*) => {$(
        impl Ttl<$integer> {
            /// # Panics
            ///
            /// Panics if the number is negative.
            #[must_use]
            #[track_caller]
            pub const fn get(self) -> Option<Duration> {
                #[allow(unused_comparisons)]
                let negative = self.0 < 0;
                assert!(!negative, "a TTL must not be negative; set a longer TTL, or `None` for no expiry");
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
