//! Purges of many entries: each takes effect at once, and frees memory in batches.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use super::{entry::Entry, eviction::Pass, node::EntryNode, removal::RemovalCause, writer::Writer};
use crate::{
    purge::{LocalSelector, PurgeKey, PurgeMode, PurgeSeq},
    sync::{Mutex, lock},
    time::Instant,
};

/// How many entries are looked at while the state is locked once: for about a tenth of a millisecond.
pub(super) const BATCH: usize = 64;

/// How often a sweep lets other threads run that wait for the state, before it goes on.
const MAX_YIELDS: usize = 1000;

/// A purge that has begun.
pub(super) struct ActivePurge {
    /// Entries whose requests began later are not concerned.
    pub(super) seq: PurgeSeq,
    pub(super) mode: PurgeMode,
    pub(super) selector: LocalSelector,
    pub(super) now: Instant,
    /// The number of entries that lookups expired before the sweep reached them.
    expired: AtomicUsize,
}

impl ActivePurge {
    pub(super) fn new(seq: PurgeSeq, mode: PurgeMode, selector: LocalSelector, now: Instant) -> Self {
        Self { seq, mode, selector, now, expired: AtomicUsize::new(0) }
    }

    fn selects(&self, entry: &Entry) -> bool {
        let keys = entry.purge_keys();
        keys.purge_seq() < self.seq && self.selector.matches(keys)
    }

    /// Makes an entry stale, and returns whether it was fresh. Of several threads that do this, it was fresh for one.
    fn expire(&self, node: &EntryNode, entry: &Entry) -> bool {
        // A stale entry keeps the end of its stale windows.
        if !entry.is_fresh(self.now) {
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
    count: AtomicUsize,
    purges: Mutex<Vec<Arc<ActivePurge>>>,
}

/// Ends a purge when it is dropped.
pub(super) struct Active<'a> {
    all: &'a ActivePurges,
    purge: Arc<ActivePurge>,
}

impl ActivePurges {
    pub(super) fn is_any(&self) -> bool {
        self.count.load(Ordering::Acquire) > 0
    }

    pub(super) fn start(&self, purge: ActivePurge) -> Active<'_> {
        let purge = Arc::new(purge);
        let mut purges = lock(&self.purges);
        purges.push(Arc::clone(&purge));
        self.count.store(purges.len(), Ordering::Release);
        Active { all: self, purge }
    }

    /// Applies all purges to an entry, and returns whether one removes it.
    pub(super) fn apply(&self, node: &EntryNode, entry: &Entry) -> bool {
        if !self.is_any() {
            return false;
        }
        lock(&self.purges).iter().filter(|purge| purge.selects(entry)).any(|purge| match purge.mode {
            PurgeMode::Remove => true,
            PurgeMode::Expire => {
                purge.expired.fetch_add(usize::from(purge.expire(node, entry)), Ordering::Relaxed);
                false
            }
        })
    }
}

impl Active<'_> {
    /// Applies the purge to an entry that the sweep has reached, and returns whether it counts.
    pub(super) fn sweep(&self, writer: &mut Writer<'_>, node: &Arc<EntryNode>) -> bool {
        let Some(entry) = writer.entry_of(node).filter(|entry| self.purge.selects(entry)) else {
            return false;
        };
        match self.purge.mode {
            PurgeMode::Remove => {
                writer.remove(node, RemovalCause::Purged);
                true
            }
            PurgeMode::Expire => self.purge.expire(node, &entry),
        }
    }

    /// Returns the number of entries that lookups expired.
    pub(super) fn expired_by_lookups(&self) -> usize {
        self.purge.expired.load(Ordering::Relaxed)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        let mut purges = lock(&self.all.purges);
        purges.retain(|purge| !Arc::ptr_eq(purge, &self.purge));
        self.all.count.store(purges.len(), Ordering::Release);
    }
}

/// The nodes that a sweep looks at, a batch at a time.
#[derive(Clone)]
pub(super) enum Sweep {
    All(Pass),
    Indexed {
        key: PurgeKey,
        /// The entries in front of this position were not looked at yet.
        position: usize,
    },
}

impl Sweep {
    pub(super) fn all() -> Self {
        Self::All(Pass::default())
    }

    pub(super) fn of(selector: &LocalSelector) -> Self {
        let indexed = |key| Self::Indexed { key, position: usize::MAX };
        selector.index_key().map_or_else(Self::all, indexed)
    }

    /// Returns the next batch, which is empty at the end.
    pub(super) fn next(&mut self, writer: &Writer<'_>) -> Vec<Arc<EntryNode>> {
        self.next_of(writer, BATCH)
    }

    /// Returns the next nodes, up to `max`.
    pub(super) fn next_of(&mut self, writer: &Writer<'_>, max: usize) -> Vec<Arc<EntryNode>> {
        match self {
            Self::All(pass) => writer.nodes_of_pass(pass, max),
            Self::Indexed { key, position } => writer.nodes_before(*key, position, max),
        }
    }
}

/// Lets threads run that wait for a lock: its owner would take it again before they wake up.
pub(super) fn yield_to(waiting: &AtomicUsize) {
    for _ in 0..MAX_YIELDS {
        if waiting.load(Ordering::Relaxed) == 0 {
            return;
        }
        thread::yield_now();
    }
}
