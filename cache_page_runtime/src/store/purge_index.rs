//! Which pages there are by a name: a path, a handler, a tag.
//!
//! A page knows its places in these lists, and a list knows who is in its places, so that leaving one takes as long for a tag
//! of a million pages as for that of one.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, atomic::Ordering},
};

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::{node::EntryNode, weights::PURGE_KEY_LIST};
use crate::purge::PurgeKey;

#[derive(Default)]
pub(crate) struct PurgeIndex {
    lists: HashMap<PurgeKey, SmallVec<[IndexEntry; 1]>, RandomState>,
}

struct IndexEntry {
    node: Arc<EntryNode>,
    /// Which of its places this is.
    place: usize,
}

impl PurgeIndex {
    /// By how many bytes it may grow.
    pub(crate) fn most_growth(node: &EntryNode) -> usize {
        node.places.len() * PURGE_KEY_LIST
    }

    /// Returns by how many bytes it has grown.
    pub(crate) fn add(&mut self, node: &Arc<EntryNode>) -> usize {
        let mut grown = 0;
        for (place, (name, at)) in node.places.iter().enumerate() {
            let list = match self.lists.entry(*name) {
                Entry::Occupied(list) => list.into_mut(),
                Entry::Vacant(vacant) => {
                    grown += PURGE_KEY_LIST;
                    vacant.insert(SmallVec::new())
                }
            };
            at.store(list.len(), Ordering::Relaxed);
            list.push(IndexEntry { node: Arc::clone(node), place });
        }
        grown
    }

    /// Returns by how many bytes it has shrunk.
    pub(crate) fn remove(&mut self, node: &EntryNode) -> usize {
        let mut shrunk = 0;
        for (name, at) in &node.places {
            let Some(list) = self.lists.get_mut(name) else { continue };
            let at = at.load(Ordering::Relaxed);
            if at < list.len() {
                list.swap_remove(at);
            }
            if let Some((_, moved)) = list.get(at).and_then(|moved| moved.node.places.get(moved.place)) {
                moved.store(at, Ordering::Relaxed);
            }
            if list.is_empty() {
                self.lists.remove(name);
                shrunk += PURGE_KEY_LIST;
            } else if list.spilled() && list.len() < list.capacity() / 4 {
                list.shrink_to_fit();
            }
        }
        shrunk
    }

    pub(crate) fn find(&self, name: PurgeKey) -> impl Iterator<Item = &Arc<EntryNode>> {
        self.lists.get(&name).into_iter().flatten().map(|member| &member.node)
    }
}

#[cfg(test)]
impl PurgeIndex {
    pub(crate) fn bytes(&self) -> usize {
        self.lists.len() * PURGE_KEY_LIST
    }

    /// Whether these are in the lists of their names, each once, at the places that they know, and none is beside them.
    pub(crate) fn is_of(&self, nodes: &[&Arc<EntryNode>]) -> bool {
        let is_in_its_places = |node: &&Arc<EntryNode>| {
            node.places.iter().enumerate().all(|(place, (name, at))| {
                let member = self.lists.get(name).and_then(|list| list.get(at.load(Ordering::Relaxed)));
                member.is_some_and(|member| Arc::ptr_eq(&member.node, node) && member.place == place)
            })
        };
        let members: usize = self.lists.values().map(SmallVec::len).sum();
        let places: usize = nodes.iter().map(|node| node.places.len()).sum();
        members == places
            && nodes.iter().all(is_in_its_places)
            && self.lists.values().all(|list| !list.is_empty())
    }
}
