//! [`PurgeIndex`]: the entries of each purge key.
//!
//! An entry records its position in each list, and a list which of the entry's positions that is. So removing an entry takes the
//! same time from a list of one entry as from a list of a million. No removed entry stays in a list, so no later pass has to
//! clean up.

use std::{
    collections::{HashMap, hash_map},
    sync::{Arc, atomic::Ordering},
};

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::{node::EntryNode, weights};
use crate::purge::PurgeKey;

#[derive(Default)]
pub(super) struct PurgeIndex {
    /// **Invariant:** no list is empty.
    lists: HashMap<PurgeKey, SmallVec<[IndexEntry; 1]>, RandomState>,
}

struct IndexEntry {
    node: Arc<EntryNode>,
    /// The index in `EntryNode::purge_keys` of the key that this list belongs to.
    key_index: usize,
}

impl PurgeIndex {
    /// Returns the bytes that are charged for the lists; those of their entries are part of the nodes' weights.
    pub(super) fn bytes(&self) -> usize {
        self.lists.len() * weights::INDEX_LIST
    }

    /// Returns by how many bytes [`insert`](Self::insert) can grow the index at most.
    pub(super) fn max_growth(node: &EntryNode) -> usize {
        node.purge_keys.len() * weights::INDEX_LIST
    }

    pub(super) fn insert(&mut self, node: &Arc<EntryNode>) {
        for (key_index, (key, position)) in node.purge_keys.iter().enumerate() {
            let list = self.lists.entry(*key).or_default();
            position.store(list.len(), Ordering::Relaxed);
            list.push(IndexEntry { node: Arc::clone(node), key_index });
        }
    }

    pub(super) fn remove(&mut self, node: &EntryNode) {
        for (key, position) in &node.purge_keys {
            let hash_map::Entry::Occupied(mut list) = self.lists.entry(*key) else { continue };
            let position = position.load(Ordering::Relaxed);
            let entries = list.get_mut();
            if position < entries.len() {
                entries.swap_remove(position);
            }
            if let Some(moved) = entries.get(position)
                && let Some((_, moved_position)) = moved.node.purge_keys.get(moved.key_index)
            {
                moved_position.store(position, Ordering::Relaxed);
            }
            if entries.is_empty() {
                list.remove();
            } else if entries.spilled() && entries.len() < entries.capacity() / 4 {
                entries.shrink_to_fit();
            }
        }
    }

    pub(super) fn nodes(&self, key: PurgeKey) -> impl Iterator<Item = &Arc<EntryNode>> {
        self.lists.get(&key).into_iter().flatten().map(|entry| &entry.node)
    }
}

#[cfg(test)]
impl PurgeIndex {
    /// Returns whether the index holds exactly these nodes: each once for each of its purge keys, at the recorded position.
    pub(super) fn holds_exactly(&self, nodes: &[&Arc<EntryNode>]) -> bool {
        let is_in_position = |node: &&Arc<EntryNode>| {
            node.purge_keys.iter().enumerate().all(|(key_index, (key, position))| {
                let entry = self.lists.get(key).and_then(|list| list.get(position.load(Ordering::Relaxed)));
                entry.is_some_and(|entry| Arc::ptr_eq(&entry.node, node) && entry.key_index == key_index)
            })
        };
        let entries: usize = self.lists.values().map(SmallVec::len).sum();
        let purge_keys: usize = nodes.iter().map(|node| node.purge_keys.len()).sum();
        entries == purge_keys
            && nodes.iter().all(is_in_position)
            && self.lists.values().all(|list| !list.is_empty())
    }
}
