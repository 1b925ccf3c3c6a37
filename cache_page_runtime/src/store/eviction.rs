//! [`Eviction`]: S3-FIFO by bytes (Yang et al., "FIFO queues are all you need for cache eviction").
//!
//! A new entry waits in the small queue. If it was hit by the time it reaches the front, it moves to the main queue. Else it is
//! evicted, and the ghost queue remembers its hash for a while: if the entry is stored again before that is forgotten, it goes
//! to the main queue at once. An entry that reaches the front of the main queue goes to its end if it was hit, and else is
//! evicted. So entries that are requested once pass through a small part of the budget, and never evict popular ones.
//!
//! An expired entry that its handler may still confirm waits in a third queue. It is evicted before all others, so that it only
//! takes room that nothing else needs. Other expired entries are removed. Insertions look for both, a few entries each time.
//!
//! Two things differ from the paper, because hits are counted in requests and room in bytes: the small queue has 3 % of the bytes
//! instead of 10 %, and an entry that is larger than others needs more hits to stay. On each of nine traces, the hit ratio is 0.1
//! to 1.3 points above the better one of `moka` and `quick_cache` (`BENCHMARKS.md`, `ratios`). Two simpler choices were measured
//! with the same traces. S3-FIFO as in the paper is within a point of those two. SIEVE is worse if the set of popular entries
//! changes, or if few entries are requested twice.

use std::sync::Arc;

use smallvec::SmallVec;

use super::{
    chunks::{ChunkRoom, WantedChunk},
    freed::Freed,
    ghosts::{GhostQueue, Segments},
    node::{EntryNode, QueueId},
    queue::{Link, NodeQueue},
};
use crate::time::Instant;

/// The nodes of each queue that an insertion checks for expiry. That is more than an insertion adds, so that the checks reach
/// every node.
const SAMPLE: usize = 3;

/// The nodes of each queue whose encoded bodies may be evicted before a page is.
const ENCODED_SAMPLE: usize = 8;

/// The fraction of the budget that the small queue has, as its denominator.
const SMALL_QUEUE_DIVISOR: usize = 32;

/// The number of entries that may be kept before one is evicted, whatever their hits are. Clients could make every entry popular,
/// and the next eviction would look at all of them.
const MAX_KEPT: usize = 1000;

/// The order in which entries are evicted, and the bytes that are charged for them. Every node is in the map.
#[derive(Default)]
pub(super) struct Eviction {
    small: NodeQueue,
    main: NodeQueue,
    /// Expired nodes that may be revalidated, those first that were found first.
    expired: NodeQueue,
    ghosts: GhostQueue,
    max_bytes: usize,
    /// The part of the weights that is charged for encoded bodies.
    encoded: usize,
}

