//! The purges of other processes that this process had applied at each of its local purge sequence numbers.
//!
//! A request notes the local sequence number before any data is read for it. The number of the last remote purge that it
//! has seen is looked up here when its response is stored. The lookup may return a number that is too small, which only
//! makes the store reject the entry; it never returns one that is too great.

use std::{collections::VecDeque, sync::Mutex};

use crate::{purge::PurgeSeq, sync::lock};

/// Entries that are remembered. Responses of fills that started before the oldest one are not put into the store.
const MAX_ENTRIES: usize = 4096;

/// Purges of this process that are remembered. They matter until a poll has returned a greater number.
const MAX_OWN: usize = 64;

#[derive(Default)]
pub(super) struct SeenPurges(Mutex<Sequences>);

#[derive(Default)]
struct Sequences {
    /// Local and remote sequence numbers, both ascending.
    entries: Vec<(PurgeSeq, u64)>,
    /// Purges of this process that the store has executed: local and remote sequence numbers, both ascending.
    own: VecDeque<(PurgeSeq, u64)>,
    /// The greatest remote number so far.
    max: u64,
}

impl SeenPurges {
    /// Records that all purges up to the remote number `sequence` were applied to local memory.
    ///
    /// A number that is less than the last one comes from a store that lost data. Its numbers prove nothing about fills
    /// that started before, so these are forgotten.
    pub(super) fn advance(&self, sequence: u64) {
        let sequences = &mut *lock(&self.0);
        match sequences.entries.last() {
            Some((_, last)) if *last == sequence => return,
            Some((_, last)) if *last > sequence => {
                sequences.entries.clear();
                sequences.own.clear();
            }
            _ => {}
        }
        if sequences.entries.len() >= MAX_ENTRIES {
            sequences.entries.drain(..MAX_ENTRIES / 2);
        }
        sequences.entries.push((PurgeSeq::advance(), sequence));
        sequences.max = sequences.max.max(sequence);
    }

    /// Records that the store has executed a purge of this process. A fill that starts from now on reflects it, and those
    /// before it: the data changes before it is purged.
    pub(super) fn advance_own(&self, sequence: u64) {
        let sequences = &mut *lock(&self.0);
        sequences.max = sequences.max.max(sequence);
        if sequences.own.back().is_some_and(|(_, last)| *last >= sequence) {
            return;
        }
        if sequences.own.len() >= MAX_OWN {
            sequences.own.pop_front();
        }
        sequences.own.push_back((PurgeSeq::advance(), sequence));
    }

    /// Returns the number of the last remote purge that a fill reflects which started at `local`, or 0 if that is unknown.
    pub(super) fn sequence_at(&self, local: PurgeSeq) -> u64 {
        let sequences = lock(&self.0);
        let later = sequences.entries.partition_point(|(applied_at, _)| *applied_at <= local);
        let last = later.checked_sub(1).and_then(|index| sequences.entries.get(index));
        let Some((_, polled)) = last else { return 0 };
        let own = sequences.own.iter().rev().find(|(executed_at, _)| *executed_at <= local);
        own.map_or(*polled, |(_, own)| *polled.max(own))
    }

    /// Returns the greatest number so far. The next purge gets a greater one.
    pub(super) fn max_sequence(&self) -> u64 {
        lock(&self.0).max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_has_seen_the_purges_applied_before_it() {
        let seen = SeenPurges::default();
        let before = PurgeSeq::now();
        seen.advance(10);
        let between = PurgeSeq::now();
        seen.advance(30);
        seen.advance(30);
        let sequences = [before, between, PurgeSeq::now()].map(|local| seen.sequence_at(local));
        assert_eq!(sequences, [0, 10, 30]);
        assert_eq!(seen.max_sequence(), 30);
    }

    #[test]
    fn request_has_seen_the_purges_of_its_process() {
        let seen = SeenPurges::default();
        seen.advance_own(15);
        assert_eq!(seen.sequence_at(PurgeSeq::now()), 0, "without a poll, nothing is known");
        seen.advance(10);
        let before = PurgeSeq::now();
        seen.advance_own(20);
        let after = PurgeSeq::now();
        // A poll that was sent before the purge.
        seen.advance(12);
        let sequences = [before, after, PurgeSeq::now()].map(|local| seen.sequence_at(local));
        assert_eq!(sequences, [15, 20, 20]);
        assert_eq!(seen.max_sequence(), 20);
        seen.advance(5);
        assert_eq!(seen.sequence_at(PurgeSeq::now()), 5, "the store has lost its data");
    }

    #[test]
    fn decreasing_sequence_forgets_earlier_requests() {
        let seen = SeenPurges::default();
        seen.advance(30);
        let before = PurgeSeq::now();
        seen.advance(20);
        assert_eq!((seen.sequence_at(before), seen.sequence_at(PurgeSeq::now())), (0, 20));
        assert_eq!(seen.max_sequence(), 30);
    }

    #[test]
    fn evicted_sequence_counts_as_unknown() {
        let seen = SeenPurges::default();
        seen.advance(1);
        let early = PurgeSeq::now();
        (2..=MAX_ENTRIES as u64 + 1).for_each(|sequence| seen.advance(sequence));
        assert_eq!(seen.sequence_at(early), 0);
        assert_eq!(seen.sequence_at(PurgeSeq::now()), MAX_ENTRIES as u64 + 1);
    }
}
