//! [`PurgeIndex`]: the entries of each purge key.
//!
//! A node records its position in each list. So removing it takes the same time from a list of one node as from a list of a million.
//! No removed node stays in a list, so no later pass has to clean up.

use std::{
    collections::{HashMap, hash_map},
    mem,
    sync::Arc,
};

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::{
    chunks::{ChunkRoom, ChunkedVec, WantedChunk},
    freed::{Freed, is_large, record_locked},
    node::EntryNode,
};
use crate::{
    purge::PurgeKey,
    sync::atomic::{AtomicU32, Ordering},
};

/// The places of a table, by purge key.
type Lists = HashMap<PurgeKey, List, RandomState>;

/// The lists of all purge keys, in several tables: growing one of them takes a short time, however many pages there are.
///
/// Tables and lists are charged at their capacity, and shrink when they are mostly empty.
pub(super) struct PurgeIndex {
    tables: Box<[Table]>,
    /// The capacity of all tables and lists, in bytes.
    bytes: usize,
    /// The purge keys whose table or list became mostly empty. One that there is no room for here comes again when the next node is removed.
    sparse: SmallVec<[PurgeKey; 16]>,
}

/// A large allocation that the index needs.
#[derive(Clone, Copy)]
pub(super) enum WantedInIndex {
    /// A list of a purge key.
    List(PurgeKey, WantedChunk),
    /// A table of this capacity, which has a purge key.
    Table(PurgeKey, usize),
}

/// What was allocated.
pub(super) enum IndexRoom {
    List(PurgeKey, ChunkRoom<Arc<EntryNode>>),
    Table(PurgeKey, Lists),
}

impl WantedInIndex {
    pub(super) fn allocate(self) -> IndexRoom {
        match self {
            Self::List(key, wanted) => IndexRoom::List(key, wanted.allocate()),
            Self::Table(key, capacity) => {
                IndexRoom::Table(key, Lists::with_capacity_and_hasher(capacity, RandomState::default()))
            }
        }
    }
}

#[derive(Default)]
struct Table {
    /// **Invariant:** no list is empty.
    lists: Lists,
    /// The capacity. That of a hash map with deleted places is lower until it is filled again.
    capacity: usize,
    /// The allocated size for the capacity.
    bytes: usize,
}

/// The nodes of a purge key.
pub(super) enum List {
    /// As for most paths.
    One(Arc<EntryNode>),
    Many(Box<ChunkedVec<Arc<EntryNode>>>),
}

impl PurgeIndex {
    pub(super) fn new(tables: usize) -> Self {
        let tables = (0..tables.next_power_of_two()).map(|_| Table::default()).collect();
        Self { tables, bytes: 0, sparse: SmallVec::new() }
    }

