//! [`Eviction`]: S3-FIFO by bytes (Yang et al., "FIFO queues are all you need for cache eviction").
//!
//! A new entry waits in the small queue. If it was hit by the time it reaches the front, it moves to the main queue. Else it is
//! evicted, and the ghost queue remembers its hash for a while: if the entry is stored again before that is forgotten, it goes
//! to the main queue at once. An entry that reaches the front of the main queue goes to its end if it was hit, and else is
//! evicted. So entries that are requested once pass through a small part of the budget, and never evict popular ones.
//!
//! Two things differ from the paper, because hits are counted in requests and room in bytes: the small queue has 3 % of the bytes
//! instead of 10 %, and an entry that is larger than others needs more hits to stay. On each of nine traces, the hit ratio is 0.1
//! to 1.3 points above the better one of `moka` and `quick_cache` (`BENCHMARKS.md`, `ratios`). Two simpler choices were measured
//! with the same traces. S3-FIFO as in the paper is within a point of those two. SIEVE is worse if the set of popular entries
//! changes, or if few entries are requested twice.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use smallvec::SmallVec;

use super::{ghosts::GhostQueue, node::EntryNode};
use crate::time::Instant;

/// The removed nodes that may be queued beside as many as are stored, before all of them are dropped.
pub(super) const REMOVED_SLACK: usize = 64;

/// The nodes of each queue that an insertion checks for expiry. That is more than an insertion adds, so that the checks reach
/// every node.
const SAMPLE: usize = 3;

/// The fraction of the budget that the small queue has, as its denominator.
const SMALL_QUEUE_DIVISOR: usize = 32;

/// The order in which entries are evicted, and the bytes that are charged for them.
#[derive(Default)]
pub(super) struct Eviction {
    small: Queue,
    main: Queue,
    ghosts: GhostQueue,
    /// The number of queued nodes that are in the map.
    len: usize,
    /// The key weights of the queued nodes that were removed from the map.
    removed_bytes: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct Queue {
    nodes: VecDeque<Arc<EntryNode>>,
    /// The weights of those nodes that are in the map.
    bytes: usize,
    /// The position that was sampled last.
    cursor: usize,
}

impl Eviction {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { ghosts: GhostQueue::new(max_bytes), max_bytes, ..Self::default() }
    }

    pub(super) fn bytes(&self) -> usize {
        self.stored_bytes() + self.removed_bytes + self.ghosts.bytes()
    }

    /// Returns the weights of all queued nodes that are in the map.
    pub(super) fn stored_bytes(&self) -> usize {
        self.small.bytes + self.main.bytes
    }

    pub(super) fn push(&mut self, node: Arc<EntryNode>) {
        self.len += 1;
        if self.ghosts.remove(node.hash, self.len) {
            self.push_main(node);
        } else {
            node.is_in_main.store(false, Ordering::Relaxed);
            self.small.push(node);
        }
    }

    fn push_main(&mut self, node: Arc<EntryNode>) {
        node.is_in_main.store(true, Ordering::Relaxed);
        self.main.push(node);
    }

    /// Records that a node was removed from the map.
    ///
    /// The node stays queued, and its key stays charged, until it reaches the front.
    pub(super) fn set_removed(&mut self, node: &EntryNode) {
        node.set_removed();
        self.len -= 1;
        self.queue_of(node).bytes -= node.weight;
        self.removed_bytes += node.key_weight();
    }

    fn queue_of(&mut self, node: &EntryNode) -> &mut Queue {
        if node.is_in_main.load(Ordering::Relaxed) { &mut self.main } else { &mut self.small }
    }

    /// Takes the next node to evict from its queue; the caller must remove it from the map and call
    /// [`drop_removed`](Self::drop_removed).
    ///
    /// A node for which `is_pinned` returns `true` is not evicted.
    pub(super) fn pop_victim(&mut self, is_pinned: impl Fn(&EntryNode) -> bool) -> Option<Arc<EntryNode>> {
        // The number of pinned nodes at the end of the main queue, behind all others.
        let mut pinned = 0;
        loop {
            let is_from_small =
                self.small.bytes > self.max_bytes / SMALL_QUEUE_DIVISOR || self.main.nodes.len() <= pinned;
            let queue = if is_from_small { &mut self.small } else { &mut self.main };
            let node = queue.nodes.pop_front()?;
            if node.is_removed() {
                self.drop_removed(&node);
                continue;
            }
            if node.is_flushed() {
                return Some(node);
            }
            let is_pinned = is_pinned(&node);
            if is_pinned || node.spend_frequency(self.required_frequency(node.weight)) {
                pinned = if is_pinned { pinned + 1 } else { 0 };
                self.queue_of(&node).bytes -= node.weight;
                self.push_main(node);
                continue;
            }
            if is_from_small {
                self.ghosts.insert(node.hash);
            }
            return Some(node);
        }
    }

    /// Ends the charge for a removed node that has left its queue.
    pub(super) fn drop_removed(&mut self, node: &EntryNode) {
        self.removed_bytes -= node.key_weight();
    }

    /// Returns the frequency that a node of this weight needs to stay: a large one takes the room of several others.
    fn required_frequency(&self, weight: usize) -> u8 {
        let average = self.stored_bytes() / self.len.max(1);
        if weight > 4 * average {
            3
        } else if weight > average + average / 2 {
            2
        } else {
            1
        }
    }

    /// Returns those of the next few nodes that are expired.
    pub(super) fn sample_expired(&mut self, now: Instant) -> SmallVec<[Arc<EntryNode>; 2 * SAMPLE]> {
        let mut expired = SmallVec::new();
        self.small.sample_expired(now, &mut expired);
        self.main.sample_expired(now, &mut expired);
        expired
    }

    /// Returns all queued nodes, including those that were removed from the map.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &Arc<EntryNode>> {
        self.small.nodes.iter().chain(&self.main.nodes)
    }

    /// Drops all removed nodes if most of the queued nodes are removed.
    pub(super) fn compact_if_sparse(&mut self) {
        if self.small.nodes.len() + self.main.nodes.len() > 2 * self.len + REMOVED_SLACK {
            self.compact();
        }
    }

    /// Drops all queued nodes that were removed from the map.
    pub(super) fn compact(&mut self) {
        self.small.nodes.retain(|node| !node.is_removed());
        self.main.nodes.retain(|node| !node.is_removed());
        self.removed_bytes = 0;
    }
}

impl Queue {
    fn push(&mut self, node: Arc<EntryNode>) {
        self.bytes += node.weight;
        self.nodes.push_back(node);
    }

    fn sample_expired(&mut self, now: Instant, expired: &mut SmallVec<[Arc<EntryNode>; 2 * SAMPLE]>) {
        for _ in 0..SAMPLE.min(self.nodes.len()) {
            self.cursor = if self.cursor + 1 < self.nodes.len() { self.cursor + 1 } else { 0 };
            let node = self.nodes.get(self.cursor);
            expired.extend(node.filter(|node| !node.is_removed() && node.is_expired(now)).cloned());
        }
    }
}

#[cfg(test)]
impl Eviction {
    /// Returns the number of queued nodes that are in the map.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns the bytes of the ghost queue.
    pub(super) fn ghost_bytes(&self) -> usize {
        self.ghosts.bytes()
    }
}
