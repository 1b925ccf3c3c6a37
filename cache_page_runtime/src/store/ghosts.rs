//! [`GhostQueue`]: the hashes of recently evicted entries.

use super::freed::{Freed, is_large, record_locked};

/// The bytes of budget for each slot. There are more slots than entries, so that few hashes are overwritten too early.
const BYTES_PER_SLOT: usize = 512;

/// The slots that are allocated together. They take less than a kilobyte, because the store is locked meanwhile.
const SEGMENT: usize = 64;

type Segment = [Slot; SEGMENT];

/// The segments. Each is `None` until an eviction needs it.
pub(super) type Segments = Box<[Option<Box<Segment>>]>;

/// The ghost queue of S3-FIFO, as a hash table.
///
/// A hash is remembered until as many entries were evicted after it as are stored, or until another one takes its slot. An entry
/// that is stored again later than that is not popular.
#[derive(Default)]
pub(super) struct GhostQueue {
    /// Empty until the first eviction.
    segments: Segments,
    slots: usize,
    /// The allocated bytes.
    bytes: usize,
    /// The number of evictions, modulo 2³².
    evictions: u32,
}

#[derive(Clone, Copy, Default)]
pub(super) struct Slot {
    /// One half of the hash; the other one selects the slot.
    half_hash: u32,
    /// The number of the eviction.
    evicted: u32,
}

impl GhostQueue {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { slots: max_bytes / BYTES_PER_SLOT, ..Self::default() }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of segments whose list is a large allocation that the first eviction needs.
    pub(super) fn wanted(&self) -> Option<usize> {
        let segments = self.slots.div_ceil(SEGMENT);
        (self.segments.is_empty() && is_large(segments * size_of::<Option<Box<Segment>>>()))
            .then_some(segments)
    }

    /// Allocates the list of so many segments.
    pub(super) fn allocate(segments: usize) -> Segments {
        (0..segments).map(|_| None).collect()
    }

    /// Uses the list that was allocated, unless there is one.
    pub(super) fn take_room(&mut self, segments: Segments, freed: &mut Freed) {
        if self.segments.is_empty() {
            self.bytes += size_of_val(&*segments);
            self.segments = segments;
        } else {
            freed.push(segments);
        }
    }

    pub(super) fn insert(&mut self, hash: u64, freed: &mut Freed) {
        let Some((segment, index, half_hash)) = self.place(hash) else { return };
        if self.segments.is_empty() {
            let segments = Self::allocate(self.slots.div_ceil(SEGMENT));
            record_locked(size_of_val(&*segments));
            self.take_room(segments, freed);
        }
        let slots = self.segments[segment].get_or_insert_with(|| {
            self.bytes += size_of::<Segment>();
            Box::new([Slot::default(); SEGMENT])
        });
        self.evictions = self.evictions.wrapping_add(1);
        slots[index] = Slot { half_hash, evicted: self.evictions };
    }

    /// Removes a hash, and returns whether it was remembered, with `len` entries stored.
    pub(super) fn remove(&mut self, hash: u64, len: usize) -> bool {
        let Some((segment, index, half_hash)) = self.place(hash) else { return false };
        match self.segments.get_mut(segment).and_then(Option::as_mut).map(|slots| &mut slots[index]) {
            Some(slot) if slot.half_hash == half_hash => {
                let since = self.evictions.wrapping_sub(slot.evicted) as usize;
                *slot = Slot::default();
                since < len
            }
            _ => false,
        }
    }

    /// Returns the segment of a hash, the slot within it, and the half of the hash that is compared.
    fn place(&self, hash: u64) -> Option<(usize, usize, u32)> {
        if self.slots == 0 {
            return None;
        }
        let (high, low) = (hash >> 32, hash & 0xffff_ffff);
        // Scales the upper half to the number of slots: a multiplication is faster than a division.
        let index = usize::try_from((u128::from(high) * self.slots as u128) >> 32).ok()?;
        Some((index / SEGMENT, index % SEGMENT, u32::try_from(low).ok()?))
    }
}
