//! [`State`]: what changes together with the map, and its charge to the budget.

use std::{mem, ops::Range, sync::Arc};

use super::{
    eviction::Eviction,
    freed::Freed,
    handler_totals::HandlerTotals,
    node::{FlushEpoch, Slot},
    purge_index::PurgeIndex,
    removal::{RemovalCause, Removals},
    room::{Room, Wanted},
};
use crate::{page::LinesOwner, purge::PurgeKey};

/// The shards of the map that an insertion shrinks. It takes a tenth of a millisecond.
const SHRUNK_BY_INSERTION: usize = 16;

/// What changes together with the map.
pub(super) struct State {
    pub(super) eviction: Eviction,
    pub(super) purge_index: PurgeIndex,
    /// The epoch of new nodes.
    pub(super) epoch: Arc<FlushEpoch>,
    /// The number of entries in the map that were not flushed.
    pub(super) entries: usize,
    /// The same entries, by handler.
    pub(super) handlers: HandlerTotals,
    /// The number of entries that were removed, by cause.
    pub(super) removals: Removals,
    /// The bytes of the workers' copies.
    pub(super) copy_bytes: usize,
    /// The store whose entries share header lines.
    pub(super) lines_owner: LinesOwner,
    /// The bytes of the header lines that entries share.
    pub(super) shared_bytes: usize,
    /// The highest number of nodes since the map last shrank.
    peak: usize,
    /// The number of shards of the map, the first ones, that have yet to shrink.
    sparse_shards: usize,
}

impl State {
    /// Creates an empty state, whose index has this number of tables.
    pub(super) fn new(max_bytes: usize, tables: usize, lines_owner: LinesOwner) -> Self {
        Self {
            eviction: Eviction::new(max_bytes),
            purge_index: PurgeIndex::new(tables),
            epoch: Arc::default(),
            entries: 0,
            handlers: HandlerTotals::default(),
            removals: Removals::default(),
            copy_bytes: 0,
            lines_owner,
            shared_bytes: 0,
            peak: 0,
            sparse_shards: 0,
        }
    }

    /// Returns all bytes that are charged to the budget.
    pub(super) fn bytes(&self) -> usize {
        self.eviction.bytes() + self.purge_index.bytes() + self.copy_bytes + self.shared_bytes
    }

    /// Charges the lines that an entry shares with others, if it is the first one that has them.
    pub(super) fn charge_shared_lines(&mut self, slot: &Slot) {
        if let Some(lines) = slot.shared_lines(self.lines_owner)
            && lines.add_entry()
        {
            self.shared_bytes += lines.weight();
        }
    }

    /// Ends the charge if the entry is the last one that has the lines.
    pub(super) fn release_shared_lines(&mut self, slot: &Slot) {
        if let Some(lines) = slot.shared_lines(self.lines_owner)
            && lines.remove_entry()
        {
            self.shared_bytes -= lines.weight();
        }
    }

    /// Returns what would be charged with a further node of this weight.
    pub(super) fn needed_bytes(&self, weight: usize) -> usize {
        self.bytes().saturating_add(self.eviction.max_growth()).saturating_add(weight)
    }

    /// Returns a large allocation without which a node with these purge keys must not be inserted.
    pub(super) fn wanted_to_insert(&self, keys: &[PurgeKey]) -> Option<Wanted> {
        let queue = self.eviction.wanted_to_push().map(|(queue, wanted)| Wanted::Queue(queue, wanted));
        queue.or_else(|| self.purge_index.wanted_to_insert(keys).map(Wanted::Index))
    }

    /// Returns a large allocation without which nothing must be evicted.
    pub(super) fn wanted_to_evict(&self) -> Option<Wanted> {
        self.eviction.wanted_to_evict().map(Wanted::Ghosts)
    }

    /// Returns a large allocation in the place of one that is mostly empty.
    pub(super) fn wanted_to_shrink(&mut self) -> Option<Wanted> {
        let queue = self.eviction.wanted_to_shrink().map(|(queue, wanted)| Wanted::Queue(queue, wanted));
        queue.or_else(|| self.purge_index.next_sparse().map(Wanted::Index))
    }

    /// Uses what was allocated, if it is still of use.
    pub(super) fn take_room(&mut self, room: Room, freed: &mut Freed) {
        match room {
            Room::Queue(queue, room) => self.eviction.take_room(queue, room, freed),
            Room::Index(room) => self.purge_index.take_room(room, freed),
            Room::Ghosts(segments) => self.eviction.take_segments(segments, freed),
        }
    }

    /// Makes everything unusable, and returns the number of entries.
    pub(super) fn flush(&mut self) -> usize {
        mem::take(&mut self.epoch).end();
        let flushed = mem::take(&mut self.entries);
        self.handlers.flush();
        self.removals.add(RemovalCause::Purged, flushed);
        flushed
    }

    /// Records the number of nodes, after an insertion.
    pub(super) fn record_len(&mut self) {
        self.peak = self.peak.max(self.eviction.len());
    }

    /// Returns whether the map should shrink, because most of what was in it was removed.
    pub(super) fn take_sparse(&mut self) -> bool {
        let is_sparse = self.is_sparse() || self.sparse_shards > 0;
        if is_sparse {
            (self.peak, self.sparse_shards) = (self.eviction.len(), 0);
        }
        is_sparse
    }

    /// Returns some of the `shards` of the map that should shrink. Successive calls return all of them when most of what was in the map
    /// was evicted: no insertion waits until all have shrunk.
    pub(super) fn next_sparse_shards(&mut self, shards: usize) -> Range<usize> {
        if self.is_sparse() {
            (self.peak, self.sparse_shards) = (self.eviction.len(), shards);
        }
        let end = self.sparse_shards;
        self.sparse_shards = end.saturating_sub(SHRUNK_BY_INSERTION);
        self.sparse_shards..end
    }

    fn is_sparse(&self) -> bool {
        self.eviction.len() < self.peak / 2
    }
}
