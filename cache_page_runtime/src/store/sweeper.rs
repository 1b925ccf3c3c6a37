//! Whether a thread frees the memory of purged entries.

use std::sync::atomic::{AtomicU8, Ordering};

/// The highest number of nodes that the caller of a purge removes itself: it takes about 50 milliseconds.
pub(super) const MAX_SWEPT_BY_CALLER: usize = 32 * 1024;

const IDLE: u8 = 0;
const RUNNING: u8 = 1;
/// More was purged since the thread began.
const REQUESTED: u8 = 2;

/// Lets at most one thread sweep, however many purges there are.
#[derive(Default)]
pub(super) struct Sweeper(AtomicU8);

impl Sweeper {
    /// Returns whether the caller has to start a thread that calls [`run`](Self::run). If one runs, it sweeps once more.
    pub(super) fn request(&self) -> bool {
        self.0.swap(REQUESTED, Ordering::AcqRel) == IDLE
    }

    /// Sweeps until nothing more was purged meanwhile.
    pub(super) fn run(&self, sweep: impl Fn()) {
        loop {
            self.0.store(RUNNING, Ordering::Release);
            sweep();
            if self.0.compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                return;
            }
        }
    }
}
