//! Copies of popular entries, one set for each worker.
//!
//! A hit in the store writes memory that all workers share: the lock of a shard, and the reference counts of the entry and its
//! body. A worker's own copy is shared with no other worker. A hit on it only reads shared memory: whether the entry was removed
//! or expired, which is written when that happens, and its frequency, which is written at most three times between two passes of
//! the eviction queue.
//!
//! Without copies, two workers that serve one page reach 1.35 times the requests of one worker; with copies, 1.9 times
//! (`BENCHMARKS.md`, `scaling`). More cores add no contention: each one caches the line with the flags of the entry, which
//! only the writes above invalidate.
//!
//! Variants are not copied, because their key is only known after a lookup in the store.

use std::{
    cell::RefCell,
    sync::{Arc, Weak},
};

use super::{entry::Entry, node::EntryNode, sent_lines::SentLines, store::Store};
use crate::{
    key::{CacheKey, KeyHash},
    sync::worker_local,
    time::Instant,
};

/// The copies that a worker may have, of all caches.
const SLOTS: usize = 128;

/// The hits in the store, counted by one worker, after which it copies an entry.
const HOT_THRESHOLD: u8 = 4;

/// The bytes of the values of `Age` and `Cache-Status` that a copy was last sent with.
const LINES_BYTES: usize = 128;

/// The bytes that a copy may take. With larger entries, most of the time of a hit is spent on sending the body.
const MAX_COPY_BYTES: usize = 64 * 1024;

worker_local! {
    static COPIES: RefCell<LocalCopies> = const { RefCell::new(LocalCopies { slots: Vec::new(), hits: Vec::new(), hand: 0 }) };
}

/// The copies of one worker, by the hashes of their keys.
struct LocalCopies {
    slots: Vec<Option<LocalCopy>>,
    /// For each entry that was found in the store, a part of the hash and the number of hits. Of two in one place, the later one
    /// is counted.
    hits: Vec<(u32, u8)>,
    /// The slot after the one that was last searched for an idle copy.
    hand: usize,
}

struct LocalCopy {
    hash: KeyHash,
    /// The store that has the entry. The copy does not keep the store alive.
    store: Weak<Store>,
    node: Arc<EntryNode>,
    /// The version of the entry of which it is a copy.
    version: u32,
    entry: Arc<Entry>,
    /// What the copy was last sent with.
    lines: Option<SentLines>,
    /// The bytes that are reserved in the store.
    bytes: usize,
    /// Whether the copy was sent since another entry needed its slot or its room.
    was_used: bool,
}

impl LocalCopy {
    /// Returns whether the copy may be used as the entry itself may.
    fn is_current(&self) -> bool {
        self.node.is_current() && self.node.version() == self.version
    }
}

impl Drop for LocalCopy {
    fn drop(&mut self) {
        if let Some(store) = self.store.upgrade() {
            store.release_copy(&self.node, self.bytes);
        }
    }
}

/// Returns the slot for a key with this hash.
fn slot_of(hash: KeyHash) -> usize {
    // Not one of the bytes of `low_half`.
    usize::from(hash.as_u64().to_le_bytes()[7]) % SLOTS
}

