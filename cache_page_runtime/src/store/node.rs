//! [`EntryNode`]: a key with what is stored under it, and what the store needs to find, evict and purge that.

use std::{
    borrow::Borrow,
    hash::{Hash, Hasher},
    sync::Arc,
};

use super::{entry::Entry, weights};
use crate::{
    http::VaryNames,
    key::{CacheKey, KeyHash},
    page::LinesOwner,
    purge::{PurgeKey, PurgeKeys},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::Instant,
};

/// The highest frequency. A hit on an entry that has it writes nothing.
///
/// The frequency is the only thing that a hit on a local copy writes and other workers read. With this limit, the frequency of a
/// popular entry is written at most three times between two passes of its queue.
const MAX_FREQUENCY: u8 = 3;

/// One of the queues of [`Eviction`](super::eviction::Eviction).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QueueId {
    Small = 0,
    Main = 1,
    Expired = 2,
}

/// A key of the map, with what is stored under it.
pub(super) struct EntryNode {
    pub(super) key: Box<[u8]>,
    pub(super) slot: Slot,
    /// The hash of the key, by which the ghost queue remembers an evicted entry.
    pub(super) hash: KeyHash,
    /// The bytes that are charged for the node and what is stored under it, except for encoded bodies.
    weight: usize,
    /// The bytes that are charged for encoded bodies. Only written under the store's state lock.
    encoded: AtomicUsize,
    /// Counts the changes that copies of the entry lack.
    version: AtomicU32,
    /// Nanoseconds: what is stored is unusable from then on.
    expires_at: AtomicU64,
    /// The number of hits since the node was last at the front of its queue, up to `MAX_FREQUENCY`.
    frequency: AtomicU8,
    /// Whether the node was removed from the map, so that copies of its entry are unusable.
    is_removed: AtomicBool,
    /// Whether a purge made the entry stale, which copies of the entry do not record.
    is_expired_early: AtomicBool,
    /// `None` until the node is inserted. Until then, it is not usable.
    epoch: Option<Arc<FlushEpoch>>,
    positions: Positions,
    /// The number of workers' copies of the entry. Only accessed under the store's state lock.
    copies: AtomicU32,
    /// The queue that the node is in, as a [`QueueId`]. Only accessed under the store's state lock.
    queue: AtomicU8,
    /// The place in that queue. Only accessed under the store's state lock.
    pub(super) place: AtomicU32,
}

/// The position in the index list of each purge key. Only accessed under the store's state lock.
enum Positions {
    /// As for most pages, which have a path, a handler and up to three tags. It takes no more than a pointer to a slice and its kind.
    Few([AtomicU32; 5]),
    Many(Box<[AtomicU32]>),
}

impl Positions {
    fn new(purge_keys: usize) -> Self {
        let few = <[AtomicU32; 5]>::default();
        if purge_keys <= few.len() {
            Self::Few(few)
        } else {
            Self::Many((0..purge_keys).map(|_| AtomicU32::new(0)).collect())
        }
    }

    fn as_slice(&self) -> &[AtomicU32] {
        match self {
            Self::Few(positions) => positions,
            Self::Many(positions) => positions,
        }
    }

    /// Returns the bytes that are allocated outside of the node.
    fn weight(&self) -> usize {
        match self {
            Self::Few(_) => 0,
            Self::Many(positions) => size_of_val(&**positions),
        }
    }
}

/// What is stored under a key. It has two words, one of them the kind, because every node has one.
pub(super) enum Slot {
    /// The only entry of a page, under the key of the page.
    Entry(Arc<Entry>),
    /// One variant of a page, under the key of the variant.
    Variant(Box<Variant>),
    /// What selects a variant, under the key of the page.
    VariantSet(Arc<VariantSet>),
}

/// One variant of a page.
pub(super) struct Variant {
    pub(super) entry: Arc<Entry>,
    pub(super) variants: Arc<VariantSet>,
}

