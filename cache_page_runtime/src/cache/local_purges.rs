//! [`LocalPurges`]: a purge in the memory of this process.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use smallvec::SmallVec;

use crate::store::Purge;

/// The purges of a cache and of its named caches. As a future, it waits until they are complete.
#[derive(Clone)]
pub(super) struct LocalPurges(SmallVec<[Arc<Purge>; 1]>);

impl LocalPurges {
    pub(super) fn new(purges: SmallVec<[Arc<Purge>; 1]>) -> Self {
        Self(purges)
    }

    /// Returns how many pages were removed or made stale so far.
    pub(super) fn pages(&self) -> usize {
        self.0.iter().map(|purge| purge.entries()).sum()
    }
}

impl Future for LocalPurges {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let is_complete = self.0.iter().all(|purge| purge.poll_complete(context).is_ready());
        if is_complete { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl fmt::Debug for LocalPurges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalPurges").field("pages", &self.pages()).finish_non_exhaustive()
    }
}