impl Eviction {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { ghosts: GhostQueue::new(max_bytes), max_bytes, ..Self::default() }
    }

    pub(super) fn bytes(&self) -> usize {
        self.stored_bytes() + self.table_bytes()
    }

    /// Returns the bytes of the queues and of the ghost queue.
    pub(super) fn table_bytes(&self) -> usize {
        self.small.bytes() + self.main.bytes() + self.expired.bytes() + self.ghosts.bytes()
    }

    /// Returns the weights of all nodes.
    pub(super) fn stored_bytes(&self) -> usize {
        self.small.weight() + self.main.weight() + self.expired.weight()
    }

    /// Returns the number of nodes.
    pub(super) fn len(&self) -> usize {
        self.small.len() + self.main.len() + self.expired.len()
    }

    /// Returns by how many bytes the next [`push`](Self::push) can grow the queues at most, beside the weight of the node.
    pub(super) fn max_growth(&self) -> usize {
        self.small.next_growth().max(self.main.next_growth())
    }

    /// Returns a large allocation that a queue needs for the next node.
    pub(super) fn wanted_to_push(&self) -> Option<(QueueId, WantedChunk)> {
        self.wanted(NodeQueue::wanted_to_push)
    }

    /// Returns a large allocation in the place of one that is mostly empty.
    pub(super) fn wanted_to_shrink(&self) -> Option<(QueueId, WantedChunk)> {
        self.wanted(NodeQueue::wanted_to_shrink)
    }

    fn wanted(&self, of: impl Fn(&NodeQueue) -> Option<WantedChunk>) -> Option<(QueueId, WantedChunk)> {
        let queues =
            [(QueueId::Small, &self.small), (QueueId::Main, &self.main), (QueueId::Expired, &self.expired)];
        queues.into_iter().find_map(|(id, queue)| Some((id, of(queue)?)))
    }

    /// Returns the number of segments of the ghost queue, if their list must be allocated before the first eviction.
    pub(super) fn wanted_to_evict(&self) -> Option<usize> {
        self.ghosts.wanted()
    }

    /// Uses the list of segments that was allocated, unless there is one.
    pub(super) fn take_segments(&mut self, segments: Segments, freed: &mut Freed) {
        self.ghosts.take_room(segments, freed);
    }

    /// Uses what was allocated for a queue, if it is still of use.
    pub(super) fn take_room(&mut self, queue: QueueId, room: ChunkRoom<Link>, freed: &mut Freed) {
        self.queue(queue).take_room(room, freed);
    }

    pub(super) fn push(&mut self, node: Arc<EntryNode>, freed: &mut Freed) {
        self.encoded += node.encoded_weight();
        if self.ghosts.remove(node.hash.as_u64(), self.len() + 1) {
            self.push_main(node, freed);
        } else {
            node.set_queue(QueueId::Small);
            self.small.push_back(node, freed);
        }
    }

    fn push_main(&mut self, node: Arc<EntryNode>, freed: &mut Freed) {
        node.set_queue(QueueId::Main);
        self.main.push_back(node, freed);
    }

    /// Records that a node was removed from the map, or is about to be.
    pub(super) fn remove(&mut self, node: &Arc<EntryNode>, freed: &mut Freed) {
        node.set_removed();
        if self.queue_of(node).remove(node, freed) {
            self.encoded -= node.encoded_weight();
        }
    }

    fn queue_of(&mut self, node: &EntryNode) -> &mut NodeQueue {
        self.queue(node.queue())
    }

    fn queue(&mut self, id: QueueId) -> &mut NodeQueue {
        match id {
            QueueId::Small => &mut self.small,
            QueueId::Main => &mut self.main,
            QueueId::Expired => &mut self.expired,
        }
    }

    /// Lets an expired node wait for its revalidation, until room is needed.
    pub(super) fn set_expired(&mut self, node: &Arc<EntryNode>, freed: &mut Freed) {
        if self.queue_of(node).remove(node, freed) {
            node.set_queue(QueueId::Expired);
            self.expired.push_back(Arc::clone(node), freed);
        }
    }

    /// Sets what a node is charged for encoded bodies.
    pub(super) fn set_encoded_weight(&mut self, node: &EntryNode, bytes: usize) {
        self.encoded = self.encoded - node.encoded_weight() + bytes;
        self.queue_of(node).set_encoded_weight(node, bytes);
    }

    /// Returns those of the next few nodes whose encoded bodies are evicted before any page: they were not requested lately. A flood of new
    /// pages does not evict those of popular pages, which would have to be encoded again.
    pub(super) fn sample_encoded(&mut self) -> SmallVec<[Arc<EntryNode>; 2 * ENCODED_SAMPLE]> {
        if self.encoded == 0 {
            return SmallVec::new();
        }
        let nodes = self.small.sample(ENCODED_SAMPLE).chain(self.main.sample(ENCODED_SAMPLE));
        nodes.filter(|node| node.encoded_weight() > 0 && node.frequency() == 0).cloned().collect()
    }

    /// Forgets what was evicted, if nothing is stored any more.
    pub(super) fn forget_if_empty(&mut self, freed: &mut Freed) {
        if self.len() == 0 {
            freed.push(std::mem::replace(&mut self.ghosts, GhostQueue::new(self.max_bytes)));
        }
    }

    /// Chooses the next node to evict; the caller must remove it.
    ///
    /// A node for which `is_pinned` returns `true` is not evicted.
    pub(super) fn choose_victim(
        &mut self,
        is_pinned: impl Fn(&EntryNode) -> bool,
        freed: &mut Freed,
    ) -> Option<Arc<EntryNode>> {
        if let Some(node) = self.expired.front() {
            return Some(Arc::clone(node));
        }
        // The number of pinned nodes at the end of the main queue, behind all others.
        let mut pinned = 0;
        for step in 0.. {
            let is_from_small =
                self.small.weight() > self.max_bytes / SMALL_QUEUE_DIVISOR || self.main.len() <= pinned;
            let queue = if is_from_small { &self.small } else { &self.main };
            let node = Arc::clone(queue.front()?);
            if node.is_flushed() {
                return Some(node);
            }
            let is_pinned = is_pinned(&node);
            let is_kept = step < MAX_KEPT && node.spend_frequency(self.required_frequency(node.weight()));
            if is_pinned || is_kept {
                pinned = if is_pinned { pinned + 1 } else { 0 };
                if is_from_small {
                    self.small.remove(&node, freed);
                    self.push_main(node, freed);
                } else {
                    self.main.move_to_back(&node);
                }
                continue;
            }
            if is_from_small {
                self.ghosts.insert(node.hash.as_u64(), freed);
            }
            return Some(node);
        }
        None
    }

    /// Returns the frequency that a node of this weight needs to stay: a large one takes the room of several others.
    fn required_frequency(&self, weight: usize) -> u8 {
        let average = self.stored_bytes() / self.len().max(1);
        if weight > 4 * average {
            3
        } else if weight > average + average / 2 {
            2
        } else {
            1
        }
    }

    /// Returns those of the next few nodes that are expired, except for those that wait for their revalidation.
    pub(super) fn sample_expired(&mut self, now: Instant) -> SmallVec<[Arc<EntryNode>; 2 * SAMPLE]> {
        let mut expired = SmallVec::new();
        // Each insertion looks for them, and seldom finds one.
        for queue in [&mut self.small, &mut self.main] {
            for node in queue.sample(SAMPLE) {
                if node.is_expired(now) {
                    expired.push(Arc::clone(node));
                }
            }
        }
        expired
    }

    /// Adds the next nodes of a pass over all of them to a batch, in reverse order of their places, or nothing at its end.
    ///
    /// A pass meets every node that was there when it began. A node only moves to a queue that the pass comes to later.
    pub(super) fn add_next(&self, pass: &mut Pass, max: usize, batch: &mut Vec<Arc<EntryNode>>) {
        loop {
            let (queue, next) = match pass.queue {
                QueueId::Small => (&self.small, Some(QueueId::Main)),
                QueueId::Main => (&self.main, Some(QueueId::Expired)),
                QueueId::Expired => (&self.expired, None),
            };
            queue.add_before(&mut pass.place, max, batch);
            match next {
                Some(next) if batch.is_empty() => *pass = Pass { queue: next, place: usize::MAX },
                _ => return,
            }
        }
    }
}

/// How far a pass over all nodes has come.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pass {
    queue: QueueId,
    /// The nodes in front of this place were not met yet.
    place: usize,
}

#[cfg(feature = "inspector")]
impl Pass {
    pub(super) fn at(queue: QueueId, place: usize) -> Self {
        Self { queue, place }
    }

    pub(super) fn position(&self) -> (QueueId, usize) {
        (self.queue, self.place)
    }
}

impl Default for Pass {
    fn default() -> Self {
        Self { queue: QueueId::Small, place: usize::MAX }
    }
}

#[cfg(test)]
impl Eviction {
    pub(super) fn nodes(&self) -> Vec<Arc<EntryNode>> {
        [self.small.to_vec(), self.main.to_vec(), self.expired.to_vec()].concat()
    }
}
