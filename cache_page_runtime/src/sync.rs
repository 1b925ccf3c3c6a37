//! Synchronization primitives. `tests/model` replaces this module with one that explores the orders of events.

pub(crate) use std::sync::{Mutex, MutexGuard};
use std::sync::{PoisonError, TryLockError};

/// Locks a mutex, also if it is poisoned.
///
/// No code in this crate panics between two changes that belong together, so a poisoned value is consistent.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks a mutex as [`lock`] does, unless another thread has locked it.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Returns whether the current thread is unwinding from a panic.
pub(crate) fn is_panicking() -> bool {
    std::thread::panicking()
}
