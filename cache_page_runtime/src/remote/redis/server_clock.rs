//! What it is by the clock of the server, without asking it each time.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::time::clock::Clock;

/// By how many microseconds it is ahead of this process's own clock: as of the last answer that told it, a fraction of a second ago.
///
/// It is never behind the server's, so that nothing counts as fresh for longer than it is; it is ahead by at most what that answer took.
#[derive(Default)]
pub(super) struct ServerClock(AtomicI64);

/// When the server was asked what it is, by this process's own clock.
pub(super) struct Sent(i64);

impl ServerClock {
    pub(super) fn sent() -> Sent {
        Sent(local_micros())
    }

    pub(super) fn synchronize(&self, now: u64, asked: &Sent) {
        self.0.store(signed(now) - asked.0, Ordering::Relaxed);
    }

    pub(super) fn now(&self) -> u64 {
        u64::try_from(local_micros() + self.0.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

fn local_micros() -> i64 {
    signed(Clock::System.now().as_nanos() / 1000)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
