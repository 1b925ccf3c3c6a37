//! [`UncacheableKeys`]: the keys whose last response could not be stored (hit-for-miss).
//!
//! Requests for these keys are not coalesced, because they could not share the response.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use crate::{key::KeyHash, time::Instant};

/// How long a key is remembered after its last uncacheable response.
const TTL: Duration = Duration::from_secs(30);

/// The number of keys that can be remembered. Of two keys in one slot, the later one is remembered.
const SLOTS: usize = 1024;

/// A lossy set of keys, as a table of hashes without locks.
///
/// Clients choose the keys, so the table has a fixed size. It may be wrong about a key, because that only costs time. If a key is
/// forgotten too early, concurrent requests wait until one of them has seen an uncacheable response again. If a key has the same
/// hash as a remembered one, its requests run their handlers concurrently.
pub(crate) struct UncacheableKeys {
    slots: Box<[Slot]>,
}

/// The hash of a remembered key.
#[derive(Clone, Copy)]
pub(crate) struct UncacheableMark(KeyHash);

#[derive(Default)]
struct Slot {
    hash: AtomicU64,
    /// Nanoseconds.
    expires_at: AtomicU64,
}

impl UncacheableKeys {
    pub(crate) fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| Slot::default()).collect() }
    }

    /// Remembers a key, for 30 seconds.
    pub(crate) fn insert(&self, hash: KeyHash, now: Instant) -> UncacheableMark {
        let mark = UncacheableMark(hash);
        self.renew(mark, now);
        mark
    }

    /// Remembers a key for another 30 seconds, because it had another uncacheable response.
    pub(crate) fn renew(&self, mark: UncacheableMark, now: Instant) {
        let slot = self.slot(mark);
        slot.hash.store(mark.0.as_u64(), Ordering::Relaxed);
        slot.expires_at.store((now + TTL).as_nanos(), Ordering::Relaxed);
    }

    pub(crate) fn remove(&self, hash: KeyHash) {
        let slot = self.slot(UncacheableMark(hash));
        if slot.hash.load(Ordering::Relaxed) == hash.as_u64() {
            slot.expires_at.store(0, Ordering::Relaxed);
        }
    }

    /// Returns the mark of a remembered key.
    pub(crate) fn get(&self, hash: KeyHash, now: Instant) -> Option<UncacheableMark> {
        let mark = UncacheableMark(hash);
        let slot = self.slot(mark);
        let is_remembered = slot.hash.load(Ordering::Relaxed) == mark.0.as_u64();
        (is_remembered && now.as_nanos() < slot.expires_at.load(Ordering::Relaxed)).then_some(mark)
    }

    fn slot(&self, UncacheableMark(hash): UncacheableMark) -> &Slot {
        let [one, two, ..] = hash.as_u64().to_le_bytes();
        &self.slots[usize::from(u16::from_le_bytes([one, two])) % SLOTS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Clock, ManualClock};

    #[test]
    fn key_is_remembered_until_it_expires_or_is_removed() {
        let (keys, manual) = (UncacheableKeys::new(), ManualClock::new());
        let clock = Clock::Manual(manual.clone());
        // The second one has the same slot.
        let (one, two) = (KeyHash::from_u64(1), KeyHash::from_u64(1 + (1 << 32)));
        let contains = |hash| keys.get(hash, clock.now()).is_some();
        assert!(!contains(one));
        keys.insert(one, clock.now());
        assert!(contains(one) && !contains(two));
        keys.remove(two);
        manual.advance(TTL - Duration::from_nanos(1));
        assert!(contains(one));
        manual.advance(Duration::from_nanos(1));
        assert!(!contains(one));
        keys.insert(one, clock.now());
        keys.remove(one);
        assert!(!contains(one));
    }

    #[test]
    fn memory_does_not_grow_with_the_number_of_keys() {
        let (keys, now) = (UncacheableKeys::new(), Clock::System.now());
        for hash in 0..100_000 {
            keys.insert(KeyHash::from_u64(hash), now);
        }
        let remembered =
            (0..100_000).filter(|hash| keys.get(KeyHash::from_u64(*hash), now).is_some()).count();
        assert!((1..=SLOTS).contains(&remembered), "{remembered}");
    }
}
