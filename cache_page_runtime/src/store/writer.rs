//! [`Writer`]: the only way to change what is stored.

use std::{ops::Range, sync::Arc};

use actix_web::http::header::HeaderMap;
use smallvec::SmallVec;

use super::{
    entry::Entry,
    eviction::Pass,
    freed::Freed,
    map::EntryMap,
    node::{EntryNode, NodeKey, Slot, Variant, VariantSet},
    removal::RemovalCause,
    room::{Room, Wanted},
    state::State,
};
use crate::{
    http::VaryNames,
    key::{CacheKey, KeyHash},
    outcome::Reason,
    purge::PurgeKey,
    sync::MutexGuard,
    time::Instant,
};

/// The fraction of the budget that one entry may take, as its denominator: a larger one would evict many others.
const MAX_ENTRY_DIVISOR: usize = 4;

/// The fraction of the budget, as its denominator, that is free when what the first eviction needs is allocated.
const NEAR_DIVISOR: usize = 16;

/// What was removed. A longer list is allocated before the state is locked.
pub(super) type RemovedNodes = SmallVec<[NodeKey; 4]>;

/// Exclusive access to what is stored, with the state locked.
///
/// **Invariant:** the charged bytes never exceed the budget.
pub(super) struct Writer<'s> {
    pub(super) map: &'s EntryMap,
    #[cfg(all(test, target_os = "linux"))]
    _held: super::held::Held,
    pub(super) state: MutexGuard<'s, State>,
    pub(super) max_bytes: usize,
    /// What was removed. It is freed after the state is unlocked, because fields are dropped in this order.
    removed: RemovedNodes,
    pub(super) freed: Freed,
    /// Whether something was evicted.
    pub(super) has_evicted: bool,
    /// Whether something was removed or replaced, so that a part of the state may be mostly empty.
    pub(super) has_removed: bool,
}

impl<'s> Writer<'s> {
    /// `removed` is empty, with room for what is to be removed.
    pub(super) fn new(
        map: &'s EntryMap,
        state: MutexGuard<'s, State>,
        max_bytes: usize,
        removed: RemovedNodes,
    ) -> Self {
        Self {
            map,
            #[cfg(all(test, target_os = "linux"))]
            _held: super::held::Held::begin(),
            state,
            max_bytes,
            removed,
            freed: Freed::default(),
            has_evicted: false,
            has_removed: false,
        }
    }

    /// Stores an entry that varies by these request headers, in the place of the one under the same key.
    ///
    /// `node` has the entry, if there are no such headers. `replaced` is an entry that the new one may replace whatever their times are.
    pub(super) fn put(
        &mut self,
        key: CacheKey<'_>,
        names: VaryNames,
        request: &HeaderMap,
        (entry, node): (Arc<Entry>, Option<Arc<EntryNode>>),
        replaced: Option<&Arc<Entry>>,
    ) -> Result<(), Reason> {
        let page_key = key.as_bytes();
        if let Some(node) = node {
            let old = self.map.get_with_flushed((node.hash, page_key));
            let is_variant_set =
                |node: &Arc<EntryNode>| node.slot.variant_set().is_some() && !node.is_flushed();
            if !old.as_ref().is_some_and(is_variant_set) {
                return self.insert_over(old, node, replaced);
            }
            self.freed.push(node);
        }
        let variants = self.ensure_variant_set(page_key, names)?;
        let variant_key = variants.variant_key(key, request).ok_or(Reason::KeyTooLong)?;
        let variant_key = variant_key.as_slice();
        if self.map.get(variant_key).is_none() && variants.is_full() {
            self.replace_variant(&variants, entry.created_at());
        }
        let variant = Variant { entry, variants: Arc::clone(&variants) };
        self.insert(variant_key, Slot::Variant(Box::new(variant)), replaced)?;
        // Making room for the variant may have evicted the set.
        if self.map.get(page_key).is_none() {
            self.insert(page_key, Slot::VariantSet(variants), None)?;
        }
        // If there is no room for both, the set has evicted the variant.
        if self.map.get(variant_key).is_some() { Ok(()) } else { Err(Reason::BodyTooLarge) }
    }

