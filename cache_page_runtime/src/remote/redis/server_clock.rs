//! An estimate of the server's clock, which lookups use instead of asking for the time.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::time::Clock;

/// Microseconds by which the server's clock is ahead of the clock of this process.
///
/// The estimate assumes that the server read its clock when the request was sent. It is therefore never behind the
/// server's clock, so that no page counts as fresh for too long, and at most one round trip ahead of it. Each poll of the
/// log updates it. A page may seem older than it is, but never younger.
#[derive(Default)]
pub(super) struct ServerClock(AtomicI64);

/// The local time when a request for the server's time was sent.
pub(super) struct Sent(i64);

impl ServerClock {
    pub(super) fn sent() -> Sent {
        Sent(local_micros())
    }

    /// Updates the estimate to the time that the server has returned, in microseconds.
    pub(super) fn synchronize(&self, server_time: u64, sent: &Sent) {
        self.0.store(signed(server_time) - sent.0, Ordering::Relaxed);
    }

    /// Returns the server's time in microseconds.
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
