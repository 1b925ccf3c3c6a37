//! [`KeyHash`]: the hash of a key, by which everything finds what belongs to the key.

use std::{hash::BuildHasher as _, sync::OnceLock};

use foldhash::quality::RandomState;

/// The hash of the key of a page or of a variant. It is computed once for a request, and passed on with the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyHash(u64);

impl KeyHash {
    #[inline]
    pub(crate) fn of(key: &[u8]) -> Self {
        Self(Self::state().hash_one(key))
    }

    /// Returns what hashes keys. Its seed is random, because clients choose the keys.
    #[inline]
    pub(crate) fn state() -> &'static RandomState {
        static STATE: OnceLock<RandomState> = OnceLock::new();
        STATE.get_or_init(RandomState::default)
    }

    #[cfg(test)]
    pub(crate) fn from_u64(hash: u64) -> Self {
        Self(hash)
    }

    /// Returns the hash as a number, of which all bits are random.
    pub(crate) fn as_u64(self) -> u64 {
        self.0
    }
}
