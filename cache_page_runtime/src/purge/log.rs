//! The purge log: it stops a fill that began before a purge from storing outdated data.
//!
//! One counter numbers all purges of the process. A request reads it before its arguments are extracted and before its cache is
//! chosen. If a purge is appended after that, every later check with the request's sequence number finds the purge.
//!
//! `tests/model` includes this file and runs it in all orders of events, so it depends on nothing but `sync`.
//!
//! Lock order: the log's lock is the innermost; no other lock is taken while it is held.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
};

use crate::sync::{Mutex, lock};

/// How many purges are compared while the log is locked once.
const BATCH: usize = 256;

/// How many different purges the log holds.
///
/// A fill that began before the oldest of them may have missed an evicted purge, so its page is not stored. Clients may be able to
/// cause purges, so the number is large.
///
/// A hash table with the last purge of each purge key would be smaller. But colliding keys would keep pages from being stored that
/// no purge matches, the more often the more is purged.
const CAPACITY: usize = 16 * 1024;

static LAST: AtomicU64 = AtomicU64::new(0);

/// A position in the sequence of all purges of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PurgeSeq(u64);

impl PurgeSeq {
    /// Returns the sequence number of the latest purge.
    pub(crate) fn now() -> Self {
        Self(LAST.load(SeqCst))
    }

    /// Returns the number of purges up to this position.
    pub(crate) fn number(self) -> u64 {
        self.0
    }

    /// Allocates the next sequence number.
    pub(crate) fn advance() -> Self {
        Self(LAST.fetch_add(1, SeqCst) + 1)
    }
}

/// The latest purges of one cache. `T` describes what a purge applies to.
pub(crate) struct PurgeLog<T> {
    /// The sequence number of the latest purge. A fill that began later need not lock the entries.
    last: AtomicU64,
    entries: Mutex<Entries<T>>,
}

struct Entries<T> {
    /// The different purges, by the sequence number of their latest repetition.
    by_sequence: BTreeMap<u64, T>,
    /// The sequence numbers of the first and of the latest repetition of each purge.
    repetitions: HashMap<T, (u64, u64)>,
    /// The sequence number of the latest evicted purge.
    evicted_up_to: u64,
}

impl<T: Clone + Eq + Hash> PurgeLog<T> {
    pub(crate) fn new() -> Self {
        let entries = Entries { by_sequence: BTreeMap::new(), repetitions: HashMap::new(), evicted_up_to: 0 };
        Self { last: AtomicU64::new(0), entries: Mutex::new(entries) }
    }

    /// Appends a purge, and returns its sequence number. The caller removes the pages afterwards, so a page that is stored concurrently is either removed by the
    /// purge or rejected by this log.
    pub(crate) fn append(&self, purge: T) -> PurgeSeq {
        let mut entries = lock(&self.entries);
        let PurgeSeq(sequence) = PurgeSeq::advance();
        entries.append(purge, sequence);
        self.last.store(sequence, SeqCst);
        PurgeSeq(sequence)
    }

    /// Returns whether anything was purged after `start`.
    pub(crate) fn any_since(&self, start: PurgeSeq) -> bool {
        self.last.load(SeqCst) > start.0
    }

    /// Returns the sequence number of the latest purge of this log. It has all purges up to that one.
    pub(crate) fn latest(&self) -> PurgeSeq {
        PurgeSeq(self.last.load(SeqCst))
    }

    /// Returns whether a matching purge happened after `start`.
    ///
    /// It also returns `true` if such a purge may have been evicted from the log.
    pub(crate) fn was_purged_since(&self, start: PurgeSeq, matches: impl FnMut(&T) -> bool) -> bool {
        self.was_purged_between(start, PurgeSeq(u64::MAX), matches)
    }

