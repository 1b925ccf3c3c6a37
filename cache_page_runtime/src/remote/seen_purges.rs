//! Which purges of other processes this one had heard of, at each place among its own.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::purge::PurgeSeq;

/// So many are remembered. What began before the oldest of them is not given to the shared tier.
const MAX_ENTRIES: usize = 4096;

/// Requests note their place among the purges of the process before anything of them is read. What that is among those of all
/// processes is looked up here: a number that is too small at most.
#[derive(Default)]
pub(crate) struct SeenPurges(Mutex<Sequences>);

#[derive(Default)]
struct Sequences {
    /// Both grow.
    entries: Vec<(PurgeSeq, u64)>,
    /// The greatest there ever was.
    max: u64,
}

impl SeenPurges {
    /// Everything up to that number was heard of, and what was purged by it is gone here.
    ///
    /// One that is less than the last is from a store that lost what it had: by its numbers, nothing that was begun before is known to be good.
    pub(crate) fn advance(&self, number: u64) {
        let mut numbers = self.numbers();
        match numbers.entries.last() {
            Some((_, last)) if *last == number => return,
            Some((_, last)) if *last > number => numbers.entries.clear(),
            _ => {}
        }
        if numbers.entries.len() >= MAX_ENTRIES {
            numbers.entries.drain(..MAX_ENTRIES / 2);
        }
        numbers.entries.push((PurgeSeq::advance(), number));
        numbers.max = numbers.max.max(number);
    }

    /// What had been heard of then; nothing is 0.
    pub(crate) fn sequence_at(&self, since: PurgeSeq) -> u64 {
        let numbers = self.numbers();
        let after = numbers.entries.partition_point(|(heard, _)| *heard <= since);
        after.checked_sub(1).and_then(|place| numbers.entries.get(place)).map_or(0, |(_, number)| *number)
    }

    /// What any number has to be above that is given out from now on.
    pub(crate) fn max_sequence(&self) -> u64 {
        self.numbers().max
    }

    fn numbers(&self) -> MutexGuard<'_, Sequences> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_seen_what_was_heard_of_before_it_came() {
        let known = SeenPurges::default();
        let before = PurgeSeq::now();
        known.advance(10);
        let between = PurgeSeq::now();
        known.advance(30);
        known.advance(30);
        assert_eq!(
            (known.sequence_at(before), known.sequence_at(between), known.sequence_at(PurgeSeq::now())),
            (0, 10, 30)
        );
        assert_eq!(known.max_sequence(), 30);
    }

    #[test]
    fn numbers_that_fall_say_nothing_of_what_was_begun_before() {
        let known = SeenPurges::default();
        known.advance(30);
        let before = PurgeSeq::now();
        known.advance(20);
        assert_eq!((known.sequence_at(before), known.sequence_at(PurgeSeq::now())), (0, 20));
        assert_eq!(known.max_sequence(), 30);
    }

    #[test]
    fn what_is_forgotten_counts_as_not_heard_of() {
        let known = SeenPurges::default();
        known.advance(1);
        let early = PurgeSeq::now();
        (2..=MAX_ENTRIES as u64 + 1).for_each(|number| known.advance(number));
        assert_eq!(known.sequence_at(early), 0);
        assert_eq!(known.sequence_at(PurgeSeq::now()), MAX_ENTRIES as u64 + 1);
    }
}
