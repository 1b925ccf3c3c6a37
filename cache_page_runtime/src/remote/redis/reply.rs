//! A page and its stamps, as plain reads and the script `get` return them.

use std::time::Duration;

use ::redis::Value;
use actix_web::web::Bytes;
use smallvec::SmallVec;

use super::encoding::{
    DIGITS, LENGTH_DIGITS, frame_of, parse_number, parse_numbers, split_value, undouble, version_of,
};
use crate::{
    key::{Id, Version},
    remote::{GetResponse, LeaseStatus, RemoteEntry},
};

/// Microseconds by which a page may be stored in the future. The same in the scripts. A page further in the future was
/// stored before the clock of the server went back, or before a replica with a slower clock was promoted, and would be fresh
/// for too long. If the clock goes back by less than the age of a page, that is not detected, and the page is served for at
/// most its TTL longer.
const MAX_CLOCK_SKEW: u64 = 1_000_000;

/// The result of plain reads.
pub(super) enum Reply {
    Fresh(RemoteEntry),
    Stale(RemoteEntry),
    /// There is no page, or it was purged.
    Missing,
    /// A prefix or handler was purged. A script has to find out whether it matches.
    NeedsScript,
    /// The page or one of its stamps cannot be parsed. Contains the bytes of the page in the first case.
    Corrupt(Bytes),
}

/// The value of a page with the stamps that were read after it.
pub(super) struct PageReply {
    value: Option<Bytes>,
    header: Option<PageHeader>,
    global_stamp: Stamp,
    stamps: Vec<(Id, Stamp)>,
}

/// The stamp of a purge key. It is missing if the key was purged, or the stamp evicted.
pub(super) type Stamp = Option<Bytes>;

impl PageReply {
    /// Parses the reply to an `MGET` of the page, the global stamp and the stamps of `purge_keys`.
    pub(super) fn parse(reply: Value, purge_keys: Vec<Id>) -> Option<Self> {
        Self::from_read(parse_stamps(reply)?, purge_keys)
    }

    /// As [`parse`](Self::parse), for the values of the reply.
    pub(super) fn from_read(
        mut values: impl Iterator<Item = Option<Stamp>>,
        purge_keys: Vec<Id>,
    ) -> Option<Self> {
        let value = values.next()??;
        Self::from_values(value, &mut values, purge_keys)
    }

    /// Parses the reply to a pipeline that reads the header of a page, then the global stamp and its other stamps. The
    /// inner `None` means that the stored header is not that of `known`.
    pub(super) fn parse_header(reply: Value, known: &KnownVersion) -> Option<Option<Self>> {
        let Value::Array(replies) = reply else { return None };
        let Ok([Value::BulkString(header), stamps]) = <[Value; 2]>::try_from(replies) else { return None };
        if known.frame_length_in(&header) != Some(0) {
            return Some(None);
        }
        let mut values = parse_stamps(stamps)?;
        Self::from_values(Some(header.into()), &mut values, known.purge_keys.to_vec()).map(Some)
    }

    fn from_values(
        value: Option<Bytes>,
        stamps: &mut impl Iterator<Item = Option<Stamp>>,
        purge_keys: Vec<Id>,
    ) -> Option<Self> {
        let global_stamp = stamps.next()??;
        let stamps = purge_keys.into_iter().map(|key| Some((key, stamps.next()??))).collect::<Option<_>>()?;
        let header = value.as_ref().and_then(|value| PageHeader::parse(value));
        Some(Self { value, header, global_stamp, stamps })
    }

    pub(super) fn version(&self) -> Option<Version> {
        version_of(self.value.as_ref()?)
    }

    pub(super) fn has_version(&self, known: &KnownVersion) -> bool {
        self.value.as_ref().is_some_and(|value| known.frame_length_in(value) == Some(known.frame_length))
    }

    /// Returns the purge keys of the page whose stamps have not been read.
    pub(super) fn missing_keys(&self) -> Vec<Id> {
        let keys = self.header.iter().flat_map(|header| &header.purge_keys);
        keys.filter(|key| self.stamp(**key).is_none()).copied().collect()
    }

    /// Adds the reply to an `MGET` of the stamps of `purge_keys`.
    pub(super) fn add_stamps(&mut self, purge_keys: &[Id], reply: Value) -> Option<()> {
        let mut values = parse_stamps(reply)?;
        for key in purge_keys {
            self.stamps.push((*key, values.next()??));
        }
        Some(())
    }

    fn stamp(&self, purge_key: Id) -> Option<&Stamp> {
        self.stamps.iter().find(|(key, _)| *key == purge_key).map(|(_, stamp)| stamp)
    }

    /// Decides whether the page may be returned at `now`, a time of the server.
    pub(super) fn evaluate(&self, now: u64) -> Reply {
        let Some(value) = &self.value else { return Reply::Missing };
        let Some(header) = &self.header else { return Reply::Corrupt(value.clone()) };
        let state = header.state(&self.global_stamp, |key| self.stamp(key), now);
        let since = |time: u64| Duration::from_micros(now.saturating_sub(time));
        let entry = |expired_at: Option<u64>| RemoteEntry {
            bytes: Some(value.slice(value.len() - header.frame_length..)),
            version: None,
            age: since(header.stored_at),
            expired: expired_at.map(since),
        };
        match state {
            PageState::Fresh => Reply::Fresh(entry(None)),
            PageState::Stale { expired_at } => Reply::Stale(entry(expired_at)),
            PageState::Missing => Reply::Missing,
            PageState::NeedsScript => Reply::NeedsScript,
            PageState::CorruptStamp => Reply::Corrupt(Bytes::new()),
        }
    }
}

/// The version of a page that the caller has.
pub(super) struct KnownVersion {
    pub(super) version: Version,
    pub(super) purge_keys: SmallVec<[Id; 4]>,
    pub(super) frame_length: usize,
}