    /// Returns the bytes that are charged for the tables and lists.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn insert(&mut self, node: &Arc<EntryNode>, freed: &mut Freed) {
        for (key, position) in node.index_positions() {
            let index = self.table_of(key);
            let table = &mut self.tables[index];
            let before = table.bytes;
            if let Some(capacity) = table.growth()
                && !table.lists.contains_key(&key)
            {
                record_locked(bytes_of(capacity));
                table.resize(Lists::with_capacity_and_hasher(capacity, RandomState::default()), freed);
            }
            match table.lists.entry(key) {
                hash_map::Entry::Vacant(vacant) => {
                    position.store(0, Ordering::Relaxed);
                    vacant.insert(List::One(Arc::clone(node)));
                }
                hash_map::Entry::Occupied(mut list) => {
                    let list = list.get_mut();
                    let before = list.bytes();
                    set_position(position, list.len());
                    list.push(Arc::clone(node), freed);
                    self.bytes = self.bytes + list.bytes() - before;
                }
            }
            table.record_growth();
            self.bytes = self.bytes + table.bytes - before;
        }
    }

    pub(super) fn remove(&mut self, node: &EntryNode, freed: &mut Freed) {
        for (key, position) in node.index_positions() {
            let position = position.load(Ordering::Relaxed);
            let index = self.table_of(key);
            let table = &mut self.tables[index];
            let before = table.bytes;
            let (list_before, list, is_list_sparse) = table.remove(key, position as usize, freed);
            table.shrink(freed);
            let is_sparse = is_list_sparse || table.wanted_to_shrink().is_some();
            self.bytes = self.bytes + table.bytes + list - before - list_before;
            if is_sparse && self.sparse.len() < self.sparse.inline_size() && !self.sparse.contains(&key) {
                self.sparse.push(key);
            }
        }
    }

    /// Returns a large allocation without which a node with these purge keys must not be inserted.
    pub(super) fn wanted_to_insert(&self, keys: &[PurgeKey]) -> Option<WantedInIndex> {
        keys.iter().find_map(|key| {
            let table = &self.tables[self.table_of(*key)];
            match table.lists.get(key) {
                Some(List::Many(nodes)) => Some(WantedInIndex::List(*key, nodes.wanted_to_push()?)),
                // The node of a list of one may be that of the same page, which is removed before.
                Some(List::One(_)) | None => {
                    Some(WantedInIndex::Table(*key, table.growth().filter(|len| is_large(bytes_of(*len)))?))
                }
            }
        })
    }

    /// Returns a large allocation in the place of one that is mostly empty.
    pub(super) fn next_sparse(&mut self) -> Option<WantedInIndex> {
        while let Some(key) = self.sparse.last() {
            match self.wanted_to_shrink(*key) {
                Some(wanted) => return Some(wanted),
                None => self.sparse.pop(),
            };
        }
        None
    }

    fn wanted_to_shrink(&self, key: PurgeKey) -> Option<WantedInIndex> {
        let table = &self.tables[self.table_of(key)];
        if let Some(capacity) = table.wanted_to_shrink() {
            return Some(WantedInIndex::Table(key, capacity));
        }
        match table.lists.get(&key)? {
            List::One(_) => None,
            List::Many(nodes) => Some(WantedInIndex::List(key, nodes.wanted_to_shrink()?)),
        }
    }

    /// Uses what was allocated, if it is still of use.
    pub(super) fn take_room(&mut self, room: IndexRoom, freed: &mut Freed) {
        match room {
            IndexRoom::Table(key, lists) => self.change(key, |table| {
                table.resize(lists, freed);
                table.lists.get(&key).map_or(0, List::bytes)
            }),
            IndexRoom::List(key, room) => self.change(key, |table| match table.lists.get_mut(&key) {
                Some(List::Many(nodes)) => {
                    nodes.take_room(room, freed);
                    bytes_of_many(nodes)
                }
                _ => {
                    freed.push(room);
                    0
                }
            }),
        }
    }

    /// Adds up to `max` nodes of a purge key in front of `position` to a batch, as [`ChunkedVec::batch_before`] returns them.
    pub(super) fn add_before(
        &self,
        key: PurgeKey,
        position: &mut usize,
        max: usize,
        batch: &mut Vec<Arc<EntryNode>>,
    ) {
        match self.tables[self.table_of(key)].lists.get(&key) {
            Some(List::Many(nodes)) => batch.extend(nodes.batch_before(position, max).cloned()),
            Some(List::One(node)) if mem::take(position) > 0 => batch.push(Arc::clone(node)),
            _ => {}
        }
    }

    /// Changes the table of a purge key, and charges the difference. `change` returns the bytes of the list afterwards.
    fn change(&mut self, key: PurgeKey, change: impl FnOnce(&mut Table) -> usize) {
        let index = self.table_of(key);
        let table = &mut self.tables[index];
        let before = table.bytes + table.lists.get(&key).map_or(0, List::bytes);
        let list = change(table);
        self.bytes = self.bytes + table.bytes + list - before;
    }

    fn table_of(&self, key: PurgeKey) -> usize {
        // Their number is a power of two.
        usize::from(key.low_bits()) & (self.tables.len() - 1)
    }
}

