//! The purges of a store.

use std::{sync::Arc, thread};

use smallvec::SmallVec;

use super::{
    active_purges::Purge,
    entry::Entry,
    node::EntryNode,
    removal::RemovalCause,
    store::Store,
    sweep::{BATCH, Nodes, REMOVED_BATCH, Sweep, yield_to},
};
use crate::{
    outcome::Reason,
    purge::{LocalSelector, PurgeLog, PurgeMode, PurgeSeq},
    time::Instant,
};

/// About how many entries a purge looks at before it returns: for about a millisecond. A thread looks at the others. Under miri, each takes
/// a thousand times as long.
pub(super) const MAX_SWEPT_BY_CALLER: usize = if cfg!(miri) { 64 } else { 1024 };

/// A sweep in progress.
///
/// **A purge holds even if its sweep fails:** if this is dropped before it is complete, everything is unusable.
pub(super) struct Sweeping<'s> {
    store: &'s Store,
    /// `None` if it goes on elsewhere.
    sweep: Option<Sweep>,
    /// The number of expired entries that were removed.
    expired: usize,
    is_complete: bool,
}

/// Why a sweep removes a node.
#[derive(Clone, Copy)]
enum Removal<'s> {
    /// Everything was purged, which has counted the entry.
    Flushed,
    Purged(&'s Purge),
    Expired,
}

impl Sweeping<'_> {
    /// Looks at about `max` further nodes, and returns whether these were the last.
    pub(super) fn run(&mut self, max: usize) -> bool {
        let Some(sweep) = &mut self.sweep else { return true };
        let mut visited = 0;
        // Allocated before the state is locked.
        let mut batch = Vec::with_capacity(BATCH);
        while !self.is_complete && visited < max {
            sweep.add_next(&self.store.writer(), &mut batch);
            visited += batch.len();
            self.is_complete = batch.is_empty();
            let (store, sweep) = (self.store, &*sweep);
            let removals = batch.drain(..).filter_map(|node| {
                let removal = store.removal(sweep, &node)?;
                Some((node, removal))
            });
            self.expired += store.remove_in_batches(removals);
        }
        if self.is_complete {
            self.store.end_sweep();
        }
        self.is_complete
    }

    /// Returns the sweep, which goes on elsewhere.
    pub(super) fn pause(mut self) -> Option<Sweep> {
        self.sweep.take()
    }
}

impl Drop for Sweeping<'_> {
    fn drop(&mut self) {
        let Some(sweep) = &self.sweep else { return };
        if !self.is_complete && !sweep.purges().is_empty() {
            self.store.writer().flush();
        }
        for purge in sweep.purges() {
            self.store.active_purges.end(purge);
            purge.complete();
        }
    }
}

impl Store {
    /// Removes or expires all entries that a selector matches.
    ///
    /// It takes effect at once. Memory is freed in batches, between which other threads use the store. If there is much to look at, a
    /// thread does so after this has returned: [`Purge::poll_complete`].
    pub(crate) fn purge(
        self: &Arc<Self>,
        mode: PurgeMode,
        selector: &LocalSelector,
        now: Instant,
    ) -> Arc<Purge> {
        let (purge, mut sweeping) = self.begin_purge(mode, selector, now);
        if !sweeping.run(MAX_SWEPT_BY_CALLER) {
            self.leave_to_thread(sweeping);
        }
        purge
    }

    fn leave_to_thread(self: &Arc<Self>, sweeping: Sweeping<'_>) {
        if let Some(sweep) = sweeping.pause()
            && self.sweeper.push(sweep)
        {
            self.start_sweeper();
        }
    }

    /// Lets a purge take effect.
    pub(super) fn begin_purge(
        &self,
        mode: PurgeMode,
        selector: &LocalSelector,
        now: Instant,
    ) -> (Arc<Purge>, Sweeping<'_>) {
        // Before the state is locked: entries stored until then are found by the sweep, and later ones are checked against the log.
        let seq = self.purge_log.append((mode, selector.clone()));
        let purge = self.active_purges.start(Purge::new(seq, mode, selector.clone(), now));
        let sweeping = self.sweeping(Sweep::new(Arc::clone(&purge), Nodes::of(selector)));
        if let (PurgeMode::Remove, LocalSelector::All) = (mode, selector) {
            purge.count(self.writer().flush());
        }
        (purge, sweeping)
    }