    /// Returns the variant set under the key of a page, with at least these names.
    ///
    /// With more names than before, the set starts without variants: those by fewer names are not found any more.
    pub(super) fn ensure_variant_set(
        &mut self,
        page_key: &[u8],
        mut names: VaryNames,
    ) -> Result<Arc<VariantSet>, Reason> {
        if let Some(variants) = self.variant_set(page_key) {
            names = variants.names_with(names);
            if names == variants.names {
                return Ok(variants);
            }
        }
        let variants = Arc::new(VariantSet::new(names));
        self.insert(page_key, Slot::VariantSet(Arc::clone(&variants)), None)?;
        Ok(variants)
    }

    fn variant_set(&self, page_key: &[u8]) -> Option<Arc<VariantSet>> {
        self.map.get(page_key)?.slot.variant_set().cloned()
    }

    /// Removes a variant from a full set: a stale one, or else the least used one.
    fn replace_variant(&mut self, variants: &VariantSet, now: Instant) {
        let is_stale = |node: &Arc<EntryNode>| {
            node.is_removed() || node.entry().is_none_or(|entry| !entry.is_fresh(now))
        };
        // Not under the lock of the nodes, which comes after that of a shard of the map.
        let nodes = variants.nodes().clone();
        let stale = nodes.iter().find(|node| is_stale(node)).cloned();
        self.freed.push(nodes);
        if let Some(node) = stale.or_else(|| variants.least_used()) {
            self.remove(&node, RemovalCause::Variants);
            // It is the caller's only way to make room, so a node that has left the map by another way must go too.
            variants.remove(&node);
        }
    }

    fn insert(&mut self, key: &[u8], slot: Slot, replaced: Option<&Arc<Entry>>) -> Result<(), Reason> {
        let node = Arc::new(EntryNode::new(key, KeyHash::of(key), slot, self.state.lines_owner));
        self.insert_over(self.map.get_with_flushed((node.hash, key)), node, replaced)
    }

    /// Inserts a new node in the place of the one that the map has under its key.
    fn insert_over(
        &mut self,
        old: Option<Arc<EntryNode>>,
        mut node: Arc<EntryNode>,
        replaced: Option<&Arc<Entry>>,
    ) -> Result<(), Reason> {
        // Nobody else has it yet.
        if let Some(node) = Arc::get_mut(&mut node) {
            node.set_epoch(&self.state.epoch);
        }
        if !self.fits(node.weight()) {
            self.freed.push(node);
            return Err(Reason::BodyTooLarge);
        }
        if let Some(old) = old {
            let may_replace = old.is_flushed() || replaced.is_some_and(|replaced| old.slot.holds(replaced));
            if !may_replace && node.slot.is_older_than(&old.slot) {
                self.freed.push(node);
                return Err(Reason::Superseded);
            }
            node.inherit_frequency(&old);
            if let Some(variants) = node.slot.variants() {
                variants.replace(&old, &node);
            }
            // The old node stays in the map until the new one replaces it, so that no request misses in between.
            self.count_removal(&old, RemovalCause::Replaced);
            self.unlink(&old);
        }
        if let Some(variants) = node.slot.variants() {
            // Before room is made, because a variant set without variants may be evicted.
            variants.push(&node, &mut self.freed);
        }
        if let Some(entry) = node.entry() {
            self.remove_expired_sample(entry.created_at());
            self.state.entries += 1;
            self.state.handlers.add(&node);
        }
        // Before room is made, because what is charged for the lines and the index is known afterwards.
        self.state.charge_shared_lines(&node.slot);
        self.state.purge_index.insert(&node, &mut self.freed);
        if !self.make_room(node.weight()) {
            self.undo(&node);
            self.freed.push(node);
            return Err(Reason::BodyTooLarge);
        }
        self.state.eviction.push(Arc::clone(&node), &mut self.freed);
        if let Some(replaced) = self.map.insert(node) {
            self.push_removed(replaced);
        }
        self.state.record_len();
        Ok(())
    }

