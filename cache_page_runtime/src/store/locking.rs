//! How the state is locked, for changes of one entry and of many.

use super::{
    store::Store,
    sweep::{REMOVED_BATCH, yield_to},
    weights::MIN_LARGE,
    writer::{RemovedNodes, Writer},
};
use crate::purge::PurgeKey;

/// How many large allocations are made before an insertion, at most: one for each queue, each tag of most pages, and some that other
/// threads have used.
const MAX_ROOMS: usize = 16;

/// The places of a list of what a batch removes, and of what an insertion evicts for an entry that is larger than most.
const REMOVED_ROOM: usize = 64;

impl Store {
    pub(super) fn writer(&self) -> Writer<'_> {
        Writer::new(&self.map, self.state(), self.max_bytes, RemovedNodes::new())
    }

    /// As [`writer`](Self::writer), for up to [`REMOVED_BATCH`] removals.
    pub(super) fn removing_writer(&self) -> Writer<'_> {
        let removed = RemovedNodes::with_capacity(REMOVED_ROOM);
        Writer::new(&self.map, self.state(), self.max_bytes, removed)
    }

    /// Changes one entry, for which others may be evicted if it needs so many further bytes.
    pub(super) fn change<T>(&self, bytes: usize, change: impl FnOnce(&mut Writer<'_>) -> T) -> T {
        let mut writer = self.prepared(Self::writer, &[], bytes);
        let result = change(&mut writer);
        self.unlock(writer);
        result
    }

    /// Locks the state after the large allocations were made that an entry with these purge keys needs, and the eviction of others for so many
    /// bytes.
    pub(super) fn prepared<'s>(
        &'s self,
        lock: impl Fn(&'s Self) -> Writer<'s>,
        keys: &[PurgeKey],
        bytes: usize,
    ) -> Writer<'s> {
        let mut writer = lock(self);
        for _ in 0..MAX_ROOMS {
            let wanted = writer.wanted_to_insert(keys).or_else(|| writer.wanted_to_evict(bytes));
            let Some(wanted) = wanted else { break };
            let has_removed = writer.has_removed;
            drop(writer);
            let room = wanted.allocate();
            writer = lock(self);
            writer.has_removed = has_removed;
            writer.take_room(room);
        }
        writer
    }

    /// Unlocks the state after entries were removed, and makes the large allocations that the parts need to become smaller.
    pub(super) fn unlock<'s>(&'s self, mut writer: Writer<'s>) {
        while writer.has_removed
            && let Some(wanted) = writer.wanted_to_shrink()
        {
            drop(writer);
            let room = wanted.allocate();
            writer = self.writer();
            writer.take_room(room);
            writer.has_removed = true;
        }
    }

    /// Makes most of the room that a large entry needs beside that of the entry that it replaces.
    pub(super) fn make_room_for(&self, key: &[u8], weight: usize) {
        let writer = self.writer();
        let (fits, missing) = (writer.fits(weight), weight.saturating_sub(writer.weight_of(key)));
        drop(writer);
        if fits {
            self.make_room_in_batches(missing);
        }
    }

    /// Makes room for many bytes, in batches, between which other threads use the store.
    pub(super) fn make_room_in_batches(&self, missing: usize) {
        // What is stored meanwhile needs room too, so that the batches are limited.
        let mut batches = if missing > MIN_LARGE { self.entry_count() / REMOVED_BATCH + 1 } else { 0 };
        while batches > 0 {
            let mut writer = self.prepared(Self::removing_writer, &[], missing);
            let is_missing = writer.evict(missing, REMOVED_BATCH);
            self.unlock(writer);
            if !is_missing {
                break;
            }
            yield_to(&self.waiting);
            batches -= 1;
        }
    }
}
