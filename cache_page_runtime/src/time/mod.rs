//! Clocks, deadlines and delays.

pub(crate) mod backoff;
pub(crate) mod clock;
pub(crate) mod deadline;
pub(crate) mod instant;
pub(crate) mod jitter;
pub(crate) mod manual;
pub(crate) mod rate_limit;
pub(crate) mod stopwatch;

pub use self::manual::ManualClock;
pub(crate) use self::{
    backoff::Backoff,
    clock::Clock,
    deadline::{bounded, deadline_after},
    instant::Instant,
    rate_limit::RateLimit,
    stopwatch::Stopwatch,
};
