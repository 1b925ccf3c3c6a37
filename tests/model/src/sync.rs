//! Replaces the module `sync` of the runtime: its locks are points at which shuttle may switch tasks.

use std::{
    cell::Cell,
    ops::{Deref, DerefMut},
    sync::PoisonError,
};

use crate::schedule::is_scheduled;

shuttle::thread_local! {
    static IS_PANICKING: Cell<bool> = const { Cell::new(false) };
}

/// A mutex of shuttle in a scenario, and of the standard library outside of it: `purge/log.rs` has unit tests.
pub(crate) struct Mutex<T> {
    schedule: shuttle::sync::Mutex<()>,
    value: std::sync::Mutex<T>,
}

pub(crate) struct MutexGuard<'m, T> {
    // Dropped in this order.
    value: std::sync::MutexGuard<'m, T>,
    _scheduled: Option<shuttle::sync::MutexGuard<'m, ()>>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { schedule: shuttle::sync::Mutex::new(()), value: std::sync::Mutex::new(value) }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    let schedule = || mutex.schedule.lock().unwrap_or_else(PoisonError::into_inner);
    let scheduled = is_scheduled().then(schedule);
    MutexGuard { value: mutex.value.lock().unwrap_or_else(PoisonError::into_inner), _scheduled: scheduled }
}

pub(crate) fn is_panicking() -> bool {
    IS_PANICKING.with(Cell::get)
}

/// Drops a value as a panicking handler does.
pub(crate) fn drop_in_a_panic<T>(dropped: T) {
    IS_PANICKING.with(|is_panicking| is_panicking.set(true));
    drop(dropped);
    IS_PANICKING.with(|is_panicking| is_panicking.set(false));
}
