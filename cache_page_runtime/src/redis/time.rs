//! What it is by the clock of the server, without asking it each time.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Clock;

/// By how many microseconds it is ahead of this process's own clock: as of the last answer that told it, a fraction of a second ago.
#[derive(Default)]
pub(super) struct Time(AtomicI64);

impl Time {
    pub(super) fn set(&self, now: u64) {
        self.0.store(signed(now) - own(), Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> u64 {
        u64::try_from(own() + self.0.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

fn own() -> i64 {
    signed(Clock::System.now().as_nanos() / 1000)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