/// Stored under the key of a page: the request headers that select a variant, and the variants that are stored.
pub(super) struct VariantSet {
    pub(super) names: VaryNames,
    /// The nodes of the variants that are in the map, in the order in which they were stored. Only locked under the store's state
    /// lock.
    pub(super) nodes: Mutex<Vec<Arc<EntryNode>>>,
}

impl EntryNode {
    /// Creates the node of a slot in a store whose entries share the header lines of `lines_owner`. It is not inserted yet.
    pub(super) fn new(key: &[u8], hash: KeyHash, slot: Slot, lines_owner: LinesOwner) -> Self {
        let positions = Positions::new(slot.purge_keys().map_or(0, |keys| keys.index_keys().len()));
        let (weight, encoded) = (slot.weight(lines_owner), slot.encoded_weight());
        let weight = weight.saturating_add(Self::weight_of_key(key)).saturating_add(positions.weight());
        Self {
            key: key.into(),
            hash,
            weight: weight - encoded,
            encoded: AtomicUsize::new(encoded),
            version: AtomicU32::new(0),
            expires_at: AtomicU64::new(slot.expires_at()),
            frequency: AtomicU8::new(0),
            is_removed: AtomicBool::new(false),
            is_expired_early: AtomicBool::new(false),
            epoch: None,
            positions,
            copies: AtomicU32::new(0),
            queue: AtomicU8::new(QueueId::Small as u8),
            place: AtomicU32::new(0),
            slot,
        }
    }

    /// Sets the epoch in which the node is inserted.
    pub(super) fn set_epoch(&mut self, epoch: &Arc<FlushEpoch>) {
        self.epoch = Some(Arc::clone(epoch));
    }

    /// Returns the entry that is stored, or `None` for a variant set.
    pub(super) fn entry(&self) -> Option<&Arc<Entry>> {
        self.slot.entry()
    }

    /// Returns what a purge selects the entry by, or `None` for a variant set.
    pub(super) fn purge_keys(&self) -> Option<&PurgeKeys> {
        self.slot.purge_keys().map(AsRef::as_ref)
    }

