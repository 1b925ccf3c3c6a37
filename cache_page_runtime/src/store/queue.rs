//! [`NodeQueue`]: a queue of nodes from which any node is removed in constant time.

use std::sync::Arc;

use super::{
    chunks::{ChunkRoom, ChunkedVec, WantedChunk},
    freed::Freed,
    node::EntryNode,
};
use crate::sync::atomic::Ordering;

/// The end of a list.
const NONE: u32 = u32::MAX;

/// A doubly linked list in a vector without gaps. Each node records its place in the vector.
///
/// No removed node stays queued, so a purge frees what it removes, and no later pass has to clean up. A place has 32 bits: with
/// the weight of the smallest entry, 2³² of them take more than two terabytes.
pub(super) struct NodeQueue {
    links: ChunkedVec<Link>,
    first: u32,
    last: u32,
    /// The weights of the nodes.
    weight: usize,
    /// The place that was sampled last.
    cursor: usize,
}

pub(super) struct Link {
    node: Arc<EntryNode>,
    previous: u32,
    next: u32,
}

impl Default for NodeQueue {
    fn default() -> Self {
        Self { links: ChunkedVec::default(), first: NONE, last: NONE, weight: 0, cursor: 0 }
    }
}

impl NodeQueue {
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// Returns the weights of the nodes.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Returns the allocated bytes beside the nodes.
    pub(super) fn bytes(&self) -> usize {
        self.links.bytes()
    }

    /// Returns by how many bytes the next [`push_back`](Self::push_back) grows the queue.
    pub(super) fn next_growth(&self) -> usize {
        self.links.next_growth()
    }

    pub(super) fn front(&self) -> Option<&Arc<EntryNode>> {
        Some(&self.links.get(self.first as usize)?.node)
    }

    /// Returns the large allocation that the next [`push_back`](Self::push_back) needs.
    pub(super) fn wanted_to_push(&self) -> Option<WantedChunk> {
        self.links.wanted_to_push()
    }

    /// Returns the large allocation in the place of one that is mostly empty.
    pub(super) fn wanted_to_shrink(&self) -> Option<WantedChunk> {
        self.links.wanted_to_shrink()
    }

    /// Uses what was allocated, if it is still of use.
    pub(super) fn take_room(&mut self, room: ChunkRoom<Link>, freed: &mut Freed) {
        self.links.take_room(room, freed);
    }

    pub(super) fn push_back(&mut self, node: Arc<EntryNode>, freed: &mut Freed) {
        self.weight += node.weight();
        let place = u32::try_from(self.links.len()).unwrap_or(NONE);
        node.place.store(place, Ordering::Relaxed);
        self.links.push(Link { node, previous: NONE, next: NONE }, freed);
        self.link_back(place);
    }

    /// Moves a queued node to the end.
    pub(super) fn move_to_back(&mut self, node: &Arc<EntryNode>) {
        if let Some(place) = self.place_of(node) {
            self.unlink(place);
            self.link_back(place);
        }
    }

    /// Removes a node, and returns whether it was queued.
    pub(super) fn remove(&mut self, node: &Arc<EntryNode>, freed: &mut Freed) -> bool {
        let Some(place) = self.place_of(node) else { return false };
        self.unlink(place);
        let Some(removed) = self.links.swap_remove(place as usize, freed) else { return false };
        self.weight -= removed.node.weight();
        if let Some(moved) = self.links.get(place as usize) {
            moved.node.place.store(place, Ordering::Relaxed);
            let Link { previous, next, .. } = *moved;
            *self.next_of(previous) = place;
            *self.previous_of(next) = place;
        }
        true
    }

    /// Sets what a queued node is charged for encoded bodies.
    pub(super) fn set_encoded_weight(&mut self, node: &EntryNode, bytes: usize) {
        self.weight = self.weight - node.encoded_weight() + bytes;
        node.set_encoded_weight(bytes);
    }

    /// Adds up to `max` nodes in front of `place` to a batch, as [`ChunkedVec::batch_before`] returns them.
    pub(super) fn add_before(&self, place: &mut usize, max: usize, batch: &mut Vec<Arc<EntryNode>>) {
        batch.extend(self.links.batch_before(place, max).map(|link| Arc::clone(&link.node)));
    }

    fn get(&self, place: usize) -> Option<&Arc<EntryNode>> {
        Some(&self.links.get(place)?.node)
    }

    /// Returns the nodes in the next few places after those of the last call.
    pub(super) fn sample(&mut self, count: usize) -> impl Iterator<Item = &Arc<EntryNode>> {
        let (len, start) = (self.links.len(), self.cursor);
        let count = count.min(len);
        // A division takes longer than the rest.
        let wrapped = move |place: usize| if place < len { place } else { place - len };
        let start = if start < len { start } else { 0 };
        self.cursor = wrapped(start + count);
        let queue = &*self;
        (0..count).filter_map(move |step| queue.get(wrapped(start + step)))
    }

