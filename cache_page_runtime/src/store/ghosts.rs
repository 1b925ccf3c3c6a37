//! [`GhostQueue`]: the hashes of recently evicted entries.

/// The bytes of budget for each slot. There are more slots than entries, so that few hashes are overwritten too early.
const BYTES_PER_SLOT: usize = 512;

/// The slots that are allocated together: 16 KiB, which takes a few microseconds.
const SEGMENT: usize = 2048;

/// The ghost queue of S3-FIFO, as a hash table.
///
/// A hash is remembered until as many entries were evicted after it as are stored, or until another one takes its slot. An entry
/// that is stored again later than that is not popular.
#[derive(Default)]
pub(super) struct GhostQueue {
    /// Allocated at the first eviction. Each segment is empty until an eviction needs it.
    segments: Box<[Box<[Slot]>]>,
    slots: usize,
    /// The allocated bytes.
    bytes: usize,
    /// The number of evictions, modulo 2³².
    evictions: u32,
}

#[derive(Clone, Copy, Default)]
struct Slot {
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

    pub(super) fn insert(&mut self, hash: u64) {
        let Some((segment, index, half_hash)) = self.place(hash) else { return };
        if self.segments.is_empty() {
            self.segments = (0..self.slots.div_ceil(SEGMENT)).map(|_| Box::default()).collect();
            self.bytes += size_of_val(&*self.segments);
        }
        let slots = &mut self.segments[segment];
        if slots.is_empty() {
            *slots = vec![Slot::default(); SEGMENT.min(self.slots - segment * SEGMENT)].into();
            self.bytes += size_of_val(&**slots);
        }
        self.evictions = self.evictions.wrapping_add(1);
        slots[index] = Slot { half_hash, evicted: self.evictions };
    }

    /// Removes a hash, and returns whether it was remembered, with `len` entries stored.
    pub(super) fn remove(&mut self, hash: u64, len: usize) -> bool {
        let Some((segment, index, half_hash)) = self.place(hash) else { return false };
        match self.segments.get_mut(segment).and_then(|slots| slots.get_mut(index)) {
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
        let (high, low) = (hash >> 32, hash & 0xffff_ffff);
        let index = usize::try_from(high).ok()?.checked_rem(self.slots)?;
        Some((index / SEGMENT, index % SEGMENT, u32::try_from(low).ok()?))
    }
}
