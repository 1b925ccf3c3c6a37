//! What is stored about an entry beside its bytes.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::reader::Reader;
use crate::key::Id;

/// The namespace and the id of an entry.
pub(super) type EntryKey = [u8; 32];

/// The first byte of a header. An entry of another format is a miss.
const FORMAT: u8 = 1;

/// Times are microseconds since 1970, because they outlive the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The place in the order of eviction.
    pub(super) number: u64,
    pub(super) put_at: u64,
    /// When the fill started.
    pub(super) started_at: u64,
    pub(super) fresh_until: u64,
    pub(super) removed_at: u64,
    /// When a soft purge matched it, or 0.
    pub(super) expired_at: u64,
    pub(super) purge_seq: u64,
    /// The hash of the bytes, which is also the version of the entry.
    pub(super) hash: u128,
    pub(super) length: u64,
    pub(super) path: String,
    pub(super) purge_keys: Vec<Id>,
}

impl Header {
    pub(super) fn encode(&self, key: &EntryKey) -> Vec<u8> {
        let mut fields = vec![FORMAT];
        for number in [
            self.number,
            self.put_at,
            self.started_at,
            self.fresh_until,
            self.removed_at,
            self.expired_at,
            self.purge_seq,
            self.length,
            self.path.len() as u64,
        ] {
            fields.extend_from_slice(&number.to_le_bytes());
        }
        fields.extend_from_slice(&self.hash.to_le_bytes());
        fields.extend_from_slice(self.path.as_bytes());
        self.purge_keys.iter().for_each(|id| fields.extend_from_slice(&id.0));
        [&checksum(key, &fields).to_le_bytes()[..], &fields].concat()
    }

    /// Returns `None` for bytes that were not encoded for this key.
    pub(super) fn decode(key: &EntryKey, bytes: &[u8]) -> Option<Self> {
        let (expected, fields) = bytes.split_first_chunk::<8>()?;
        if checksum(key, fields) != u64::from_le_bytes(*expected) {
            return None;
        }
        let mut reader = Reader(fields);
        if reader.array()? != [FORMAT] {
            return None;
        }
        let number = reader.u64()?;
        let (put_at, started_at, fresh_until) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let (removed_at, expired_at, purge_seq) = (reader.u64()?, reader.u64()?, reader.u64()?);
        let (length, path_length) = (reader.u64()?, usize::try_from(reader.u64()?).ok()?);
        let hash = u128::from_le_bytes(reader.array()?);
        let path = std::str::from_utf8(reader.take(path_length)?).ok()?.to_owned();
        let purge_keys = reader.ids()?;
        Some(Self {
            number,
            put_at,
            started_at,
            fresh_until,
            removed_at,
            expired_at,
            purge_seq,
            hash,
            length,
            path,
            purge_keys,
        })
    }

    /// Returns whether the entry may be returned at `now`, if it was not purged. An entry from the future, after the clock
    /// was set back, has an age that nobody knows.
    pub(super) fn is_kept(&self, now: u64) -> bool {
        now < self.removed_at && self.put_at <= now + 1_000_000
    }

    /// The bytes that the entry takes in the file: the engine rounds large values up to a power of two.
    pub(super) fn cost(&self) -> u64 {
        let header = 160 + self.path.len() as u64 + 16 * self.purge_keys.len() as u64;
        let bytes = self.length + 64;
        header + if bytes > 2048 { bytes.next_power_of_two() } else { bytes }
    }
}

/// Returns the hash of an entry's bytes.
pub(super) fn hash_of(bytes: &[u8]) -> u128 {
    xxhash_rust::xxh3::xxh3_128(bytes)
}

fn checksum(key: &EntryKey, fields: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(key);
    hash.update(fields);
    hash.digest()
}

/// Returns the checksum of a record that has no key.
pub(super) fn record_checksum(record: &[u8]) -> u64 {
    xxh3_64(record)
}
