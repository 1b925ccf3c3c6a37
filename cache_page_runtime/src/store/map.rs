//! [`EntryMap`]: the concurrent map from keys to nodes.

use std::{mem, sync::Arc};

use dashmap::{DashMap, SharedValue};
use foldhash::quality::RandomState;

use super::node::{EntryNode, NodeKey};
#[cfg(test)]
use crate::sync;
use crate::{
    key::KeyHash,
    sync::atomic::{AtomicU64, Ordering},
};

/// A map that readers access one locked shard at a time. It is only changed under the store's state lock.
pub(super) struct EntryMap {
    map: DashMap<NodeKey, (), RandomState>,
    insertions: Insertions,
}

/// The number of nodes that were inserted, in a cache line of its own, because hits read what is beside it.
#[derive(Default)]
#[repr(align(64))]
struct Insertions(AtomicU64);

impl EntryMap {
    /// Creates a map with this number of shards, a power of two.
    pub(super) fn new(shards: usize) -> Self {
        let map = DashMap::with_hasher_and_shard_amount(KeyHash::state().clone(), shards.max(2));
        Self { map, insertions: Insertions::default() }
    }

    /// Calls `f` with the node under a key with this hash, even if everything was purged since it was inserted. The shard is locked for
    /// reading meanwhile.
    pub(super) fn read<T>(
        &self,
        (hash, key): (KeyHash, &[u8]),
        f: impl FnOnce(&Arc<EntryNode>) -> T,
    ) -> Option<T> {
        let shard = self.shard_of(hash);
        #[cfg(test)]
        self.wait_to_read(shard);
        let table = self.map.shards().get(shard)?.read();
        let (node, _) = table.get(hash.as_u64(), |(stored, _)| *stored.0.key == *key)?;
        Some(f(&node.0))
    }

    /// Returns the node under a key.
    pub(super) fn get(&self, key: &[u8]) -> Option<Arc<EntryNode>> {
        self.get_with_flushed((KeyHash::of(key), key)).filter(|node| !node.is_flushed())
    }

    /// Returns the node under a key with this hash, even if everything was purged since it was inserted.
    pub(super) fn get_with_flushed(&self, key: (KeyHash, &[u8])) -> Option<Arc<EntryNode>> {
        self.read(key, Arc::clone)
    }

    /// Inserts a node, or replaces the one with the same key; readers find either the old one or the new one. Returns the old one.
    pub(super) fn insert(&self, node: Arc<EntryNode>) -> Option<NodeKey> {
        let replaced = self.insert_uncounted(node);
        // Afterwards: who finds the same number again has seen all nodes.
        self.insertions.0.fetch_add(1, Ordering::Release);
        replaced
    }

    /// Returns the number of nodes that have been inserted. While it stays the same, what was not found is not there.
    pub(super) fn insertions(&self) -> u64 {
        self.insertions.0.load(Ordering::Acquire)
    }

    fn insert_uncounted(&self, node: Arc<EntryNode>) -> Option<NodeKey> {
        let shard = self.shard_of(node.hash);
        let hash = node.hash.as_u64();
        #[cfg(test)]
        self.wait_to_write(shard);
        let mut table = self.map.shards().get(shard)?.write();
        if let Some((stored, _)) = table.get_mut(hash, |(stored, _)| *stored.0.key == *node.key) {
            return Some(mem::replace(stored, NodeKey(node)));
        }
        table.insert(hash, (NodeKey(node), SharedValue::new(())), hash_of);
        None
    }

    /// Removes a node, unless another node has replaced it.
    pub(super) fn remove(&self, node: &Arc<EntryNode>) -> Option<NodeKey> {
        let shard = self.shard_of(node.hash);
        #[cfg(test)]
        self.wait_to_write(shard);
        let mut table = self.map.shards().get(shard)?.write();
        let (key, _) = table.remove_entry(node.hash.as_u64(), |(stored, _)| Arc::ptr_eq(&stored.0, node))?;
        Some(key)
    }

