//! [`PurgeIndex`]: the entries of each purge key.
//!
//! A node records its position in each list. So removing it takes the same time from a list of one node as from a list of a million.
//! No removed node stays in a list, so no later pass has to clean up.

use std::{
    collections::{HashMap, hash_map},
    mem,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use foldhash::fast::RandomState;

use super::{chunks::ChunkedVec, freed::Freed, node::EntryNode};
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

/// The nodes of a purge key.
enum List {
    /// As for most paths.
    One(Arc<EntryNode>),
    Many(Box<ChunkedVec<Arc<EntryNode>>>),
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
        for (key, position) in node.index_positions() {
            self.change(key, |table| {
                let list = match table.lists.entry(key) {
                    hash_map::Entry::Vacant(vacant) => {
                        position.store(0, Ordering::Relaxed);
                        vacant.insert(List::One(Arc::clone(node)));
                        return 0;
                    }
                    hash_map::Entry::Occupied(list) => list.into_mut(),
                };
                set_position(position, list.len());
                list.push(Arc::clone(node));
                list.bytes()
            });
        }
    }

    pub(super) fn remove(&mut self, node: &EntryNode, freed: &mut Freed) {
        for (key, position) in node.index_positions() {
            let position = position.load(Ordering::Relaxed);
            self.change(key, |table| {
                let bytes = table.remove(key, position as usize, freed);
                table.shrink(freed);
                bytes
            });
        }
    }

    /// Returns up to `max` nodes of a purge key in front of `position`, as [`ChunkedVec::batch_before`] does.
    pub(super) fn batch_before(
        &self,
        key: PurgeKey,
        position: &mut usize,
        max: usize,
    ) -> Vec<Arc<EntryNode>> {
        match self.tables[self.table_of(key)].lists.get(&key) {
            Some(List::Many(nodes)) => nodes.batch_before(position, max).cloned().collect(),
            Some(List::One(node)) if mem::take(position) > 0 => vec![Arc::clone(node)],
            _ => Vec::new(),
        }
    }

    /// Changes the table of a purge key, and charges the difference. `change` returns the bytes of the list afterwards.
    fn change(&mut self, key: PurgeKey, change: impl FnOnce(&mut Table) -> usize) {
        let index = self.table_of(key);
        let table = &mut self.tables[index];
        let before = table.bytes() + table.lists.get(&key).map_or(0, List::bytes);
        let list = change(table);
        table.capacity = table.capacity.max(table.lists.capacity());
        self.bytes = self.bytes + table.bytes() + list - before;
    }

    fn table_of(&self, key: PurgeKey) -> usize {
        usize::from(key.low_bits()) % self.tables.len()
    }
}

impl Table {
    /// Removes the node in a position of a list, and returns the bytes of the list afterwards.
    fn remove(&mut self, key: PurgeKey, position: usize, freed: &mut Freed) -> usize {
        let hash_map::Entry::Occupied(mut list) = self.lists.entry(key) else { return 0 };
        let List::Many(nodes) = list.get_mut() else {
            list.remove();
            return 0;
        };
        nodes.swap_remove(position, freed);
        if let Some(moved) = nodes.get(position)
            && let Some((_, moved_position)) =
                moved.index_positions().find(|(moved_key, _)| *moved_key == key)
        {
            set_position(moved_position, position);
        }
        if let (Some(node), 1) = (nodes.get(0), nodes.len()) {
            let one = List::One(Arc::clone(node));
            freed.push(list.insert(one));
        }
        list.get().bytes()
    }

    fn shrink(&mut self, freed: &mut Freed) {
        let len = self.lists.len();
        if self.capacity > 0 && (len == 0 || len < self.capacity / 4) {
            let mut smaller = HashMap::with_capacity_and_hasher(2 * len, self.lists.hasher().clone());
            smaller.extend(self.lists.drain());
            self.capacity = smaller.capacity();
            freed.push(mem::replace(&mut self.lists, smaller));
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

impl List {
    fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(nodes) => nodes.len(),
        }
    }

    fn push(&mut self, node: Arc<EntryNode>) {
        match self {
            Self::Many(nodes) => nodes.push(node),
            Self::One(first) => {
                let mut nodes = Box::<ChunkedVec<_>>::default();
                nodes.push(Arc::clone(first));
                nodes.push(node);
                *self = Self::Many(nodes);
            }
        }
    }

    /// Returns the bytes that the list takes outside of its table.
    fn bytes(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Many(nodes) => size_of_val(&**nodes) + nodes.bytes(),
        }
    }
}

/// Records the position of a node in a list. A list of 2³² nodes would take more than two terabytes.
fn set_position(recorded: &AtomicU32, position: usize) {
    recorded.store(u32::try_from(position).unwrap_or(u32::MAX), Ordering::Relaxed);
}

#[cfg(test)]
impl PurgeIndex {
    /// Returns whether the index holds exactly these nodes: each once for each of its purge keys, at the recorded position.
    pub(super) fn holds_exactly(&self, nodes: &[Arc<EntryNode>]) -> bool {
        let is_in_position = |node: &Arc<EntryNode>| {
            node.index_positions().all(|(key, position)| {
                let position = position.load(Ordering::Relaxed) as usize;
                match self.tables[self.table_of(key)].lists.get(&key) {
                    Some(List::One(listed)) => position == 0 && Arc::ptr_eq(listed, node),
                    Some(List::Many(nodes)) => {
                        nodes.get(position).is_some_and(|listed| Arc::ptr_eq(listed, node))
                    }
                    None => false,
                }
            })
        };
        let lists = || self.tables.iter().flat_map(|table| table.lists.values());
        let entries: usize = lists().map(List::len).sum();
        let purge_keys: usize = nodes.iter().map(|node| node.index_positions().count()).sum();
        let tables: usize = self.tables.iter().map(Table::bytes).sum();
        entries == purge_keys
            && nodes.iter().all(is_in_position)
            && lists().all(|list| matches!(list, List::One(_)) || list.len() > 1)
            && self.bytes == tables + lists().map(List::bytes).sum::<usize>()
    }
}
