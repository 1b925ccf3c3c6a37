//! Keys under which there was nothing to share lately: whoever asks for these does not wait for anybody.

use std::{
    hash::BuildHasher as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use foldhash::quality::RandomState;

use crate::time::instant::Instant;

/// How long it is remembered after the last time, unless a page is kept before.
const REMEMBERED: Duration = Duration::from_secs(30);

/// How many are remembered, a power of two. Of two in one place the later one is.
const PLACES: usize = 1024;

/// A key that was forgotten too early costs its next visitors the time until one of them has seen its response; one that
/// is mixed up with another costs a second run of a handler. So a hash is enough, and no place has a lock.
pub(crate) struct UncacheableKeys {
    places: Box<[Slot]>,
    hasher: RandomState,
}

/// The hash of a key.
#[derive(Clone, Copy)]
pub(crate) struct KeyHash(u64);

#[derive(Default)]
struct Slot {
    hash: AtomicU64,
    /// Nanoseconds.
    until: AtomicU64,
}

impl UncacheableKeys {
    pub(crate) fn new() -> Self {
        let places = (0..PLACES).map(|_| Slot::default()).collect();
        Self { places, hasher: RandomState::default() }
    }

    pub(crate) fn remember(&self, key: &[u8], now: Instant) {
        self.extend(KeyHash(self.hasher.hash_one(key)), now);
    }

    /// It was so once more.
    pub(crate) fn extend(&self, mark: KeyHash, now: Instant) {
        let place = self.place(mark);
        place.hash.store(mark.0, Ordering::Relaxed);
        place.until.store((now + REMEMBERED).as_nanos(), Ordering::Relaxed);
    }

    pub(crate) fn forget(&self, key: &[u8]) {
        let mark = KeyHash(self.hasher.hash_one(key));
        let place = self.place(mark);
        if place.hash.load(Ordering::Relaxed) == mark.0 {
            place.until.store(0, Ordering::Relaxed);
        }
    }

    /// What a key is remembered by, if it is.
    pub(crate) fn find(&self, key: &[u8], now: Instant) -> Option<KeyHash> {
        let mark = KeyHash(self.hasher.hash_one(key));
        let place = self.place(mark);
        let is_there = place.hash.load(Ordering::Relaxed) == mark.0;
        (is_there && now.as_nanos() < place.until.load(Ordering::Relaxed)).then_some(mark)
    }

    fn place(&self, KeyHash(hash): KeyHash) -> &Slot {
        let [one, two, ..] = hash.to_le_bytes();
        &self.places[usize::from(u16::from_le_bytes([one, two])) % PLACES]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{clock::Clock, manual::ManualClock};

    #[test]
    fn remembers_a_key_for_a_while_or_until_it_is_told_otherwise() {
        let (apart, manual) = (UncacheableKeys::new(), ManualClock::new());
        let clock = Clock::Manual(manual.clone());
        let knows = |key: &[u8]| apart.find(key, clock.now()).is_some();
        assert!(!knows(b"one"));
        apart.remember(b"one", clock.now());
        assert!(knows(b"one") && !knows(b"two"));
        apart.forget(b"two");
        manual.advance(REMEMBERED - Duration::from_nanos(1));
        assert!(knows(b"one"));
        manual.advance(Duration::from_nanos(1));
        assert!(!knows(b"one"));
        apart.remember(b"one", clock.now());
        apart.forget(b"one");
        assert!(!knows(b"one"));
    }

    #[test]
    fn what_it_remembers_does_not_grow() {
        let (apart, now) = (UncacheableKeys::new(), Clock::System.now());
        for number in 0..100_000_u32 {
            apart.remember(&number.to_le_bytes(), now);
        }
        let known =
            (0..100_000_u32).filter(|number| apart.find(&number.to_le_bytes(), now).is_some()).count();
        assert!((1..=PLACES).contains(&known), "{known}");
    }
}
