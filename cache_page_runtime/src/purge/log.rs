//! Purges that happen while a page is being made: what was read before one of them must not be kept, nor sent to those who
//! ask after it.
//!
//! All purges of the process are counted by one number, so that a request knows its place among them before anything of it
//! is looked at: before its arguments are extracted, and before its cache is known. There is no page here and no handler, so
//! that `tests/model` can try this file in every order of events. What it promises: if a purge was begun after a request
//! noted its place, then whoever looks afterwards finds it.
//!
//! Lock: the log, after all others.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    sync::atomic::{AtomicU64, Ordering::SeqCst},
};

use crate::sync::{Mutex, lock};

/// So many different purges are remembered. Pages whose making began before the oldest of these are not kept at all: it is not
/// known any more what was purged meanwhile. Clients may be able to cause purges, so they must not be few.
const REMEMBERED: usize = 16 * 1024;

static PURGES: AtomicU64 = AtomicU64::new(0);

/// How many purges there were when something began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PurgeSeq(u64);

impl PurgeSeq {
    pub(crate) fn now() -> Self {
        Self(PURGES.load(SeqCst))
    }
}

/// A place of its own among the purges, for something that is no purge here.
pub(crate) fn tick() -> PurgeSeq {
    PurgeSeq(PURGES.fetch_add(1, SeqCst) + 1)
}

/// The purges of one cache; `T` is what each was about.
pub(crate) struct PurgeLog<T> {
    /// The number of the last one. Those that began later need not look into the log.
    last: AtomicU64,
    log: Mutex<Entries<T>>,
}

struct Entries<T> {
    /// By the number of the last one that was about this.
    purges: BTreeMap<u64, T>,
    /// Of each, the numbers of the first one that is remembered and of the last one.
    numbers: HashMap<T, (u64, u64)>,
    /// The number of the last one that is forgotten.
    forgotten: u64,
}

impl<T: Clone + Eq + Hash> PurgeLog<T> {
    pub(crate) fn new() -> Self {
        let log = Entries { purges: BTreeMap::new(), numbers: HashMap::new(), forgotten: 0 };
        Self { last: AtomicU64::new(0), log: Mutex::new(log) }
    }

    /// Before anything is purged: what is kept meanwhile is either found by the purge, or is not kept.
    pub(crate) fn raise(&self, about: T) {
        let mut log = lock(&self.log);
        let number = PURGES.fetch_add(1, SeqCst) + 1;
        log.add(about, number);
        self.last.store(number, SeqCst);
    }

    /// Whether anything at all was purged since then.
    pub(crate) fn is_raised(&self, since: PurgeSeq) -> bool {
        self.last.load(SeqCst) > since.0
    }

    /// Whether something that was begun then was purged since.
    pub(crate) fn has_fallen(&self, since: PurgeSeq, concerns: impl FnMut(&T) -> bool) -> bool {
        self.has_fallen_before(since, PurgeSeq(u64::MAX), concerns)
    }

    /// Whether it was purged before somebody else came. Where it was purged several times, and also later, it is not known any
    /// more, and counts as if it was.
    pub(crate) fn has_fallen_before(
        &self,
        since: PurgeSeq,
        came: PurgeSeq,
        mut concerns: impl FnMut(&T) -> bool,
    ) -> bool {
        if came <= since || !self.is_raised(since) {
            return false;
        }
        let log = lock(&self.log);
        let is_before = |about: &T| log.numbers.get(about).is_some_and(|(first, _)| *first <= came.0);
        log.forgotten > since.0
            || log.purges.range(since.0 + 1..).any(|(_, about)| concerns(about) && is_before(about))
    }
}

impl<T: Clone + Eq + Hash> Entries<T> {
    fn add(&mut self, about: T, number: u64) {
        let first = match self.numbers.get(&about) {
            Some(&(first, last)) => {
                self.purges.remove(&last);
                first
            }
            None => number,
        };
        self.numbers.insert(about.clone(), (first, number));
        self.purges.insert(number, about);
        if self.purges.len() > REMEMBERED
            && let Some((number, oldest)) = self.purges.pop_first()
        {
            self.numbers.remove(&oldest);
            self.forgotten = number;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_begun_before_a_purge_and_is_meant_by_it_falls() {
        let fence = PurgeLog::new();
        let before = PurgeSeq::now();
        assert!(!fence.has_fallen(before, |_: &u8| true));
        fence.raise(1);
        let after = PurgeSeq::now();
        assert!(fence.has_fallen(before, |about| *about == 1));
        assert!(!fence.has_fallen(before, |about| *about == 2));
        assert!(!fence.has_fallen(after, |_| true));
        // Those who came before it may still be sent what was begun then.
        assert!(!fence.has_fallen_before(before, before, |_| true));
        assert!(fence.has_fallen_before(before, after, |_| true));
    }

    #[test]
    fn what_is_purged_again_and_again_is_remembered_once() {
        let fence = PurgeLog::new();
        let before = PurgeSeq::now();
        fence.raise(1);
        let between = PurgeSeq::now();
        (0..2 * REMEMBERED).for_each(|_| fence.raise(1));
        assert!(
            fence.has_fallen(before, |about| *about == 1) && !fence.has_fallen(before, |about| *about == 2)
        );
        // Those who came after the first one must not be sent what was begun before it.
        assert!(fence.has_fallen_before(before, between, |_| true));
        assert!(!fence.has_fallen(PurgeSeq::now(), |_| true));
    }

    #[test]
    fn what_is_forgotten_counts_as_meant() {
        let fence = PurgeLog::new();
        let before = PurgeSeq::now();
        fence.raise(0);
        let after = PurgeSeq::now();
        for number in 1..=REMEMBERED {
            fence.raise(number);
        }
        assert!(fence.has_fallen(before, |_| false));
        assert!(!fence.has_fallen(after, |_| false), "all of these are still known");
        assert_eq!(lock(&fence.log).purges.len(), REMEMBERED);
        assert_eq!(lock(&fence.log).numbers.len(), REMEMBERED);
    }
}
