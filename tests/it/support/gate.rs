//! Where the runs of a handler wait until the test lets them proceed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Open by default: runs pass without waiting.
#[derive(Default)]
pub(crate) struct Gate(Mutex<State>);

#[derive(Default)]
struct State {
    is_closed: bool,
    /// How many runs may pass while the gate is closed.
    permits: usize,
    /// The runs that wait, by their number.
    waiting: BTreeMap<u64, oneshot::Sender<()>>,
}

impl Gate {
    pub(crate) fn close(&self) {
        self.state().is_closed = true;
    }

    /// Opens the gate and releases all runs that wait.
    pub(crate) fn open(&self) {
        *self.state() = State::default();
    }

    /// Releases the `runs` oldest runs. Runs that do not wait yet pass later without waiting.
    pub(crate) fn release(&self, runs: usize) {
        let mut state = self.state();
        for _ in 0..runs {
            if state.waiting.pop_first().is_none() {
                state.permits += 1;
            }
        }
    }

    /// Releases one run.
    pub(crate) fn release_run(&self, run: u64) {
        assert!(self.state().waiting.remove(&run).is_some(), "run {run} does not wait: {:?}", self.waiting());
    }

    /// Returns the numbers of the runs that wait, in ascending order.
    pub(crate) fn waiting(&self) -> Vec<u64> {
        self.state().waiting.keys().copied().collect()
    }

    /// Waits until the run is released.
    pub(crate) async fn pass(&self, run: u64) {
        let released = {
            let mut state = self.state();
            if !state.is_closed {
                return;
            }
            if state.permits > 0 {
                state.permits -= 1;
                return;
            }
            let (release, released) = oneshot::channel();
            state.waiting.insert(run, release);
            released
        };
        // The future may be dropped while it waits: the run does not wait any more then.
        let _leave = Leave { gate: self, run };
        // A sender that is dropped releases the run as well.
        let _ = released.await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Leave<'g> {
    gate: &'g Gate,
    run: u64,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.gate.state().waiting.remove(&self.run);
    }
}
