//! Reads the parts of a record.

use crate::key::Id;

/// The rest of a record.
pub(super) struct Reader<'r>(pub(super) &'r [u8]);

impl<'r> Reader<'r> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'r [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Reads ids up to the end.
    pub(super) fn ids(&mut self) -> Option<Vec<Id>> {
        let (ids, rest) = self.0.as_chunks::<16>();
        rest.is_empty().then(|| ids.iter().map(|id| Id(*id)).collect())
    }
}