    /// Takes the variants out of all variant sets, which they refer to.
    pub(super) fn unlink_variants(&self) {
        for stored in &self.map {
            let slot = &stored.key().0.slot;
            // The set of a variant by fewer names is not in the map.
            if let Some(variants) = slot.variant_set().or_else(|| slot.variants()) {
                variants.nodes().clear();
            }
        }
    }

    /// Returns the number of the shard that has the keys with a hash.
    fn shard_of(&self, hash: KeyHash) -> usize {
        // As the map does it.
        #[allow(clippy::cast_possible_truncation)]
        let hash = hash.as_u64() as usize;
        self.map.determine_shard(hash)
    }
}

/// Returns the hash of a stored key, which need not be computed again.
fn hash_of((node, _): &(NodeKey, SharedValue<()>)) -> u64 {
    node.0.hash.as_u64()
}

impl EntryMap {
    pub(super) fn shards(&self) -> usize {
        self.map.shards().len()
    }

    /// Frees the places of a shard that are not needed. Readers and writers of the others go on.
    pub(super) fn shrink_shard(&self, shard: usize) {
        self.resize(shard, |len, buckets, _| {
            let needed = match len {
                0 => 0,
                len => (len * 8 / 7).next_power_of_two().max(8),
            };
            (buckets > needed.max(1)).then_some(len)
        });
    }

    /// Lets the shard of a key grow if it is full. Readers and writers of the others go on.
    pub(super) fn make_room(&self, key: &[u8]) {
        self.make_room_at(KeyHash::of(key));
    }

    /// As [`make_room`](Self::make_room), for a key with this hash.
    pub(super) fn make_room_at(&self, hash: KeyHash) {
        self.resize(self.shard_of(hash), |len, buckets, capacity| {
            // With fewer slots, the table reuses the places of those that were removed.
            let is_full = len == capacity && len >= buckets * 7 / 8 / 2;
            is_full.then_some(len + 1)
        });
    }

    /// Moves a shard into a table with room for another number of slots, if there is one for its length, its buckets and its capacity.
    ///
    /// The tables are allocated and freed while the shard is not locked.
    fn resize(&self, shard: usize, wanted: impl Fn(usize, usize, usize) -> Option<usize>) {
        let Some(locked) = self.map.shards().get(shard) else { return };
        #[cfg(test)]
        self.wait_to_read(shard);
        let table = locked.read();
        let Some(needed) = wanted(table.len(), table.buckets(), table.capacity()) else { return };
        let mut other = empty(&*table);
        drop(table);
        other.reserve(needed, hash_of);
        #[cfg(test)]
        self.wait_to_write(shard);
        let mut table = locked.write();
        #[cfg(all(test, target_os = "linux"))]
        let held = super::held::Held::begin();
        // Others may have changed it meanwhile.
        if wanted(table.len(), table.buckets(), table.capacity())
            .is_some_and(|needed| needed <= other.capacity())
        {
            table.drain().for_each(|stored| {
                other.insert(hash_of(&stored), stored, hash_of);
            });
            mem::swap(&mut *table, &mut other);
        }
        #[cfg(all(test, target_os = "linux"))]
        drop(held);
        drop(table);
    }
}

/// Returns an empty table of the same type.
fn empty<T: Default>(_: &T) -> T {
    T::default()
}

#[cfg(test)]
impl EntryMap {
    /// Lets other tasks of a scenario continue until a shard can be locked for reading.
    fn wait_to_read(&self, shard: usize) {
        sync::wait_until(|| !self.map.shards()[shard].is_locked_exclusive());
    }

    /// Lets other tasks of a scenario continue until a shard can be locked for writing.
    fn wait_to_write(&self, shard: usize) {
        sync::wait_until(|| !self.map.shards()[shard].is_locked());
    }

    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.map.capacity()
    }

    /// Returns all nodes, including the flushed ones.
    pub(super) fn to_vec(&self) -> Vec<Arc<EntryNode>> {
        self.map.iter().map(|stored| Arc::clone(&stored.key().0)).collect()
    }
}
