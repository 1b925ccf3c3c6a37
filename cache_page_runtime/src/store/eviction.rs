//! Which page goes when room is needed: S3-FIFO, by bytes (Yang et al., "FIFO queues are all you need for cache eviction").
//!
//! What is new waits in a small queue. What was asked for again by the time its turn comes moves on to the main queue; all
//! else goes, and only its hash is remembered for a while. What comes back meanwhile goes to the main queue at once. In
//! there, what was asked for goes around once more. So what nobody asks for twice passes through a small part of the room,
//! and never pushes out what is asked for again and again.
//!
//! A page that is larger than others has to be asked for more often to stay: in its room, several of those could be.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};

use smallvec::SmallVec;

use crate::store::{
    node::{EntryNode, FlushEpoch},
    purge_index::PurgeIndex,
};
use crate::time::instant::Instant;

/// Keys of what is gone may outnumber those that are there by as many before they are swept out.
pub(crate) const SLACK: usize = 64;

/// Of so many in each queue it is looked whether they are over, whenever something is kept. More than come to a queue
/// meanwhile, so that all of them have their turn.
const LOOKED_AT: usize = 3;

/// The part of all bytes that is for what is new.
const FOR_THE_NEW: usize = 32;

/// So many bytes of the budget come to one hash that is remembered. There are more of them than pages, so that few take the
/// place of another one too early.
const BYTES_A_GHOST: usize = 512;

#[derive(Default)]
pub(crate) struct Eviction {
    small: Queue,
    main: Queue,
    ghosts: GhostQueue,
    /// Of all that is in the map, of all keys in the queues, of what is remembered and of the workers' copies.
    pub(crate) bytes: usize,
    /// In the map.
    pub(crate) keys: usize,
    pub(crate) pages: usize,
    /// The part of `bytes` that the workers' copies take.
    pub(crate) copies: usize,
    /// By what pages are found beside their keys.
    pub(crate) index: PurgeIndex,
    /// Since everything was purged.
    pub(crate) epoch: Arc<FlushEpoch>,
}

#[derive(Default)]
struct Queue {
    nodes: VecDeque<Arc<EntryNode>>,
    /// Of those that are in the map.
    bytes: usize,
    /// Where the next look for those that are over begins.
    next: usize,
}

impl Queue {
    fn some_over(&mut self, now: Instant, over: &mut SmallVec<[Arc<EntryNode>; 2 * LOOKED_AT]>) {
        for _ in 0..LOOKED_AT.min(self.nodes.len()) {
            self.next = if self.next + 1 < self.nodes.len() { self.next + 1 } else { 0 };
            over.extend(
                self.nodes.get(self.next).filter(|node| !node.is_gone() && node.is_over(now)).cloned(),
            );
        }
    }
}

impl Eviction {
    pub(crate) fn new(max_bytes: usize) -> Self {
        let ghosts = GhostQueue { most: max_bytes / BYTES_A_GHOST, ..GhostQueue::default() };
        Self { ghosts, ..Self::default() }
    }

    pub(crate) fn push(&mut self, node: Arc<EntryNode>) {
        self.bytes += node.weight;
        self.keys += 1;
        if self.ghosts.forget(node.hash, self.keys) {
            self.push_main(node);
        } else {
            node.in_main.store(false, Ordering::Relaxed);
            self.small.bytes += node.weight;
            self.small.nodes.push_back(node);
        }
    }

    fn push_main(&mut self, node: Arc<EntryNode>) {
        node.in_main.store(true, Ordering::Relaxed);
        self.main.bytes += node.weight;
        self.main.nodes.push_back(node);
    }

    /// It is not in the map any more. Its key stays in its queue, and counts until it leaves that.
    pub(crate) fn removed(&mut self, node: &EntryNode) {
        self.bytes -= node.weight - node.own_cost();
        self.keys -= 1;
        self.queue_of(node).bytes -= node.weight;
    }

    fn queue_of(&mut self, node: &EntryNode) -> &mut Queue {
        if node.in_main.load(Ordering::Relaxed) { &mut self.main } else { &mut self.small }
    }

