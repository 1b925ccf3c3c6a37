//! The state of the thread that frees the memory of a large store after a purge of everything.

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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn purge_during_a_sweep_is_swept_by_the_same_thread() {
        let (sweeper, sweeps) = (Sweeper::default(), Cell::new(0));
        assert!(sweeper.request());
        sweeper.run(|| {
            sweeps.set(sweeps.get() + 1);
            if sweeps.get() < 3 {
                assert!(!sweeper.request(), "there is a thread");
            }
        });
        assert_eq!(sweeps.get(), 3);
        assert!(sweeper.request(), "the next purge needs a thread");
    }
}
