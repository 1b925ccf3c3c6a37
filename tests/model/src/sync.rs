//! What `flight` and `fence` get here in the place of the runtime's `sync`.

use std::{
    cell::Cell,
    ops::{Deref, DerefMut},
    sync::PoisonError,
};

shuttle::thread_local! {
    static FAILING: Cell<bool> = const { Cell::new(false) };
}

std::thread_local! {
    static MODELLED: Cell<bool> = const { Cell::new(false) };
}

/// One of shuttle's in a run. Outside it is a plain one, for the tests that `fence` has of its own.
pub(crate) struct Mutex<T> {
    turns: shuttle::sync::Mutex<()>,
    value: std::sync::Mutex<T>,
}

pub(crate) struct MutexGuard<'m, T> {
    // Given back in this order.
    value: std::sync::MutexGuard<'m, T>,
    _turn: Option<shuttle::sync::MutexGuard<'m, ()>>,
}

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { turns: shuttle::sync::Mutex::new(()), value: std::sync::Mutex::new(value) }
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
    let turn = || mutex.turns.lock().unwrap_or_else(PoisonError::into_inner);
    let turn = MODELLED.get().then(turn);
    MutexGuard { value: mutex.value.lock().unwrap_or_else(PoisonError::into_inner), _turn: turn }
}

/// All tasks of a run are on its own thread.
pub(crate) fn modelled<T>(run: impl FnOnce() -> T) -> T {
    MODELLED.set(true);
    let result = run();
    MODELLED.set(false);
    result
}

pub(crate) fn is_panicking() -> bool {
    FAILING.with(Cell::get)
}

/// Drops something as a handler that panics does.
pub(crate) fn fail<T>(dropped: T) {
    FAILING.with(|failing| failing.set(true));
    drop(dropped);
    FAILING.with(|failing| failing.set(false));
}
