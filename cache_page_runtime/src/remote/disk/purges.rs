//! The purges that stored entries may not reflect yet.
//!
//! A purge is a record, and what it matches is removed later. So it takes the same time for any number of pages, and each lookup
//! compares an entry with the records. A sweep looks at every entry; after that, the records before its start are dropped.

use std::collections::HashMap;

use super::{
    header::{Header, record_checksum},
    reader::Reader,
};
use crate::{key::Id, remote::PurgeScope};

/// Purged keys that are remembered. If there are more, everything in the namespace is purged instead.
const MAX_STAMPS: usize = 1 << 18;

/// Purged path prefixes that are remembered, likewise.
const MAX_PREFIXES: usize = 1024;

/// One purge, as it is written to the file.
#[derive(Clone, Debug)]
pub(super) struct PurgeRecord {
    pub(super) sequence: u64,
    /// When it was executed, in microseconds since 1970.
    pub(super) at: u64,
    pub(super) namespace: Id,
    pub(super) expire: bool,
    pub(super) scope: PurgeScope,
}

impl PurgeRecord {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        fields.extend_from_slice(&self.sequence.to_le_bytes());
        fields.extend_from_slice(&self.at.to_le_bytes());
        fields.extend_from_slice(&self.namespace.0);
        fields.push(u8::from(self.expire));
        match &self.scope {
            PurgeScope::Keys(keys) => {
                fields.push(0);
                keys.iter().for_each(|key| fields.extend_from_slice(&key.0));
            }
            PurgeScope::PathPrefix(prefix) => {
                fields.push(1);
                fields.extend_from_slice(prefix.as_bytes());
            }
        }
        [&record_checksum(&fields).to_le_bytes()[..], &fields].concat()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (expected, fields) = bytes.split_first_chunk::<8>()?;
        if record_checksum(fields) != u64::from_le_bytes(*expected) {
            return None;
        }
        let mut reader = Reader(fields);
        let (sequence, at) = (reader.u64()?, reader.u64()?);
        let namespace = Id(reader.array()?);
        let [expire, kind] = reader.array()?;
        let scope = match kind {
            0 => PurgeScope::Keys(reader.ids()?),
            1 => PurgeScope::PathPrefix(std::str::from_utf8(reader.0).ok()?.to_owned()),
            _ => return None,
        };
        Some(Self { sequence, at, namespace, expire: expire != 0, scope })
    }
}

/// What the purges mean for an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Valid,
    /// Soft-purged at this time.
    Expired(u64),
    Purged,
}

/// The last purges of one key or prefix.
#[derive(Clone, Copy, Default)]
struct Stamps {
    purged: u64,
    expired: u64,
    expired_at: u64,
}

impl Stamps {
    fn add(&mut self, record: &PurgeRecord) {
        if !record.expire {
            self.purged = self.purged.max(record.sequence);
        } else if record.sequence > self.expired {
            (self.expired, self.expired_at) = (record.sequence, record.at);
        }
    }

    fn verdict(&self, purge_seq: u64) -> Verdict {
        if self.purged > purge_seq {
            Verdict::Purged
        } else if self.expired > purge_seq {
            Verdict::Expired(self.expired_at)
        } else {
            Verdict::Valid
        }
    }

    fn last(&self) -> u64 {
        self.purged.max(self.expired)
    }
}

#[derive(Default)]
pub(super) struct Purges {
    keys: HashMap<(Id, Id), Stamps>,
    prefixes: HashMap<Id, Vec<(String, Stamps)>>,
}

impl Purges {
    /// Returns the record with a scope that leaves the number of records bounded.
    pub(super) fn bounded(&self, mut record: PurgeRecord) -> PurgeRecord {
        let is_full = match &record.scope {
            PurgeScope::Keys(keys) => self.keys.len() + keys.len() > MAX_STAMPS,
            PurgeScope::PathPrefix(_) => {
                self.prefixes.get(&record.namespace).is_some_and(|prefixes| prefixes.len() >= MAX_PREFIXES)
            }
        };
        if is_full {
            record.scope = PurgeScope::PathPrefix(String::new());
            record.expire = false;
        }
        record
    }

    /// Adds a purge. Those of the file are added after those of this process.
    pub(super) fn add(&mut self, record: &PurgeRecord) {
        match &record.scope {
            PurgeScope::Keys(keys) => {
                for key in keys {
                    self.keys.entry((record.namespace, *key)).or_default().add(record);
                }
            }
            PurgeScope::PathPrefix(prefix) => {
                let prefixes = self.prefixes.entry(record.namespace).or_default();
                if prefix.is_empty() && !record.expire {
                    // It matches all that these match.
                    let is_newer = |stamps: &Stamps| stamps.last() > record.sequence;
                    prefixes.retain(|(_, stamps)| is_newer(stamps));
                    self.keys
                        .retain(|(namespace, _), stamps| *namespace != record.namespace || is_newer(stamps));
                }
                match prefixes.iter_mut().find(|(known, _)| known == prefix) {
                    Some((_, stamps)) => stamps.add(record),
                    None => {
                        let mut stamps = Stamps::default();
                        stamps.add(record);
                        prefixes.push((prefix.clone(), stamps));
                    }
                }
            }
        }
    }

    pub(super) fn verdict(&self, namespace: Id, header: &Header) -> Verdict {
        let mut verdict =
            if header.expired_at > 0 { Verdict::Expired(header.expired_at) } else { Verdict::Valid };
        let by_key = header.purge_keys.iter().filter_map(|key| self.keys.get(&(namespace, *key)));
        let prefixes = self.prefixes.get(&namespace).into_iter().flatten();
        let by_path =
            prefixes.filter(|(prefix, _)| header.path.starts_with(prefix)).map(|(_, stamps)| stamps);
        for stamps in by_key.chain(by_path) {
            match stamps.verdict(header.purge_seq) {
                Verdict::Valid => {}
                Verdict::Purged => return Verdict::Purged,
                expired @ Verdict::Expired(_) => verdict = expired,
            }
        }
        verdict
    }

    /// Forgets the purges up to a number. No stored entry is older, unless it reflects them.
    pub(super) fn forget(&mut self, up_to: u64) {
        self.keys.retain(|_, stamps| stamps.last() > up_to);
        self.prefixes.retain(|_, prefixes| {
            prefixes.retain(|(_, stamps)| stamps.last() > up_to);
            !prefixes.is_empty()
        });
    }
}