fn low_half(hash: KeyHash) -> u32 {
    let [a, b, c, d, ..] = hash.as_u64().to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Calls `send` with this worker's copy of a fresh entry, and with what the copy was last sent with.
///
/// The copies are borrowed meanwhile, so `send` must not call anything that may look for a page or drop a copy.
#[inline]
pub(crate) fn with<T>(
    store: &Arc<Store>,
    key: CacheKey<'_>,
    now: Instant,
    send: impl FnOnce(&Arc<Entry>, &mut Option<SentLines>) -> Option<T>,
) -> Option<T> {
    let hash = key.hash();
    // Dropped after the borrow ends, because releasing a copy takes locks.
    let mut unusable = None;
    let sent = COPIES.try_with(|copies| {
        let mut copies = copies.borrow_mut();
        let slot = copies.slots.get_mut(slot_of(hash))?;
        let copy = slot.as_mut()?;
        if copy.hash != hash
            || !copy.node.matches_key(key)
            || !std::ptr::eq(copy.store.as_ptr(), Arc::as_ptr(store))
        {
            return None;
        }
        // Before the node is looked at: the sweep of a purge that is not in progress any more has marked the node.
        if store.may_be_purged(&copy.entry) {
            // The lookup in the store applies the purge.
            return None;
        }
        if !copy.is_current() || !copy.entry.is_fresh(now) || copy.entry.must_revalidate_remote(now) {
            unusable = slot.take();
            return None;
        }
        // Also if it is not sent: the next copy would be of no more use.
        copy.was_used = true;
        let sent = send(&copy.entry, &mut copy.lines)?;
        copy.node.touch();
        Some(sent)
    });
    // A worker that is shutting down has no copies.
    sent.ok().flatten()
}

/// Counts a hit in the store, and copies the entry if it is hit often.
pub(crate) fn record_hit(store: &Arc<Store>, key: CacheKey<'_>, entry: &Arc<Entry>) {
    let is_hot = COPIES.try_with(|copies| copies.borrow_mut().count_hit(key.hash())).unwrap_or(false);
    if is_hot {
        make_copy(store, key, entry);
    }
}

/// Drops the copies of this worker that are not usable any more, and so ends the charge for them.
pub(crate) fn drop_unusable() {
    let unusable = COPIES.try_with(|copies| copies.borrow_mut().take_unusable());
    // Dropped after the borrow has ended, because releasing a copy takes locks.
    drop(unusable);
}

#[cold]
fn make_copy(store: &Arc<Store>, key: CacheKey<'_>, entry: &Arc<Entry>) {
    let hash = key.hash();
    let Some(node) = store.node(key, entry) else { return };
    // Read first: the entry may change meanwhile.
    let version = node.version();
    let bytes = entry.copy_weight() + size_of::<Option<LocalCopy>>() + LINES_BYTES;
    if bytes > MAX_COPY_BYTES {
        return;
    }
    let Ok((has_slot, unusable)) = COPIES.try_with(|copies| copies.borrow_mut().free_slot(hash)) else {
        return;
    };
    // Before room is reserved: this releases the room of the unusable copies.
    drop(unusable);
    if !has_slot || !reserve(store, &node, bytes) {
        return;
    }
    let entry = Arc::new(entry.private_copy());
    let is_current = node.version() == version;
    let copy = LocalCopy {
        hash,
        store: Arc::downgrade(store),
        node,
        version,
        entry,
        lines: None,
        bytes,
        was_used: false,
    };
    if !is_current {
        // It may take other bytes than those that are reserved.
        return drop(copy);
    }
    let replaced = COPIES.try_with(|copies| copies.borrow_mut().insert(hash, copy));
    // Dropped after the borrow has ended, because releasing a copy takes locks.
    drop(replaced);
}

/// Reserves room for a copy. If the copies have taken all of theirs, an idle copy of this worker ends, so that pages that were
/// popular once do not keep others out.
fn reserve(store: &Arc<Store>, node: &EntryNode, bytes: usize) -> bool {
    if store.reserve_copy(node, bytes) {
        return true;
    }
    let idle = COPIES.try_with(|copies| copies.borrow_mut().take_idle(store));
    // Dropped after the borrow has ended, because releasing a copy takes locks.
    drop(idle);
    store.reserve_copy(node, bytes)
}

impl LocalCopies {
    /// Counts a hit, and returns whether it is the one that makes an entry hot.
    fn count_hit(&mut self, hash: KeyHash) -> bool {
        if self.hits.is_empty() {
            self.hits.resize(2 * SLOTS, (0, 0));
        }
        let index = low_half(hash) as usize % self.hits.len();
        let (half, hits) = &mut self.hits[index];
        if *half != low_half(hash) {
            (*half, *hits) = (low_half(hash), 0);
        }
        *hits = (*hits + 1) % HOT_THRESHOLD;
        *hits == 0
    }

    /// Returns whether the slot for a hash is free now, and the unusable copies that were taken from all slots.
    ///
    /// A copy that was sent since its slot was last needed keeps the slot. Else, two equally popular entries would replace each
    /// other's copies over and over.
    fn free_slot(&mut self, hash: KeyHash) -> (bool, Vec<LocalCopy>) {
        let wanted = slot_of(hash);
        let mut is_free = true;
        let mut unusable = Vec::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let Some(copy) = slot else { continue };
            let stays = copy.is_current() && (index != wanted || std::mem::take(&mut copy.was_used));
            if !stays {
                unusable.extend(slot.take());
            } else if index == wanted {
                is_free = false;
            }
        }
        (is_free, unusable)
    }

    /// Takes the next copy of an entry of this store that was not sent since the last search came by.
    fn take_idle(&mut self, store: &Arc<Store>) -> Option<LocalCopy> {
        for _ in 0..self.slots.len() {
            let slot = self.slots.get_mut(self.hand)?;
            self.hand = (self.hand + 1) % SLOTS;
            let is_idle = |copy: &mut LocalCopy| {
                std::ptr::eq(copy.store.as_ptr(), Arc::as_ptr(store)) && !std::mem::take(&mut copy.was_used)
            };
            if let Some(idle) = slot.take_if(is_idle) {
                return Some(idle);
            }
        }
        None
    }

    fn take_unusable(&mut self) -> Vec<LocalCopy> {
        let slots = self.slots.iter_mut();
        slots.filter_map(|slot| slot.take_if(|copy| !copy.is_current())).collect()
    }

    fn insert(&mut self, hash: KeyHash, copy: LocalCopy) -> Option<LocalCopy> {
        if self.slots.is_empty() {
            self.slots.resize_with(SLOTS, || None);
        }
        self.slots[slot_of(hash)].replace(copy)
    }
}
