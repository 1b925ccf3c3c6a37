//! Which purges of other processes this one had heard of, at each place among its own.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::purge::log::{self, PurgeSeq};

/// So many are remembered. What began before the oldest of them is not given to the shared tier.
const REMEMBERED: usize = 4096;

/// Requests note their place among the purges of the process before anything of them is read. What that is among those of all
/// processes is looked up here: a number that is too small at most.
#[derive(Default)]
pub(crate) struct SeenPurges(Mutex<Numbers>);

#[derive(Default)]
struct Numbers {
    /// Both grow.
    heard: Vec<(PurgeSeq, u64)>,
    /// The greatest there ever was.
    greatest: u64,
}

impl SeenPurges {
    /// Everything up to that number was heard of, and what was purged by it is gone here.
    ///
    /// One that is less than the last is from a store that lost what it had: by its numbers, nothing that was begun before is known to be good.
    pub(crate) fn advance(&self, number: u64) {
        let mut numbers = self.numbers();
        match numbers.heard.last() {
            Some((_, last)) if *last == number => return,
            Some((_, last)) if *last > number => numbers.heard.clear(),
            _ => {}
        }
        if numbers.heard.len() >= REMEMBERED {
            numbers.heard.drain(..REMEMBERED / 2);
        }
        numbers.heard.push((log::tick(), number));
        numbers.greatest = numbers.greatest.max(number);
    }

    /// What had been heard of then; nothing is 0.
    pub(crate) fn at(&self, since: PurgeSeq) -> u64 {
        let numbers = self.numbers();
        let after = numbers.heard.partition_point(|(heard, _)| *heard <= since);
        after.checked_sub(1).and_then(|place| numbers.heard.get(place)).map_or(0, |(_, number)| *number)
    }

    /// What any number has to be above that is given out from now on.
    pub(crate) fn greatest(&self) -> u64 {
        self.numbers().greatest
    }

    fn numbers(&self) -> MutexGuard<'_, Numbers> {
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
        assert_eq!((known.at(before), known.at(between), known.at(PurgeSeq::now())), (0, 10, 30));
        assert_eq!(known.greatest(), 30);
    }

    #[test]
    fn numbers_that_fall_say_nothing_of_what_was_begun_before() {
        let known = SeenPurges::default();
        known.advance(30);
        let before = PurgeSeq::now();
        known.advance(20);
        assert_eq!((known.at(before), known.at(PurgeSeq::now())), (0, 20));
        assert_eq!(known.greatest(), 30);
    }

    #[test]
    fn what_is_forgotten_counts_as_not_heard_of() {
        let known = SeenPurges::default();
        known.advance(1);
        let early = PurgeSeq::now();
        (2..=REMEMBERED as u64 + 1).for_each(|number| known.advance(number));
        assert_eq!(known.at(early), 0);
        assert_eq!(known.at(PurgeSeq::now()), REMEMBERED as u64 + 1);
    }
}
