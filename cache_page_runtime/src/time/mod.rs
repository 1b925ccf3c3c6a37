//! Clocks, deadlines and delays.

pub(crate) mod backoff;
pub(crate) mod clock;
pub(crate) mod instant;
pub(crate) mod jitter;
pub(crate) mod manual;
pub(crate) mod rate_limit;
pub(crate) mod stopwatch;

pub use self::manual::ManualClock;
pub(crate) use self::{
    backoff::Backoff, clock::Clock, instant::Instant, rate_limit::RateLimit, stopwatch::Stopwatch,
};