    /// Returns whether a matching purge happened after `start` and not after `end`.
    ///
    /// Repetitions of a purge share one entry, so this may return `true` for a purge after `end`; it never returns `false` for
    /// one before.
    pub(crate) fn was_purged_between(
        &self,
        start: PurgeSeq,
        end: PurgeSeq,
        mut matches: impl FnMut(&T) -> bool,
    ) -> bool {
        if end <= start || !self.any_since(start) {
            return false;
        }
        let mut compared_up_to = start.0;
        loop {
            // A purge that is repeated between two batches moves behind both.
            let entries = lock(&self.entries);
            if entries.evicted_up_to > start.0 {
                return true;
            }
            let mut batch = entries.by_sequence.range(compared_up_to + 1..).take(BATCH);
            let began_by_end =
                |purge: &T| entries.repetitions.get(purge).is_some_and(|(first, _)| *first <= end.0);
            let is_purged = batch.any(|(sequence, purge)| {
                compared_up_to = *sequence;
                matches(purge) && began_by_end(purge)
            });
            if is_purged || entries.last() <= compared_up_to {
                return is_purged;
            }
        }
    }
}

impl<T: Clone + Eq + Hash> Entries<T> {
    /// Returns the sequence number of the latest purge.
    fn last(&self) -> u64 {
        self.by_sequence.last_key_value().map_or(0, |(sequence, _)| *sequence)
    }

    fn append(&mut self, purge: T, sequence: u64) {
        let first = match self.repetitions.get(&purge) {
            Some(&(first, latest)) => {
                self.by_sequence.remove(&latest);
                first
            }
            None => sequence,
        };
        self.repetitions.insert(purge.clone(), (first, sequence));
        self.by_sequence.insert(sequence, purge);
        if self.by_sequence.len() > CAPACITY
            && let Some((sequence, oldest)) = self.by_sequence.pop_first()
        {
            self.repetitions.remove(&oldest);
            self.evicted_up_to = sequence;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_before_matching_purge_was_purged() {
        let log = PurgeLog::new();
        let before = PurgeSeq::now();
        assert!(!log.was_purged_since(before, |_: &u8| true));
        log.append(1);
        let after = PurgeSeq::now();
        assert!(log.was_purged_since(before, |purge| *purge == 1));
        assert!(!log.was_purged_since(before, |purge| *purge == 2));
        assert!(!log.was_purged_since(after, |_| true));
        // A request that came before the purge may still receive the older page.
        assert!(!log.was_purged_between(before, before, |_| true));
        assert!(log.was_purged_between(before, after, |_| true));
    }

    #[test]
    fn purges_of_several_batches_are_compared_once_each() {
        let log = PurgeLog::new();
        let before = PurgeSeq::now();
        (0..3 * BATCH).for_each(|purge| {
            log.append(purge);
        });
        let mut compared = Vec::new();
        let is_found = log.was_purged_since(before, |purge| {
            compared.push(*purge);
            *purge == 3 * BATCH - 1
        });
        assert!(is_found && compared.into_iter().eq(0..3 * BATCH));
        assert!(!log.was_purged_since(before, |_| false));
    }

    #[test]
    fn repeated_purge_takes_one_entry() {
        let log = PurgeLog::new();
        let before = PurgeSeq::now();
        log.append(1);
        let between = PurgeSeq::now();
        for _ in 0..2 * CAPACITY {
            log.append(1);
        }
        assert!(
            log.was_purged_since(before, |purge| *purge == 1)
                && !log.was_purged_since(before, |purge| *purge == 2)
        );
        // The first repetition lies before the request, so it must not receive the older page.
        assert!(log.was_purged_between(before, between, |_| true));
        assert!(!log.was_purged_since(PurgeSeq::now(), |_| true));
    }

    #[test]
    fn evicted_purge_counts_as_matching() {
        let log = PurgeLog::new();
        let before = PurgeSeq::now();
        log.append(0);
        let after = PurgeSeq::now();
        for purge in 1..=CAPACITY {
            log.append(purge);
        }
        assert!(log.was_purged_since(before, |_| false));
        assert!(!log.was_purged_since(after, |_| false), "none of these has been evicted");
        assert_eq!(lock(&log.entries).by_sequence.len(), CAPACITY);
        assert_eq!(lock(&log.entries).repetitions.len(), CAPACITY);
    }
}
