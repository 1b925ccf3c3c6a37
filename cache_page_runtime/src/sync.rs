//! Synchronization primitives.
//!
//! In unit tests, they are the points at which shuttle may switch tasks, if a test runs under random schedules. `tests/model`
//! replaces this module with one that does so everywhere.

#[cfg(test)]
#[allow(dead_code, reason = "tests/model uses all of it")]
pub(crate) mod schedule;
#[cfg(test)]
pub(crate) mod scheduled;

pub(crate) use std::sync::{Mutex, MutexGuard};
use std::sync::{PoisonError, TryLockError};
#[cfg(not(test))]
pub(crate) use std::{sync::atomic, thread::yield_now, thread_local as worker_local};

#[cfg(test)]
pub(crate) use self::scheduled::{atomic, pause as yield_now, wait_until, worker_local};

/// Locks a mutex, also if it is poisoned.
///
/// No code in this crate panics between two changes that belong together, so a poisoned value is consistent.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    #[cfg(test)]
    wait_until(|| !matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Locks a mutex as [`lock`] does, unless another thread has locked it.
pub(crate) fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
    #[cfg(test)]
    scheduled::pause();
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
