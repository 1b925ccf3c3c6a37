//! What `flight` gets here in the place of the runtime's `sync`.

use std::{cell::Cell, sync::PoisonError};

pub(crate) use shuttle::sync::{Mutex, MutexGuard};

shuttle::thread_local! {
    static FAILING: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn is_failing() -> bool {
    FAILING.with(Cell::get)
}

/// Drops something as a handler that panics does.
pub(crate) fn fail<T>(dropped: T) {
    FAILING.with(|failing| failing.set(true));
    drop(dropped);
    FAILING.with(|failing| failing.set(false));
}
