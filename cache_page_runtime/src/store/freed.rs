//! [`Freed`]: memory that is freed when nothing is locked.

/// The bytes that may be allocated at once while the state is locked. From a kilobyte on, the allocator of glibc merges all small blocks
/// that were freed before, which takes milliseconds after a purge of a million pages.
pub(super) const MAX_LOCKED: usize = 1000;

/// Returns whether an allocation must not be made while the state is locked.
pub(super) const fn is_large(bytes: usize) -> bool {
    bytes > MAX_LOCKED
}

#[cfg(test)]
thread_local! {
    /// The number of large allocations that this thread has made while the state was locked.
    pub(super) static LOCKED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Records an allocation that is made while the state is locked, because nobody has made it before.
pub(super) fn record_locked(bytes: usize) {
    #[cfg(test)]
    LOCKED.set(LOCKED.get() + usize::from(is_large(bytes)));
    let _ = bytes;
}

/// Allocations that are not needed any more.
///
/// Freeing one may take the allocator milliseconds, however small it is: it merges it with others that were freed before, and returns
/// them to the system. So nothing is freed while the store is locked.
///
/// It is a linked list, because a vector would be reallocated as it grows, which frees memory too.
#[derive(Default)]
pub(super) struct Freed(Option<Box<dyn Item>>);

trait Item: Send {
    /// Takes the items behind this one.
    fn take_next(&mut self) -> Option<Box<dyn Item>>;
}

/// An allocation, and what was pushed before it.
struct Link<T> {
    _allocation: T,
    next: Option<Box<dyn Item>>,
}

impl<T: Send> Item for Link<T> {
    fn take_next(&mut self) -> Option<Box<dyn Item>> {
        self.next.take()
    }
}

impl Freed {
    pub(super) fn push(&mut self, allocation: impl Send + 'static) {
        self.0 = Some(Box::new(Link { _allocation: allocation, next: self.0.take() }));
    }
}

impl Drop for Freed {
    /// Frees one after the other. The destructor of a long list would need a frame for each of them.
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut item) = next {
            next = item.take_next();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_list_is_freed() {
        let mut freed = Freed::default();
        let counted = std::sync::Arc::new(());
        let length = if cfg!(miri) { 1000 } else { 1_000_000 };
        (0..length).for_each(|_| freed.push(std::sync::Arc::clone(&counted)));
        drop(freed);
        assert_eq!(std::sync::Arc::strong_count(&counted), 1);
    }
}
