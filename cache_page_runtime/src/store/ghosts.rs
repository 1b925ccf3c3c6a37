//! [`GhostQueue`]: the hashes of recently evicted entries.

/// The bytes of budget for each slot. There are more slots than entries, so that few hashes are overwritten too early.
const BYTES_PER_SLOT: usize = 512;

/// The ghost queue of S3-FIFO, as a hash table.
///
/// A hash is remembered until as many entries were evicted after it as are stored, or until another one takes its slot. An entry
/// that is stored again later than that is not popular.
#[derive(Default)]
pub(super) struct GhostQueue {
    /// Allocated at the first eviction.
    slots: Box<[Slot]>,
    capacity: usize,
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
        Self { capacity: max_bytes / BYTES_PER_SLOT, ..Self::default() }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.slots)
    }

    pub(super) fn insert(&mut self, hash: u64) {
        if self.slots.is_empty() {
            self.slots = vec![Slot::default(); self.capacity].into();
        }
        self.evictions = self.evictions.wrapping_add(1);
        let evicted = self.evictions;
        if let Some((slot, half_hash)) = self.slot(hash) {
            *slot = Slot { half_hash, evicted };
        }
    }

    /// Removes a hash, and returns whether it was remembered, with `len` entries stored.
    pub(super) fn remove(&mut self, hash: u64, len: usize) -> bool {
        let evictions = self.evictions;
        match self.slot(hash) {
            Some((slot, half_hash)) if slot.half_hash == half_hash => {
                let since = evictions.wrapping_sub(slot.evicted) as usize;
                *slot = Slot::default();
                since < len
            }
            _ => false,
        }
    }

    fn slot(&mut self, hash: u64) -> Option<(&mut Slot, u32)> {
        let (high, low) = (hash >> 32, hash & 0xffff_ffff);
        let index = usize::try_from(high).ok()?.checked_rem(self.slots.len())?;
        Some((self.slots.get_mut(index)?, u32::try_from(low).ok()?))
    }
}
