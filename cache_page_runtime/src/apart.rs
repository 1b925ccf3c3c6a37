//! Keys under which there was nothing to share lately: whoever asks for these does not wait for anybody.

use std::{
    hash::BuildHasher as _,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use foldhash::quality::RandomState;

use crate::clock::Moment;

/// How long it is remembered after the last time, unless a page is kept before.
const REMEMBERED: Duration = Duration::from_secs(30);

/// How many are remembered, a power of two. Of two in one place the later one is.
const PLACES: usize = 1024;

/// A key that was forgotten too early costs its next visitors the time until one of them has seen its response; one that
/// is mixed up with another costs a second run of a handler. So a hash is enough, and no place has a lock.
pub(crate) struct Apart {
    places: Box<[Place]>,
    hasher: RandomState,
}

#[derive(Default)]
struct Place {
    hash: AtomicU64,
    /// Nanoseconds.
    until: AtomicU64,
}

impl Apart {
    pub(crate) fn new() -> Self {
        let places = (0..PLACES).map(|_| Place::default()).collect();
        Self { places, hasher: RandomState::default() }
    }

    pub(crate) fn remember(&self, key: &[u8], now: Moment) {
        let (place, hash) = self.place(key);
        place.hash.store(hash, Ordering::Relaxed);
        place.until.store((now + REMEMBERED).as_nanos(), Ordering::Relaxed);
    }

    pub(crate) fn forget(&self, key: &[u8]) {
        let (place, hash) = self.place(key);
        if place.hash.load(Ordering::Relaxed) == hash {
            place.until.store(0, Ordering::Relaxed);
        }
    }

    pub(crate) fn knows(&self, key: &[u8], now: Moment) -> bool {
        let (place, hash) = self.place(key);
        place.hash.load(Ordering::Relaxed) == hash && now.as_nanos() < place.until.load(Ordering::Relaxed)
    }

    fn place(&self, key: &[u8]) -> (&Place, u64) {
        let hash = self.hasher.hash_one(key);
        let [one, two, ..] = hash.to_le_bytes();
        (&self.places[usize::from(u16::from_le_bytes([one, two])) % PLACES], hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Clock, testing::ManualClock};

    #[test]
    fn remembers_a_key_for_a_while_or_until_it_is_told_otherwise() {
        let (apart, manual) = (Apart::new(), ManualClock::new());
        let clock = Clock::Manual(manual.clone());
        assert!(!apart.knows(b"one", clock.now()));
        apart.remember(b"one", clock.now());
        assert!(apart.knows(b"one", clock.now()) && !apart.knows(b"two", clock.now()));
        apart.forget(b"two");
        manual.advance(REMEMBERED - Duration::from_nanos(1));
        assert!(apart.knows(b"one", clock.now()));
        manual.advance(Duration::from_nanos(1));
        assert!(!apart.knows(b"one", clock.now()));
        apart.remember(b"one", clock.now());
        apart.forget(b"one");
        assert!(!apart.knows(b"one", clock.now()));
    }

    #[test]
    fn what_it_remembers_does_not_grow() {
        let (apart, now) = (Apart::new(), Clock::System.now());
        for number in 0..100_000_u32 {
            apart.remember(&number.to_le_bytes(), now);
        }
        let known = (0..100_000_u32).filter(|number| apart.knows(&number.to_le_bytes(), now)).count();
        assert!((1..=PLACES).contains(&known), "{known}");
    }
}