impl Table {
    /// Removes the node in a position of a list. Returns the bytes of the list before and afterwards, and whether it is mostly empty.
    fn remove(&mut self, key: PurgeKey, position: usize, freed: &mut Freed) -> (usize, usize, bool) {
        let hash_map::Entry::Occupied(mut list) = self.lists.entry(key) else { return (0, 0, false) };
        let List::Many(nodes) = list.get_mut() else {
            // The caller has the node.
            list.remove();
            return (0, 0, false);
        };
        let before = bytes_of_many(nodes);
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
            return (before, 0, false);
        }
        (before, bytes_of_many(nodes), nodes.wanted_to_shrink().is_some())
    }

    /// Records the capacity after a list was inserted.
    fn record_growth(&mut self) {
        if self.lists.capacity() > self.capacity {
            self.set_capacity(self.lists.capacity());
        }
    }

    fn set_capacity(&mut self, capacity: usize) {
        (self.capacity, self.bytes) = (capacity, bytes_of(capacity));
    }

    /// Returns the capacity that the table needs for another purge key.
    fn growth(&self) -> Option<usize> {
        let len = self.lists.len();
        // With fewer purge keys, the map reuses the places of those that were removed.
        (len == self.lists.capacity() && len >= self.capacity / 2).then_some(self.capacity + 1)
    }

    /// Shrinks the table if that takes no large allocation.
    fn shrink(&mut self, freed: &mut Freed) {
        if self.lists.is_empty() && self.capacity > 0 {
            freed.push(mem::take(&mut self.lists));
            self.set_capacity(0);
        } else if let Some(capacity) =
            self.sparse_capacity().filter(|capacity| !is_large(bytes_of(*capacity)))
        {
            self.resize(Lists::with_capacity_and_hasher(capacity, RandomState::default()), freed);
        }
    }

    /// Returns the capacity of the large allocation that the table needs instead of its own, because that is mostly empty.
    fn wanted_to_shrink(&self) -> Option<usize> {
        self.sparse_capacity().filter(|capacity| is_large(bytes_of(*capacity)))
    }

    fn sparse_capacity(&self) -> Option<usize> {
        let len = self.lists.len();
        (0 < len && len < self.capacity / 4).then_some(2 * len)
    }

    /// Moves all lists into another map, if there is room for them.
    fn resize(&mut self, mut lists: Lists, freed: &mut Freed) {
        if lists.capacity() >= self.lists.len() {
            lists.extend(self.lists.drain());
            mem::swap(&mut self.lists, &mut lists);
            self.set_capacity(self.lists.capacity());
        }
        freed.push(lists);
    }
}

/// Returns the allocated size of a table: each place has a byte of control data, as a group at the end has.
fn bytes_of(capacity: usize) -> usize {
    const GROUP: usize = 16;
    let places = match capacity {
        0 => return 0,
        1..4 => 4,
        4..8 => 8,
        capacity => (capacity * 8 / 7).next_power_of_two(),
    };
    places * (size_of::<(PurgeKey, List)>() + 1) + GROUP
}

impl List {
    fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(nodes) => nodes.len(),
        }
    }

    fn push(&mut self, node: Arc<EntryNode>, freed: &mut Freed) {
        match self {
            Self::Many(nodes) => nodes.push(node, freed),
            Self::One(first) => {
                let mut nodes = Box::<ChunkedVec<_>>::default();
                nodes.push(Arc::clone(first), freed);
                nodes.push(node, freed);
                *self = Self::Many(nodes);
            }
        }
    }

    /// Returns the bytes that the list takes outside of its table.
    fn bytes(&self) -> usize {
        match self {
            Self::One(_) => 0,
            Self::Many(nodes) => bytes_of_many(nodes),
        }
    }
}

fn bytes_of_many(nodes: &ChunkedVec<Arc<EntryNode>>) -> usize {
    size_of_val(nodes) + nodes.bytes()
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
        let tables: usize = self.tables.iter().map(|table| bytes_of(table.capacity)).sum();
        entries == purge_keys
            && nodes.iter().all(is_in_position)
            && lists().all(|list| matches!(list, List::One(_)) || list.len() > 1)
            && self.bytes == tables + lists().map(List::bytes).sum::<usize>()
    }
}
