//! The purges in progress. Each takes effect at once, because lookups apply it to what they find until its sweep is complete.

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
};

use super::{entry::Entry, node::EntryNode};
use crate::{
    purge::{LocalSelector, PurgeKeys, PurgeMode, PurgeSeq},
    sync::{
        Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        lock,
    },
    time::Instant,
};

/// A purge in progress, or one that is complete.
pub(crate) struct Purge {
    /// Entries whose requests began later are not concerned.
    seq: PurgeSeq,
    mode: PurgeMode,
    selector: LocalSelector,
    now: Instant,
    /// The entries that were removed or expired so far.
    entries: AtomicUsize,
    waiting: Mutex<Waiting>,
}

/// What waits for the end of a sweep.
#[derive(Default)]
struct Waiting {
    is_complete: bool,
    waker: Option<Waker>,
    callbacks: Vec<Box<dyn FnOnce(usize) + Send>>,
}

impl Purge {
    pub(super) fn new(seq: PurgeSeq, mode: PurgeMode, selector: LocalSelector, now: Instant) -> Self {
        Self { seq, mode, selector, now, entries: AtomicUsize::new(0), waiting: Mutex::default() }
    }

    /// Returns how many entries were removed or expired so far.
    pub(crate) fn entries(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    /// Waits until the purge is complete: the memory of what it removes is free, and all entries are counted. Of several tasks, the last
    /// one is woken.
    pub(crate) fn poll_complete(&self, context: &Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let mut waiting = lock(&self.waiting);
        if waiting.is_complete {
            return Poll::Ready(());
        }
        let replaced = waiting.waker.replace(waker);
        drop(waiting);
        // Not while the lock is held, since a waker may own the last reference to a task.
        drop(replaced);
        Poll::Pending
    }

    /// Calls a function with the number of entries when the purge is complete, which may be now.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code))]
    pub(crate) fn when_complete(&self, callback: impl FnOnce(usize) + Send + 'static) {
        let mut waiting = lock(&self.waiting);
        if waiting.is_complete {
            drop(waiting);
            return callback(self.entries());
        }
        waiting.callbacks.push(Box::new(callback));
    }

    /// Tells what waits for the purge that it is complete.
    pub(super) fn complete(&self) {
        let Waiting { waker, callbacks, .. } =
            std::mem::replace(&mut *lock(&self.waiting), Waiting { is_complete: true, ..Waiting::default() });
        callbacks.into_iter().for_each(|callback| callback(self.entries()));
        waker.into_iter().for_each(Waker::wake);
    }

    /// Counts entries that were removed or expired.
    pub(super) fn count(&self, entries: usize) {
        self.entries.fetch_add(entries, Ordering::Relaxed);
    }

    /// Returns whether the purge concerns an entry with these purge keys.
    pub(super) fn selects(&self, keys: &PurgeKeys) -> bool {
        keys.purge_seq() < self.seq && self.selector.matches(keys)
    }

    /// Returns whether the purge removes what it selects.
    pub(super) fn removes(&self) -> bool {
        self.mode == PurgeMode::Remove
    }

    /// Makes an entry stale that the purge selects, and counts it if it was fresh.
    pub(super) fn expire(&self, node: &EntryNode, entry: &Entry) {
        if self.make_stale(node, entry) {
            self.count(1);
        }
    }

    /// Applies the purge to an entry, and returns whether it removes the entry.
    fn apply(&self, node: &EntryNode, entry: &Entry) -> bool {
        let is_selected = self.selects(entry.purge_keys());
        if is_selected && !self.removes() {
            self.expire(node, entry);
        }
        is_selected && self.removes()
    }

    /// Makes an entry stale, and returns whether it was fresh. Of several threads that do this, it was fresh for one.
    fn make_stale(&self, node: &EntryNode, entry: &Entry) -> bool {
        // A stale entry keeps the end of its stale windows. A purge of everything has counted a flushed one.
        if node.is_flushed() || !entry.is_fresh(self.now) {
            return false;
        }
        // Before the entry is stale, so that no copy is used once another thread has found it stale.
        node.expire_copies();
        let is_first = entry.expire(self.now);
        node.lower_expiry(entry.expires_at().map_or(u64::MAX, Instant::as_nanos));
        is_first
    }
}

/// The purges whose sweeps have not looked at every entry yet. A lookup applies them to what it finds.
///
/// It has cache lines of its own: every hit reads it, and the store's state beside it is written often.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct ActivePurges {
    /// The sequence number of the latest of the purges, or 0 if there is none. Entries whose requests began later are not concerned.
    latest: AtomicU64,
    purges: Mutex<Vec<Arc<Purge>>>,
}

impl ActivePurges {
    pub(super) fn len(&self) -> usize {
        lock(&self.purges).len()
    }

    /// Returns whether one of the purges may select an entry.
    pub(super) fn may_select(&self, entry: &Entry) -> bool {
        let latest = self.latest.load(Ordering::Acquire);
        latest > 0 && entry.purge_keys().purge_seq().number() < latest
    }

    pub(super) fn start(&self, purge: Purge) -> Arc<Purge> {
        let purge = Arc::new(purge);
        let mut purges = lock(&self.purges);
        purges.push(Arc::clone(&purge));
        self.set_latest(&purges);
        purge
    }

    /// Applies all purges to an entry, and returns whether one removes it.
    pub(super) fn apply(&self, node: &EntryNode, entry: &Entry) -> bool {
        self.may_select(entry) && lock(&self.purges).iter().any(|purge| purge.apply(node, entry))
    }

    /// Ends a purge whose sweep is complete.
    pub(super) fn end(&self, purge: &Arc<Purge>) {
        let mut purges = lock(&self.purges);
        purges.retain(|active| !Arc::ptr_eq(active, purge));
        self.set_latest(&purges);
    }

    fn set_latest(&self, purges: &[Arc<Purge>]) {
        let latest = purges.iter().map(|purge| purge.seq.number()).max();
        self.latest.store(latest.unwrap_or(0), Ordering::Release);
    }
}
