//! The response of a leader that is streamed, as far as its followers need to know.
//!
//! As `flight.rs`, this file is part of `tests/model`.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How long the first leader's client may leave a streamed body unread before a follower takes over.
///
/// The client of each leader that takes over has half the time of the one before. So all of them together delay others by less than
/// 50 ms, and each of them costs one run.
const FIRST_MAX_STALL: Duration = Duration::from_millis(24);

/// What timers can tell apart.
const LEAST_MAX_STALL: Duration = Duration::from_millis(1);

const NOT_STALLED: u64 = u64::MAX;

/// A body that a leader streams. Times are counted from the clock's start.
pub(crate) struct LeaderStream {
    /// When followers do not wait for the end of the body any more.
    gives_up_at: Duration,
    /// Nanoseconds: since when a part of the body waits for the client to read it.
    stalled_since: AtomicU64,
    max_stall: Duration,
}

impl LeaderStream {
    /// Starts a stream whose head waits for the client. `stalls` is how many leaders' clients did not read.
    pub(super) fn new(now: Duration, max_duration: Duration, stalls: u32) -> Self {
        let max_stall = FIRST_MAX_STALL / 2_u32.saturating_pow(stalls);
        let stream = Self {
            gives_up_at: now.saturating_add(max_duration),
            stalled_since: AtomicU64::new(NOT_STALLED),
            max_stall: max_stall.max(LEAST_MAX_STALL),
        };
        stream.wait_for_client(now);
        stream
    }

    /// Records that a part of the body was given to the client's connection, which has not asked for more yet.
    pub(crate) fn wait_for_client(&self, now: Duration) {
        let nanos = u64::try_from(now.as_nanos()).unwrap_or(NOT_STALLED);
        self.stalled_since.store(nanos, Ordering::Relaxed);
    }

    /// Records that the client has read everything, and waits for the handler.
    pub(crate) fn wait_for_handler(&self) {
        self.stalled_since.store(NOT_STALLED, Ordering::Relaxed);
    }

    /// Returns whether the stream takes too long to wait for its end.
    pub(crate) fn is_given_up(&self, now: Duration) -> bool {
        now >= self.gives_up_at
    }

    pub(super) fn gives_up_at(&self) -> Duration {
        self.gives_up_at
    }

    /// Returns when the client has left the body unread for too long, if it does not go on.
    pub(super) fn stalls_at(&self) -> Option<Duration> {
        let nanos = self.stalled_since.load(Ordering::Relaxed);
        (nanos < NOT_STALLED).then(|| Duration::from_nanos(nanos).saturating_add(self.max_stall))
    }

    /// Returns when a stall can be noticed that begins now.
    pub(super) fn next_check(&self, now: Duration) -> Duration {
        self.stalls_at().unwrap_or_else(|| now.saturating_add(self.max_stall))
    }
}