    /// The next one to go; it has left its queue. `stays` tells of those that must not.
    pub(crate) fn next_to_go(
        &mut self,
        max_bytes: usize,
        stays: impl Fn(&EntryNode) -> bool,
    ) -> Option<Arc<EntryNode>> {
        loop {
            let is_new = self.small.bytes > max_bytes / FOR_THE_NEW || self.main.nodes.is_empty();
            let queue = if is_new { &mut self.small } else { &mut self.main };
            let node = queue.nodes.pop_front()?;
            if node.is_gone() {
                self.bytes -= node.own_cost();
                continue;
            }
            if node.is_purged() {
                return Some(node);
            }
            if stays(&node) || node.take_marks(self.marks_needed(node.weight)) {
                self.queue_of(&node).bytes -= node.weight;
                self.push_main(node);
                continue;
            }
            if is_new {
                let grown = self.ghosts.remember(node.hash);
                self.bytes += grown;
            }
            return Some(node);
        }
    }

    /// How often a page of that weight has to be asked for to stay.
    fn marks_needed(&self, weight: usize) -> u8 {
        let usual = (self.small.bytes + self.main.bytes) / self.keys.max(1);
        if weight > 4 * usual {
            3
        } else if weight > usual + usual / 2 {
            2
        } else {
            1
        }
    }

    /// Those of a few whose time is over; other ones each time, until all were looked at.
    pub(crate) fn some_over(&mut self, now: Instant) -> SmallVec<[Arc<EntryNode>; 2 * LOOKED_AT]> {
        let mut over = SmallVec::new();
        self.small.some_over(now, &mut over);
        self.main.some_over(now, &mut over);
        over
    }

    /// All of them, and those that are gone.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Arc<EntryNode>> {
        self.small.nodes.iter().chain(&self.main.nodes)
    }

    /// Drops queued keys under which nothing is kept, once they are the greater part.
    pub(crate) fn sweep(&mut self) {
        if self.small.nodes.len() + self.main.nodes.len() > 2 * self.keys + SLACK {
            self.drop_gone();
        }
    }

    pub(crate) fn drop_gone(&mut self) {
        let Self { small, main, bytes, .. } = self;
        for queue in [small, main] {
            queue.nodes.retain(|node| {
                let is_gone = node.is_gone();
                if is_gone {
                    *bytes -= node.own_cost();
                }
                !is_gone
            });
        }
    }
}

#[cfg(test)]
impl Eviction {
    pub(crate) fn ghost_bytes(&self) -> usize {
        self.ghosts.places.len() * size_of::<(u32, u32)>()
    }

    /// What the queues themselves say they hold.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.small.bytes + self.main.bytes
    }
}

/// Hashes of what went without having been asked for again, for as long as as many went after it as there are pages.
#[derive(Default)]
struct GhostQueue {
    /// Half a hash, and the number of its going. There are none before the first one is remembered.
    places: Vec<(u32, u32)>,
    most: usize,
    gone: u32,
}

impl GhostQueue {
    /// Returns by how many bytes it has grown.
    fn remember(&mut self, hash: u64) -> usize {
        let mut grown = 0;
        if self.places.is_empty() && self.most > 0 {
            self.places = vec![(0, 0); self.most];
            grown = self.most * size_of::<(u32, u32)>();
        }
        self.gone = self.gone.wrapping_add(1);
        let number = self.gone;
        if let Some((place, half)) = self.place(hash) {
            *place = (half, number);
        }
        grown
    }

    /// Whether it was remembered.
    fn forget(&mut self, hash: u64, pages: usize) -> bool {
        let gone = self.gone;
        match self.place(hash) {
            Some((place, half)) if place.0 == half => {
                let since = gone.wrapping_sub(place.1) as usize;
                *place = (0, 0);
                since < pages
            }
            _ => false,
        }
    }

    fn place(&mut self, hash: u64) -> Option<(&mut (u32, u32), u32)> {
        // One half tells where, the other what.
        let (high, low) = (hash >> 32, hash & 0xffff_ffff);
        let place = usize::try_from(high).ok()?.checked_rem(self.places.len())?;
        Some((self.places.get_mut(place)?, u32::try_from(low).ok()?))
    }
}