impl KnownVersion {
    /// Parses a version, or returns `None` if [`version_of`] did not create it.
    pub(super) fn from_version(version: Version) -> Option<Self> {
        let (header, length) = version.0.split_last_chunk()?;
        let purge_keys = PageHeader::parse_fields(header.get(LENGTH_DIGITS..)?, 0)?.purge_keys;
        let frame_length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        Some(Self { purge_keys, frame_length, version })
    }

    /// Returns the length of both copies of the header.
    pub(super) fn headers_length(&self) -> usize {
        2 * self.header().len()
    }

    fn header(&self) -> &[u8] {
        self.version.0.split_last_chunk::<4>().map_or(&[], |(header, _)| header)
    }

    /// Returns the length of the frame in a value with this header.
    fn frame_length_in(&self, value: &[u8]) -> Option<usize> {
        let frame = value.strip_prefix(self.header())?.strip_prefix(self.header())?;
        Some(frame.len())
    }
}

/// Parses the reply to an `MGET`. An item is `None` if it is neither a string nor missing.
pub(super) fn parse_stamps(reply: Value) -> Option<impl Iterator<Item = Option<Stamp>>> {
    let Value::Array(values) = reply else { return None };
    Some(values.into_iter().map(|value| match value {
        Value::BulkString(bytes) => Some(Some(Bytes::from(bytes))),
        Value::Nil => Some(None),
        _ => None,
    }))
}

fn parse_stamp<const N: usize>(stamp: &[u8]) -> Option<[u64; N]> {
    parse_numbers(undouble(stamp)?)
}

/// The header of a page.
pub(super) struct PageHeader {
    purge_seq: u64,
    pub(super) stored_at: u64,
    pub(super) fresh_until: u64,
    pub(super) purge_keys: SmallVec<[Id; 4]>,
    frame_length: usize,
}

/// Whether a page may be returned.
pub(super) enum PageState {
    Fresh,
    /// With the time of a soft purge, if that is why.
    Stale {
        expired_at: Option<u64>,
    },
    /// It was purged, or that is unknown.
    Missing,
    NeedsScript,
    CorruptStamp,
}

impl PageHeader {
    /// Decides whether the page may be returned at `now`: all of its stamps have to be there, and to be older than the page. `stamp`
    /// returns `None` for one that was not read.
    pub(super) fn state<'s>(
        &self,
        global_stamp: &Stamp,
        stamp: impl Fn(Id) -> Option<&'s Stamp>,
        now: u64,
    ) -> PageState {
        if self.stored_at > now.saturating_add(MAX_CLOCK_SKEW) {
            return PageState::Missing;
        }
        let mut expired_at = 0;
        for key in &self.purge_keys {
            match stamp(*key).map(|stamp| stamp.as_deref().map(parse_stamp)) {
                Some(Some(Some([created, expired]))) if created <= self.purge_seq => {
                    expired_at = expired.max(expired_at);
                }
                Some(Some(None)) => return PageState::CorruptStamp,
                _ => return PageState::Missing,
            }
        }
        match global_stamp.as_deref().map(parse_stamp) {
            Some(Some([created, last_rule, expired])) if created <= self.purge_seq => {
                if last_rule > self.purge_seq {
                    return PageState::NeedsScript;
                }
                expired_at = expired.max(expired_at);
            }
            Some(None) => return PageState::CorruptStamp,
            _ => return PageState::Missing,
        }
        let is_expired = expired_at > self.purge_seq;
        if !is_expired && now < self.fresh_until {
            PageState::Fresh
        } else {
            PageState::Stale { expired_at: is_expired.then_some(expired_at) }
        }
    }

    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        let (header, frame) = split_value(value)?;
        Self::parse_fields(header, frame.len())
    }

    /// Parses five numbers, the id of the handler, the purge keys and the path. The third number and the handler are for
    /// the scripts.
    fn parse_fields(header: &[u8], frame_length: usize) -> Option<Self> {
        let number = |index: usize| parse_number(header.get(DIGITS * index..DIGITS * index + DIGITS)?);
        let (purge_seq, stored_at, fresh_until, count) = (number(0)?, number(1)?, number(3)?, number(4)?);
        let keys = header.get(96..)?.get(..usize::try_from(count).ok()?.checked_mul(16)?)?;
        let (keys, _) = keys.as_chunks::<16>();
        let purge_keys = keys.iter().map(|key| Id(*key)).collect();
        Some(Self { purge_seq, stored_at, fresh_until, purge_keys, frame_length })
    }
}

/// Parses the reply of the script `get`.
pub(super) fn parse_get(reply: Value) -> Option<GetResponse> {
    let Value::Array(parts) = reply else { return None };
    let mut parts = parts.into_iter();
    let Value::BulkString(status) = parts.next()? else { return None };
    let (&[lease, has_page], numbers) = undouble(&status)?.split_first_chunk()?;
    let lease = match lease {
        b'a' => LeaseStatus::Acquired,
        b'h' => LeaseStatus::Held,
        b'u' => LeaseStatus::Uncoalesced,
        _ => return None,
    };
    let [now, stored_at, expired_at] = parse_numbers(numbers)?;
    let since = |time: u64| Duration::from_micros(now.saturating_sub(time));
    let entry = match (has_page, parts.next()) {
        (b'p', Some(Value::BulkString(bytes))) => Some(RemoteEntry {
            version: version_of(&bytes),
            bytes: Some(frame_of(&Bytes::from(bytes))?),
            age: since(stored_at),
            expired: (expired_at > 0).then(|| since(expired_at)),
        }),
        (b'-', _) => None,
        _ => return None,
    };
    Some(GetResponse { entry, lease })
}