    /// Undoes an insertion that there is no room for. What was stored under the key before is removed too.
    fn undo(&mut self, node: &Arc<EntryNode>) {
        if let Some(old) = self.map.get_with_flushed((node.hash, &node.key)) {
            self.freed.push(self.map.remove(&old));
        }
        self.unlink(node);
    }

    /// Removes a node with its slot, unless another node has replaced it. Returns whether that was an entry that counts.
    pub(super) fn remove(&mut self, node: &Arc<EntryNode>, cause: RemovalCause) -> bool {
        let Some(removed) = self.map.remove(node) else { return false };
        let before = self.state.entries;
        self.count_removal(node, cause);
        self.unlink(node);
        self.push_removed(removed);
        self.state.entries < before
    }

    fn push_removed(&mut self, removed: NodeKey) {
        if self.removed.len() < self.removed.capacity() {
            self.removed.push(removed);
        } else {
            self.freed.push(removed);
        }
    }

    /// Counts the removal of an entry. One that was flushed is counted already.
    fn count_removal(&mut self, node: &EntryNode, cause: RemovalCause) {
        if node.entry().is_some() && !node.is_flushed() {
            self.state.removals.add(cause, 1);
            if cause == RemovalCause::Purged {
                self.state.handlers.count_purged(node);
            }
        }
    }

    /// Removes an entry that is outdated, unless another slot has replaced it.
    pub(super) fn remove_entry(&mut self, key: &[u8], entry: &Arc<Entry>) {
        if let Some(node) = self.map.get(key)
            && node.slot.holds(entry)
        {
            self.remove(&node, RemovalCause::Outdated);
        }
    }

    /// Removes a node from everything but the map.
    fn unlink(&mut self, node: &Arc<EntryNode>) {
        self.has_removed = true;
        self.state.eviction.remove(node, &mut self.freed);
        self.state.purge_index.remove(node, &mut self.freed);
        self.state.release_shared_lines(&node.slot);
        if node.entry().is_some() && !node.is_flushed() {
            self.state.entries -= 1;
            self.state.handlers.remove(node);
        }
        if let Some(variants) = node.slot.variants() {
            variants.remove(node);
        }
        if node.has_copies() {
            // They refer to it.
            self.state.copy_bytes += node.weight();
        }
    }

    /// Evicts others until so many bytes fit into the budget, beside what the queues grow by. Returns `false` if nothing more can
    /// be evicted.
    pub(super) fn make_room(&mut self, bytes: usize) -> bool {
        self.make_room_within(bytes, usize::MAX).unwrap_or(false)
    }

    /// As [`make_room`](Self::make_room), with up to `max` evictions. Returns `None` if these were not enough.
    fn make_room_within(&mut self, bytes: usize, max: usize) -> Option<bool> {
        self.evict_while(max, |state, max_bytes| state.needed_bytes(bytes) > max_bytes)
    }

    /// Evicts others, up to `max` times, until `is_too_full` returns `false`.
    fn evict_while(&mut self, max: usize, is_too_full: impl Fn(&State, usize) -> bool) -> Option<bool> {
        // No request would find the variants of an evicted set.
        let has_variants =
            |node: &EntryNode| node.slot.variant_set().is_some_and(|variants| !variants.is_empty());
        let mut evicted = 0;
        while is_too_full(&self.state, self.max_bytes) {
            if evicted == max {
                return None;
            }
            evicted += 1;
            self.has_evicted = true;
            let encoded = self.state.eviction.sample_encoded();
            if !encoded.is_empty() {
                encoded.iter().for_each(|node| self.clear_encodings(node));
                continue;
            }
            let Some(node) = self.state.eviction.choose_victim(has_variants, &mut self.freed) else {
                return Some(false);
            };
            self.remove(&node, RemovalCause::Size);
        }
        Some(true)
    }

