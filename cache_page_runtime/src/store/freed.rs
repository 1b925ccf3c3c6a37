//! [`Freed`]: memory that is freed when nothing is locked.

/// Allocations that are not needed any more.
///
/// Freeing one may take the allocator milliseconds, however small it is: it merges it with others that were freed before, and returns
/// them to the system. So nothing is freed while the store is locked.
#[derive(Default)]
pub(super) struct Freed(Vec<Box<dyn Send>>);

impl Freed {
    pub(super) fn push(&mut self, allocation: impl Send + 'static) {
        self.0.push(Box::new(allocation));
    }
}