    fn place_of(&self, node: &Arc<EntryNode>) -> Option<u32> {
        let place = node.place.load(Ordering::Relaxed);
        self.get(place as usize).is_some_and(|queued| Arc::ptr_eq(queued, node)).then_some(place)
    }

    fn link_back(&mut self, place: u32) {
        let last = std::mem::replace(&mut self.last, place);
        *self.next_of(last) = place;
        if let Some(link) = self.links.get_mut(place as usize) {
            (link.previous, link.next) = (last, NONE);
        }
    }

    fn unlink(&mut self, place: u32) {
        let Some(&Link { previous, next, .. }) = self.links.get(place as usize) else { return };
        *self.next_of(previous) = next;
        *self.previous_of(next) = previous;
    }

    /// Returns what leads to the node behind the one in this place.
    fn next_of(&mut self, place: u32) -> &mut u32 {
        self.links.get_mut(place as usize).map_or(&mut self.first, |link| &mut link.next)
    }

    /// Returns what leads to the node before the one in this place.
    fn previous_of(&mut self, place: u32) -> &mut u32 {
        self.links.get_mut(place as usize).map_or(&mut self.last, |link| &mut link.previous)
    }
}

#[cfg(test)]
impl NodeQueue {
    /// Returns all nodes, the first one first, and checks that the links lead both ways.
    pub(super) fn to_vec(&self) -> Vec<Arc<EntryNode>> {
        let (mut nodes, mut previous, mut place) = (Vec::new(), NONE, self.first);
        while let Some(link) = self.links.get(place as usize) {
            assert_eq!((link.previous, link.node.place.load(Ordering::Relaxed)), (previous, place));
            nodes.push(Arc::clone(&link.node));
            (previous, place) = (place, link.next);
        }
        assert_eq!((self.last, nodes.len()), (previous, self.links.len()));
        nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        http::VaryNames,
        key::KeyHash,
        page::LinesOwner,
        store::node::{Slot, VariantSet},
    };

    fn node(number: u8) -> Arc<EntryNode> {
        let slot = Slot::VariantSet(Arc::new(VariantSet::new(VaryNames::new())));
        Arc::new(EntryNode::new(&[number], KeyHash::from_u64(0), slot, LinesOwner::new()))
    }

    fn keys(queue: &NodeQueue) -> Vec<u8> {
        queue.to_vec().iter().map(|node| node.key[0]).collect()
    }

    #[test]
    fn nodes_keep_their_order_when_others_are_removed() {
        let mut queue = NodeQueue::default();
        let nodes: Vec<_> = (0..10).map(node).collect();
        nodes.iter().for_each(|node| queue.push_back(Arc::clone(node), &mut Freed::default()));
        for removed in [0, 9, 4] {
            assert!(queue.remove(&nodes[removed], &mut Freed::default()));
            assert!(!queue.remove(&nodes[removed], &mut Freed::default()), "it is not queued any more");
        }
        assert_eq!(keys(&queue), [1, 2, 3, 5, 6, 7, 8]);
        queue.move_to_back(&nodes[5]);
        queue.move_to_back(&nodes[1]);
        queue.move_to_back(&nodes[1]);
        assert_eq!(keys(&queue), [2, 3, 6, 7, 8, 5, 1]);
        assert_eq!(queue.front().map(|node| node.key[0]), Some(2));
        queue.push_back(Arc::clone(&nodes[0]), &mut Freed::default());
        assert_eq!(keys(&queue), [2, 3, 6, 7, 8, 5, 1, 0]);
        for node in &nodes {
            queue.remove(node, &mut Freed::default());
        }
        assert_eq!((queue.len(), queue.weight(), queue.bytes()), (0, 0, 0));
    }

    #[test]
    fn pass_from_the_last_place_meets_every_node() {
        let mut queue = NodeQueue::default();
        let nodes: Vec<_> = (0..100).map(node).collect();
        nodes.iter().for_each(|node| queue.push_back(Arc::clone(node), &mut Freed::default()));
        let (mut met, mut place) = (Vec::new(), usize::MAX);
        loop {
            let mut batch = Vec::new();
            queue.add_before(&mut place, 7, &mut batch);
            if batch.is_empty() {
                break;
            }
            for node in batch {
                met.push(node.key[0]);
                // Others are added and removed meanwhile.
                queue.push_back(self::node(200), &mut Freed::default());
                let other = &nodes[usize::from(node.key[0]) * 7 % 100];
                met.extend(queue.remove(other, &mut Freed::default()).then_some(other.key[0]));
            }
        }
        assert!((0..100).all(|number| met.contains(&number)), "{met:?}");
    }
}
