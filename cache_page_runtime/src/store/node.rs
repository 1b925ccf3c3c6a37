//! One thing that is kept: what is known of it without looking into the map.

use std::{
    borrow::Borrow,
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering},
    },
};

use super::weights;
use crate::{key::CacheKey, purge::PurgeKey, time::instant::Instant};

/// A hit that finds as many marks writes nothing.
const MOST_MARKS: u8 = 3;

pub(crate) struct EntryNode {
    pub(crate) key: Box<[u8]>,
    /// Of the key, for what is remembered of it when it is gone.
    pub(crate) hash: u64,
    /// All that is counted for it, until it is removed from the map.
    pub(crate) weight: usize,
    /// Nanoseconds: from then on it is of no use. The latest there is stands for never.
    until: AtomicU64,
    /// How often it was asked for since its turn to go came last.
    marks: AtomicU8,
    /// It is not in the map any more: copies of it are of no use.
    gone: AtomicBool,
    /// Its page was made stale before its time: copies of it do not know.
    expired: AtomicBool,
    /// All that was put in before everything was purged is gone, wherever it is.
    epoch: Arc<FlushEpoch>,
    /// What its page is found by, and where it is in the list of each; only looked at by whoever has locked `order`.
    pub(crate) places: Box<[(PurgeKey, AtomicUsize)]>,
    /// Which queue it is in; only looked at by whoever has locked `order`.
    pub(crate) in_main: AtomicBool,
}

impl EntryNode {
    pub(crate) fn new(
        key: &[u8],
        hash: u64,
        weight: usize,
        until: u64,
        names: &[PurgeKey],
        epoch: &Arc<FlushEpoch>,
    ) -> Self {
        let places: Box<[_]> = names.iter().map(|name| (*name, AtomicUsize::new(0))).collect();
        let weight = weight
            .saturating_add(cost_of_key(key))
            .saturating_add(places.len() * (size_of::<(PurgeKey, AtomicUsize)>() + weights::PURGE_KEY));
        Self {
            key: key.into(),
            hash,
            weight,
            until: AtomicU64::new(until),
            marks: AtomicU8::new(0),
            gone: AtomicBool::new(false),
            expired: AtomicBool::new(false),
            epoch: Arc::clone(epoch),
            places,
            in_main: AtomicBool::new(false),
        }
    }

    /// It was asked for. On a page that many ask for, this only reads.
    pub(crate) fn mark(&self) {
        let marks = self.marks.load(Ordering::Relaxed);
        if marks < MOST_MARKS {
            // Where two do it at once, one of their marks may be lost.
            self.marks.store(marks + 1, Ordering::Relaxed);
        }
    }

    /// Whether it was asked for often enough to stay, which takes so many of its marks.
    pub(crate) fn take_marks(&self, needed: u8) -> bool {
        let marks = self.marks.load(Ordering::Relaxed);
        let left = marks.checked_sub(needed);
        if let Some(left) = left {
            self.marks.store(left, Ordering::Relaxed);
        }
        left.is_some()
    }

    pub(crate) fn is_of(&self, key: CacheKey<'_>) -> bool {
        *self.key == *key.as_bytes()
    }

    /// Whether copies of it are as good as it is.
    pub(crate) fn is_as_it_was(&self) -> bool {
        !self.is_gone() && !self.is_purged() && !self.expired.load(Ordering::Acquire)
    }

    /// Its page is stale from now on, and of no use from then on.
    pub(crate) fn expire(&self, until: u64) {
        self.until.fetch_min(until, Ordering::AcqRel);
        self.expired.store(true, Ordering::Release);
    }

    /// It is in the map no longer, or about to go.
    pub(crate) fn leave(&self) {
        self.gone.store(true, Ordering::Release);
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Whether everything was purged since it was put in. It is still in the map then, for whoever comes by to remove it.
    pub(crate) fn is_purged(&self) -> bool {
        self.epoch.is_over.load(Ordering::Acquire)
    }

    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.until.load(Ordering::Acquire) <= now.as_nanos() || self.is_purged()
    }

    /// What it takes by itself, as long as anybody holds it.
    pub(crate) fn own_cost(&self) -> usize {
        cost_of_key(&self.key)
    }
}

/// The time between two purges of everything.
#[derive(Default)]
pub(crate) struct FlushEpoch {
    is_over: AtomicBool,
}

impl FlushEpoch {
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }
}

/// What a key takes: its node, and places in the map and in a queue.
pub(crate) fn cost_of_key(key: &[u8]) -> usize {
    key.len() + weights::in_arc::<EntryNode>() + weights::MAP_AND_QUEUE
}

/// A node in the map, by its key. When it leaves, whoever has a copy of its page knows.
pub(crate) struct NodeKey(pub(super) Arc<EntryNode>);

impl Drop for NodeKey {
    fn drop(&mut self) {
        self.0.leave();
    }
}

impl Borrow<[u8]> for NodeKey {
    fn borrow(&self) -> &[u8] {
        &self.0.key
    }
}

impl Hash for NodeKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

impl PartialEq for NodeKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for NodeKey {}