    /// Counts a worker's copy, which refers to the node until it is dropped.
    pub(super) fn add_copy(&self) {
        self.copies.store(self.copies.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Ends the count of a copy.
    pub(super) fn remove_copy(&self) {
        self.copies.store(self.copies.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
    }

    pub(super) fn has_copies(&self) -> bool {
        self.copies.load(Ordering::Relaxed) > 0
    }

    /// Returns the keys under which the purge index has the node, with its position in the list of each. The positions are only accessed
    /// under the store's state lock.
    pub(super) fn index_positions(&self) -> impl Iterator<Item = (PurgeKey, &AtomicU32)> {
        let keys = self.purge_keys().map(PurgeKeys::index_keys);
        keys.into_iter().flatten().zip(self.positions.as_slice())
    }

    /// Counts the hits on a node that this one replaces as its own.
    pub(super) fn inherit_frequency(&self, replaced: &Self) {
        self.frequency.store(replaced.frequency(), Ordering::Relaxed);
    }

    pub(super) fn queue(&self) -> QueueId {
        match self.queue.load(Ordering::Relaxed) {
            0 => QueueId::Small,
            1 => QueueId::Main,
            _ => QueueId::Expired,
        }
    }

    pub(super) fn set_queue(&self, queue: QueueId) {
        self.queue.store(queue as u8, Ordering::Relaxed);
    }

    /// Returns the bytes that are charged for the node and what is stored under it, until it is removed from the map.
    pub(super) fn weight(&self) -> usize {
        self.weight + self.encoded_weight()
    }

    /// Returns the part of the weight that is charged for encoded bodies.
    pub(super) fn encoded_weight(&self) -> usize {
        self.encoded.load(Ordering::Relaxed)
    }

    /// Sets what is charged for encoded bodies. The queue that has the node counts them too.
    pub(super) fn set_encoded_weight(&self, bytes: usize) {
        self.encoded.store(bytes, Ordering::Relaxed);
    }

    /// Returns the version of the entry, which a copy of it is made of.
    pub(super) fn version(&self) -> u32 {
        self.version.load(Ordering::Acquire)
    }

    /// Makes the copies of the entry unusable, until they are made again.
    pub(super) fn outdate_copies(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    #[inline]
    pub(super) fn matches_key(&self, key: CacheKey<'_>) -> bool {
        *self.key == *key.as_bytes()
    }

    /// Counts a hit. On an entry that is hit often, this only reads.
    pub(super) fn touch(&self) {
        let frequency = self.frequency.load(Ordering::Relaxed);
        if frequency < MAX_FREQUENCY {
            // Of two concurrent hits, one may not be counted. That does no harm, and a plain load and store cost less than an
            // atomic increment.
            self.frequency.store(frequency + 1, Ordering::Relaxed);
        }
    }

    /// Returns the number of hits, up to a small limit.
    pub(super) fn frequency(&self) -> u8 {
        self.frequency.load(Ordering::Relaxed)
    }

    /// Subtracts `cost` from the frequency, or returns `false` if the frequency is lower.
    pub(super) fn spend_frequency(&self, cost: u8) -> bool {
        let left = self.frequency.load(Ordering::Relaxed).checked_sub(cost);
        if let Some(left) = left {
            self.frequency.store(left, Ordering::Relaxed);
        }
        left.is_some()
    }

    /// Returns whether copies of the entry may be used as the entry itself may.
    pub(super) fn is_current(&self) -> bool {
        !self.is_removed() && !self.is_flushed() && !self.is_expired_early.load(Ordering::Acquire)
    }

    /// Records that a purge makes the entry stale.
    pub(super) fn expire_copies(&self) {
        self.is_expired_early.store(true, Ordering::Release);
    }

    /// Records that what is stored is unusable from `expires_at` on, if not earlier.
    pub(super) fn lower_expiry(&self, expires_at: u64) {
        self.expires_at.fetch_min(expires_at, Ordering::AcqRel);
    }

    /// Records that the node was removed from the map, or is about to be.
    pub(super) fn set_removed(&self) {
        self.is_removed.store(true, Ordering::Release);
    }

    pub(super) fn is_removed(&self) -> bool {
        self.is_removed.load(Ordering::Acquire)
    }

    /// Returns whether everything was purged since the node was inserted. It may still be in the map.
    pub(super) fn is_flushed(&self) -> bool {
        self.epoch.as_ref().is_none_or(|epoch| epoch.has_ended.load(Ordering::Acquire))
    }

    /// Returns whether what is stored is unusable.
    pub(super) fn is_expired(&self, now: Instant) -> bool {
        self.expires_at.load(Ordering::Acquire) <= now.as_nanos() || self.is_flushed()
    }

    /// Returns whether the handler may confirm what is stored after it has expired.
    pub(super) fn is_revalidatable(&self) -> bool {
        self.slot.is_revalidatable() && !self.is_flushed()
    }

    pub(super) fn weight_of_key(key: &[u8]) -> usize {
        key.len() + weights::in_arc::<Self>() + weights::MAP
    }
}

/// The time between two purges of everything.
///
/// Ending an epoch makes all of its nodes unusable at once. A sweep then removes them in batches.
#[derive(Default)]
pub(super) struct FlushEpoch {
    has_ended: AtomicBool,
}

impl FlushEpoch {
    pub(super) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
    }
}

/// A node as the key of the map.
///
/// Dropping it marks the node as removed, so that no entry can leave the map without invalidating the workers' copies of it.
pub(super) struct NodeKey(pub(super) Arc<EntryNode>);

impl Drop for NodeKey {
    fn drop(&mut self) {
        self.0.set_removed();
    }
}

impl Borrow<[u8]> for NodeKey {
    fn borrow(&self) -> &[u8] {
        &self.0.key
    }
}

impl Hash for NodeKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

impl PartialEq for NodeKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for NodeKey {}