    fn sweeping(&self, sweep: Sweep) -> Sweeping<'_> {
        Sweeping { store: self, sweep: Some(sweep), expired: 0, is_complete: false }
    }

    fn start_sweeper(self: &Arc<Self>) {
        let store = Arc::clone(self);
        let run = move || store.run_sweeper();
        if thread::Builder::new().name("cache_page sweep".to_owned()).spawn(run).is_err() {
            self.run_sweeper();
        }
    }

    /// Completes all sweeps that were left to the thread.
    pub(super) fn run_sweeper(&self) {
        self.sweeper.run(|sweep| {
            self.sweeping(sweep).run(usize::MAX);
        });
    }

    /// Returns the one of these purges that removes what is stored under a node.
    fn removing<'p>(&self, purges: &'p [Arc<Purge>], node: &Arc<EntryNode>) -> Option<&'p Arc<Purge>> {
        let keys = node.purge_keys()?;
        let mut selecting = purges.iter().filter(|purge| purge.selects(keys));
        selecting.find(|purge| {
            if !purge.removes()
                && let Some(entry) = node.entry().filter(|_| !node.is_removed())
            {
                purge.expire(node, entry);
            }
            purge.removes()
        })
    }

    /// Returns why a sweep removes a node, if it does.
    fn removal<'s>(&self, sweep: &'s Sweep, node: &Arc<EntryNode>) -> Option<Removal<'s>> {
        if node.is_flushed() {
            Some(Removal::Flushed)
        } else if let Some(purge) = self.removing(sweep.purges(), node) {
            Some(Removal::Purged(purge))
        } else {
            sweep.is_expired(node).then_some(Removal::Expired)
        }
    }

    /// Removes nodes, and returns how many of them had expired.
    fn remove_in_batches<'s>(&self, mut nodes: impl Iterator<Item = (Arc<EntryNode>, Removal<'s>)>) -> usize {
        let mut expired = 0;
        loop {
            // What is removed is looked at before the state is locked.
            let batch: SmallVec<[_; REMOVED_BATCH]> = nodes.by_ref().take(REMOVED_BATCH).collect();
            if batch.is_empty() {
                return expired;
            }
            let mut writer = self.removing_writer();
            for (node, removal) in &batch {
                match removal {
                    Removal::Flushed => drop(writer.remove(node, RemovalCause::Purged)),
                    Removal::Purged(purge) => {
                        purge.count(usize::from(writer.remove(node, RemovalCause::Purged)));
                    }
                    Removal::Expired => expired += usize::from(writer.remove(node, RemovalCause::Expired)),
                }
            }
            self.unlock(writer);
            yield_to(&self.waiting);
        }
    }

    /// Removes all expired entries. Returns the number of those that were removed before this returns; if there is much to look at,
    /// a thread goes on.
    pub(crate) fn remove_expired(self: &Arc<Self>, now: Instant) -> usize {
        let mut sweeping = self.sweeping(Sweep::of_expired(now));
        let is_complete = sweeping.run(MAX_SWEPT_BY_CALLER);
        let removed = sweeping.expired;
        if !is_complete {
            self.leave_to_thread(sweeping);
        }
        removed
    }

    /// Checks that an entry was not purged since its handler was started. Returns the purge up to which that is known.
    ///
    /// A soft purge counts too: the entry shows data from before it, but would be stored as fresh.
    ///
    /// # Errors
    ///
    /// Returns [`Reason::Purged`] if it was.
    pub(crate) fn may_store(&self, entry: &Entry) -> Result<PurgeSeq, Reason> {
        let latest = self.purge_log.latest();
        self.was_not_purged_since(entry.purge_keys().purge_seq(), entry)?;
        Ok(latest.max(entry.purge_keys().purge_seq()))
    }

    /// Checks that an entry was not purged since another purge.
    pub(super) fn was_not_purged_since(&self, seq: PurgeSeq, entry: &Entry) -> Result<(), Reason> {
        let keys = entry.purge_keys();
        let is_purged = self.purge_log.was_purged_since(seq, |(_, selector)| selector.matches(keys));
        if is_purged { Err(Reason::Purged) } else { Ok(()) }
    }

    pub(crate) fn purge_log(&self) -> &PurgeLog<(PurgeMode, LocalSelector)> {
        &self.purge_log
    }

    /// Returns whether a purge that is in progress may select an entry.
    pub(super) fn may_be_purged(&self, entry: &Entry) -> bool {
        self.active_purges.may_select(entry)
    }

    /// Returns the number of purges that are not complete.
    pub(crate) fn purges_in_progress(&self) -> usize {
        self.active_purges.len()
    }

    /// Ends a pass over what is stored.
    pub(super) fn end_sweep(&self) {
        let mut writer = self.writer();
        writer.end_sweep();
        let is_sparse = writer.take_sparse();
        self.unlock(writer);
        if is_sparse {
            self.shrink_map();
        }
    }
}
