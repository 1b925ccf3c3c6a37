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

use super::node::EntryNode;
use crate::purge::PurgeKey;

/// The lists of all purge keys, in several tables: growing one of them takes a short time, however many pages there are.
///
/// Tables and lists are charged at their capacity, and shrink when they are mostly empty.
pub(super) struct PurgeIndex {
    tables: Box<[Table]>,
    /// The capacity of all tables and lists, in bytes.
    bytes: usize,
}

#[derive(Default)]
struct Table {
    /// **Invariant:** no list is empty.
    lists: HashMap<PurgeKey, List, RandomState>,
    /// The capacity. That of a hash map with deleted places is lower until it is filled again.
    capacity: usize,
}

/// The entries of a purge key. Most paths have one.
type List = SmallVec<[IndexEntry; 1]>;

struct IndexEntry {
    node: Arc<EntryNode>,
    /// The index in `EntryNode::purge_keys` of the key that this list belongs to.
    key_index: usize,
}

impl PurgeIndex {
    pub(super) fn new(tables: usize) -> Self {
        let tables = (0..tables.max(1)).map(|_| Table::default()).collect();
        Self { tables, bytes: 0 }
    }

    /// Returns the bytes that are charged for the tables and lists.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn insert(&mut self, node: &Arc<EntryNode>) {
        for (key_index, (key, position)) in node.purge_keys.iter().enumerate() {
            let entry = IndexEntry { node: Arc::clone(node), key_index };
            self.change(*key, |table| {
                let list = table.lists.entry(*key).or_default();
                position.store(list.len(), Ordering::Relaxed);
                push(list, entry);
                spilled_bytes(list)
            });
        }
    }

    pub(super) fn remove(&mut self, node: &EntryNode) {
        for (key, position) in &node.purge_keys {
            let position = position.load(Ordering::Relaxed);
            self.change(*key, |table| table.remove(*key, position));
        }
    }

    /// Returns up to `max` nodes of a purge key in front of `position`, the last one first, and moves `position` before them.
    ///
    /// As in a pass over a queue, successive calls meet every node that was there at first.
    pub(super) fn batch_before(
        &self,
        key: PurgeKey,
        position: &mut usize,
        max: usize,
    ) -> Vec<Arc<EntryNode>> {
        let list = self.tables[self.table_of(key)].lists.get(&key).map_or(&[][..], |list| list);
        let end = list.len().min(*position);
        *position = end.saturating_sub(max);
        list.iter().take(end).skip(*position).rev().map(|entry| Arc::clone(&entry.node)).collect()
    }

    /// Changes the table of a purge key, and charges the difference. `change` returns the bytes of the list afterwards.
    fn change(&mut self, key: PurgeKey, change: impl FnOnce(&mut Table) -> usize) {
        let index = self.table_of(key);
        let table = &mut self.tables[index];
        let before = table.bytes() + table.lists.get(&key).map_or(0, spilled_bytes);
        let list = change(table);
        table.adjust_capacity();
        self.bytes = self.bytes + table.bytes() + list - before;
    }

    fn table_of(&self, key: PurgeKey) -> usize {
        usize::from(key.low_bits()) % self.tables.len()
    }
}

impl Table {
    /// Removes an entry from a list, and returns the bytes of the list afterwards.
    fn remove(&mut self, key: PurgeKey, position: usize) -> usize {
        let hash_map::Entry::Occupied(mut list) = self.lists.entry(key) else { return 0 };
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
            return 0;
        }
        if entries.spilled() && entries.len() < entries.capacity() / 2 {
            entries.shrink_to_fit();
        }
        spilled_bytes(entries)
    }

    fn adjust_capacity(&mut self) {
        self.capacity = self.capacity.max(self.lists.capacity());
        if self.lists.is_empty() || self.lists.len() < self.capacity / 4 {
            self.lists.shrink_to(2 * self.lists.len());
            self.capacity = self.lists.capacity();
        }
    }

    /// Returns the allocated size: each place has a byte of control data, as a group at the end has.
    fn bytes(&self) -> usize {
        const GROUP: usize = 16;
        let places = match self.capacity {
            0 => return 0,
            1..4 => 4,
            4..8 => 8,
            capacity => (capacity * 8 / 7).next_power_of_two(),
        };
        places * (size_of::<(PurgeKey, List)>() + 1) + GROUP
    }
}

/// Adds an entry to a list, which grows by a small part because its whole capacity is charged.
fn push(list: &mut List, entry: IndexEntry) {
    if list.len() == list.capacity() {
        list.reserve_exact(3 + list.len() / 8);
    }
    list.push(entry);
}

/// Returns the bytes that a list takes outside of its table.
fn spilled_bytes(list: &List) -> usize {
    if list.spilled() { list.capacity() * size_of::<IndexEntry>() } else { 0 }
}

#[cfg(test)]
impl PurgeIndex {
    /// Returns whether the index holds exactly these nodes: each once for each of its purge keys, at the recorded position.
    pub(super) fn holds_exactly(&self, nodes: &[Arc<EntryNode>]) -> bool {
        let is_in_position = |node: &Arc<EntryNode>| {
            node.purge_keys.iter().enumerate().all(|(key_index, (key, position))| {
                let list = self.tables[self.table_of(*key)].lists.get(key);
                let entry = list.and_then(|list| list.get(position.load(Ordering::Relaxed)));
                entry.is_some_and(|entry| Arc::ptr_eq(&entry.node, node) && entry.key_index == key_index)
            })
        };
        let lists = || self.tables.iter().flat_map(|table| table.lists.values());
        let entries: usize = lists().map(SmallVec::len).sum();
        let purge_keys: usize = nodes.iter().map(|node| node.purge_keys.len()).sum();
        let tables: usize = self.tables.iter().map(Table::bytes).sum();
        entries == purge_keys
            && nodes.iter().all(is_in_position)
            && lists().all(|list| !list.is_empty())
            && self.bytes == tables + lists().map(spilled_bytes).sum::<usize>()
    }
}
