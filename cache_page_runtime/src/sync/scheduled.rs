//! What unit tests have in the place of atomics and thread-locals, so that the store runs under the random schedules of shuttle.
//!
//! All tasks of a scenario run on one thread, one at a time, and each access to a lock or an atomic may let another task continue.
//! So orders of events are explored, but not what weaker memory orderings than `SeqCst` allow beyond them.

use std::{process, thread};

use super::schedule::is_scheduled;

/// Lets another task continue. Outside of a scenario, this does nothing.
pub(crate) fn pause() {
    // A task that unwinds ends its scenario.
    if is_scheduled() && !thread::panicking() {
        shuttle::thread::yield_now();
    }
}

/// Lets other tasks continue until `condition` holds, because the thread would wait for one of them for ever. Outside of a
/// scenario, this does nothing.
pub(crate) fn wait_until(condition: impl Fn() -> bool) {
    pause();
    while is_scheduled() && !condition() {
        if thread::panicking() {
            // The panic was printed. The task that would have to continue never does.
            process::abort();
        }
        pause();
    }
}

/// The atomics of the standard library. Another task may continue before each access.
pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::Ordering;
    use std::{
        ops::{Deref, DerefMut},
        sync::atomic,
    };

    macro_rules! atomics {
        ($($name:ident($value:ty)),*) => {$(
            #[derive(Debug, Default)]
            #[repr(transparent)]
            pub(crate) struct $name(atomic::$name);

            impl $name {
                pub(crate) const fn new(value: $value) -> Self {
                    Self(atomic::$name::new(value))
                }
            }

            impl Deref for $name {
                type Target = atomic::$name;

                fn deref(&self) -> &Self::Target {
                    super::pause();
                    &self.0
                }
            }

            impl DerefMut for $name {
                fn deref_mut(&mut self) -> &mut Self::Target {
                    &mut self.0
                }
            }
        )*};
    }

    atomics!(AtomicBool(bool), AtomicU8(u8), AtomicU32(u32), AtomicU64(u64), AtomicUsize(usize));
}

/// A value of each thread, or of each task in a scenario.
pub(crate) struct WorkerLocal<T: 'static> {
    pub(crate) of_thread: &'static thread::LocalKey<T>,
    pub(crate) of_task: &'static shuttle::thread::LocalKey<T>,
}

impl<T> WorkerLocal<T> {
    pub(crate) fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, ()> {
        if is_scheduled() {
            self.of_task.try_with(f).map_err(drop)
        } else {
            self.of_thread.try_with(f).map_err(drop)
        }
    }
}

macro_rules! worker_local {
    (static $name:ident: $value:ty = const { $init:expr };) => {
        static $name: $crate::sync::scheduled::WorkerLocal<$value> = {
            ::std::thread_local! { static OF_THREAD: $value = const { $init } }
            ::shuttle::thread_local! { static OF_TASK: $value = const { $init } }
            $crate::sync::scheduled::WorkerLocal { of_thread: &OF_THREAD, of_task: &OF_TASK }
        };
    };
}
pub(crate) use worker_local;