    /// Evicts up to `max` entries for so many further bytes, and returns whether more must be evicted.
    pub(super) fn evict(&mut self, bytes: usize, max: usize) -> bool {
        self.make_room_within(bytes, max).is_none()
    }

    /// Returns whether the budget allows for an entry of this weight.
    pub(super) fn fits(&self, weight: usize) -> bool {
        weight <= self.max_bytes / MAX_ENTRY_DIVISOR
    }

    /// Returns the bytes that are charged for what is stored under a key.
    pub(super) fn weight_of(&self, key: &[u8]) -> usize {
        self.map.read((KeyHash::of(key), key), |node| node.weight()).unwrap_or(0)
    }

    /// Checks a few entries, and removes those that are expired, unless their handlers may still confirm them.
    fn remove_expired_sample(&mut self, now: Instant) {
        for node in self.state.eviction.sample_expired(now) {
            if node.is_revalidatable() {
                self.state.eviction.set_expired(&node, &mut self.freed);
            } else {
                self.remove(&node, RemovalCause::Expired);
            }
        }
    }

    /// Returns a large allocation without which an entry with these purge keys must not be inserted.
    pub(super) fn wanted_to_insert(&self, keys: &[PurgeKey]) -> Option<Wanted> {
        self.state.wanted_to_insert(keys)
    }

    /// Returns a large allocation without which so many further bytes must not be stored, because others may be evicted for them.
    pub(super) fn wanted_to_evict(&self, bytes: usize) -> Option<Wanted> {
        let wanted = self.state.wanted_to_evict()?;
        let is_near = self.state.needed_bytes(bytes) > self.max_bytes - self.max_bytes / NEAR_DIVISOR;
        is_near.then_some(wanted)
    }

    /// Returns a large allocation in the place of one that is mostly empty.
    pub(super) fn wanted_to_shrink(&mut self) -> Option<Wanted> {
        self.state.wanted_to_shrink()
    }

    /// Uses what was allocated, if it is still of use.
    pub(super) fn take_room(&mut self, room: Room) {
        self.state.take_room(room, &mut self.freed);
        // It is charged as soon as it is used.
        self.evict_while(usize::MAX, |state, max_bytes| state.bytes() > max_bytes);
    }

    /// Makes everything unusable, and returns the number of entries.
    pub(super) fn flush(&mut self) -> usize {
        self.state.flush()
    }

    /// Adds the next nodes of a purge key to a batch: up to `max` in front of `position` in its list.
    pub(super) fn add_nodes_before(
        &self,
        key: PurgeKey,
        position: &mut usize,
        max: usize,
        batch: &mut Vec<Arc<EntryNode>>,
    ) {
        self.state.purge_index.add_before(key, position, max, batch);
    }

    /// Adds the next nodes of a pass over all that is stored to a batch, up to `max`.
    pub(super) fn add_nodes_of_pass(&self, pass: &mut Pass, max: usize, batch: &mut Vec<Arc<EntryNode>>) {
        self.state.eviction.add_next(pass, max, batch);
    }

    /// Ends a sweep.
    pub(super) fn end_sweep(&mut self) {
        self.state.eviction.forget_if_empty(&mut self.freed);
    }

    /// Returns whether the map should shrink, because most of what was in it was removed.
    pub(super) fn take_sparse(&mut self) -> bool {
        self.state.take_sparse()
    }

    /// Returns some shards of the map that should shrink, if there are any.
    pub(super) fn next_sparse_shards(&mut self) -> Range<usize> {
        self.state.next_sparse_shards(self.map.shards())
    }
}
