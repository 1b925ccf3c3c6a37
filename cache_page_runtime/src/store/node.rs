//! One thing that is kept: what is known of it without looking into the map.

use std::{
    borrow::Borrow,
    hash::{Hash, Hasher},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use crate::{clock::Moment, key::Key};

/// What two places in the map take, a place in a queue, and its share of places that are empty: the map is filled between
/// seven sixteenths and seven eighths of what it has.
const PLACES: usize = 112;

/// What an `Arc` counts by.
pub(super) const COUNTS: usize = 16;

/// A hit that finds as many marks writes nothing.
const MOST_MARKS: u8 = 3;

pub(crate) struct Node {
    pub(super) key: Box<[u8]>,
    /// Of the key, for what is remembered of it when it is gone.
    pub(super) hash: u64,
    /// All that is counted for it, until it is removed from the map.
    pub(super) weight: usize,
    /// Nanoseconds: from then on it is of no use. The latest there is stands for never.
    pub(super) until: u64,
    /// How often it was asked for since its turn to go came last.
    marks: AtomicU8,
    /// It is not in the map any more: copies of it are of no use.
    gone: AtomicBool,
    /// Which queue it is in; only looked at by whoever has locked `order`.
    pub(super) in_main: AtomicBool,
}

impl Node {
    pub(super) fn new(key: &[u8], hash: u64, weight: usize, until: u64) -> Self {
        let weight = weight.saturating_add(cost_of_key(key));
        let (gone, in_main) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { key: key.into(), hash, weight, until, marks: AtomicU8::new(0), gone, in_main }
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
    pub(super) fn take_marks(&self, needed: u8) -> bool {
        let marks = self.marks.load(Ordering::Relaxed);
        let left = marks.checked_sub(needed);
        if let Some(left) = left {
            self.marks.store(left, Ordering::Relaxed);
        }
        left.is_some()
    }

    pub(crate) fn is_of(&self, key: Key<'_>) -> bool {
        *self.key == *key.as_bytes()
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.until <= now.as_nanos()
    }

    /// What it takes by itself, as long as anybody holds it.
    pub(super) fn own_cost(&self) -> usize {
        cost_of_key(&self.key)
    }
}

/// What a key takes: its node, and places in the map and in a queue.
pub(super) fn cost_of_key(key: &[u8]) -> usize {
    key.len() + size_of::<Node>() + COUNTS + PLACES
}

/// A node in the map, by its key. When it leaves, whoever has a copy of its page knows.
pub(super) struct Held(pub(super) Arc<Node>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.gone.store(true, Ordering::Release);
    }
}

impl Borrow<[u8]> for Held {
    fn borrow(&self) -> &[u8] {
        &self.0.key
    }
}

impl Hash for Held {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for Held {}
