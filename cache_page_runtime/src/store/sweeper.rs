//! [`Sweeper`]: the sweeps of purges that select many pages, one after the other in a thread.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::sweep::Sweep;
use crate::sync::{Mutex, lock};

/// The number of waiting sweeps of single index lists from which on further ones look at everything, together. So however often an
/// application purges, lookups apply no more purges than are called during two passes over what is stored.
const MAX_WAITING: usize = 16;

/// The sweeps that were left to the thread. It runs while there are any.
#[derive(Default)]
pub(super) struct Sweeper(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    sweeps: Vec<Sweep>,
    has_thread: bool,
}

impl Sweeper {
    /// Leaves a sweep to the thread, and returns whether the caller has to start it. It calls [`run`](Self::run).
    pub(super) fn push(&self, mut sweep: Sweep) -> bool {
        let mut waiting = lock(&self.0);
        if waiting.sweeps.len() >= MAX_WAITING {
            sweep.widen();
        }
        for other in &mut waiting.sweeps {
            match other.join(sweep) {
                Ok(()) => return false,
                Err(unjoined) => sweep = unjoined,
            }
        }
        waiting.sweeps.push(sweep);
        !std::mem::replace(&mut waiting.has_thread, true)
    }

    /// Calls a function with each sweep, and with those that are added meanwhile.
    pub(super) fn run(&self, sweep: impl Fn(Sweep)) {
        while let Some(next) = self.next() {
            // If one panics, the others go on.
            let _ = catch_unwind(AssertUnwindSafe(|| sweep(next)));
        }
    }

    fn next(&self) -> Option<Sweep> {
        let mut waiting = lock(&self.0);
        waiting.has_thread = !waiting.sweeps.is_empty();
        // The oldest one.
        waiting.has_thread.then(|| waiting.sweeps.remove(0))
    }
}
