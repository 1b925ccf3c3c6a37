//! What `flight` has of threads. `tests/model` has its own in their place, by which it tries many orders of events.

use std::sync::PoisonError;
pub(crate) use std::sync::{Mutex, MutexGuard};

/// Nothing panics halfway through a change while a lock is held; and a cache goes on serving.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether what is dropped now is dropped by a panic.
pub(crate) fn is_failing() -> bool {
    std::thread::panicking()
}
