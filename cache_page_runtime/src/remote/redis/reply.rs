//! A page and the stamps of its names, as plain reads return them.

use std::time::Duration;

use ::redis::Value;
use actix_web::web::Bytes;

use crate::remote::redis::scripts::{self, split_value};
use crate::remote::{Id, RemoteEntry, Version};

/// As in the scripts. By its age, a page from later than that would be fresh for too long: the clock went back.
const MAX_CLOCK_SKEW: u64 = 1_000_000;

/// What there is, as far as plain reads tell.
pub(super) enum Reply {
    /// And whether it is fresh.
    Page(RemoteEntry, bool),
    /// It is not there, or was purged.
    Nothing,
    /// A script has to find out: a prefix or a handler was purged.
    Unclear,
    /// These bytes are no page, or their stamps are none.
    Corrupt(Bytes),
}

pub(super) struct PageReply {
    value: Option<Bytes>,
    header: Option<PageHeader>,
    all: Stamp,
    stamps: Vec<(Id, Stamp)>,
}

/// It may have been purged, or evicted.
type Stamp = Option<Vec<u8>>;

impl PageReply {
    /// The page, the stamp of all pages, and those of these names.
    pub(super) fn parse(answer: Value, names: Vec<Id>) -> Option<Self> {
        let mut values = parse_stamps(answer)?;
        let page = values.next()??.map(Bytes::from);
        Self::from_values(page, &mut values, names)
    }

    fn from_values(
        page: Option<Bytes>,
        values: &mut impl Iterator<Item = Option<Stamp>>,
        names: Vec<Id>,
    ) -> Option<Self> {
        let all = values.next()??;
        let stamps = names.into_iter().map(|name| Some((name, values.next()??))).collect::<Option<_>>()?;
        let about = page.as_ref().and_then(|page| PageHeader::parse(page));
        Some(Self { value: page, header: about, all, stamps })
    }

    /// What stands before a page, and the stamps: of all pages, and of its names. Nothing if that page is not there.
    pub(super) fn parse_header(answer: Value, had: &KnownVersion) -> Option<Option<Self>> {
        let Value::Array(answer) = answer else { return None };
        let Ok([Value::BulkString(head), stamps]) = <[Value; 2]>::try_from(answer) else { return None };
        if had.frame_length_in(&head) != Some(0) {
            return Some(None);
        }
        let mut values = parse_stamps(stamps)?;
        Self::from_values(Some(head.into()), &mut values, had.purge_keys.clone()).map(Some)
    }

    pub(super) fn version(&self) -> Option<Version> {
        scripts::version_of(self.value.as_ref()?)
    }

    /// Whether it is that page.
    pub(super) fn has_version(&self, had: &KnownVersion) -> bool {
        self.value.as_ref().is_some_and(|page| had.frame_length_in(page) == Some(had.frame_length))
    }

    /// Those of the page that were not asked for.
    pub(super) fn missing_keys(&self) -> Vec<Id> {
        let names = self.header.iter().flat_map(|about| &about.purge_keys);
        names.filter(|name| self.stamp(**name).is_none()).copied().collect()
    }

    pub(super) fn add_stamps(&mut self, names: &[Id], answer: Value) -> Option<()> {
        let mut values = parse_stamps(answer)?;
        for name in names {
            self.stamps.push((*name, values.next()??));
        }
        Some(())
    }

    fn stamp(&self, name: Id) -> Option<&Stamp> {
        self.stamps.iter().find(|(known, _)| *known == name).map(|(_, stamp)| stamp)
    }

    /// What there is at that time of the server.
    pub(super) fn evaluate(&self, now: u64) -> Reply {
        let Some(page) = &self.value else { return Reply::Nothing };
        let Some(about) = &self.header else { return Reply::Corrupt(page.clone()) };
        if about.stored_at > now.saturating_add(MAX_CLOCK_SKEW) {
            return Reply::Nothing;
        }
        let mut expired = 0;
        for name in &about.purge_keys {
            match self.stamp(*name).map(|stamp| stamp.as_deref().map(parse_stamp)) {
                Some(Some(Some([made, last]))) if made <= about.purge_seq => expired = last.max(expired),
                Some(Some(None)) => return Reply::Corrupt(Bytes::new()),
                _ => return Reply::Nothing,
            }
        }
        match self.all.as_deref().map(parse_stamp) {
            Some(Some([made, rule, all])) if made <= about.purge_seq => {
                if rule > about.purge_seq {
                    return Reply::Unclear;
                }
                expired = all.max(expired);
            }
            Some(None) => return Reply::Corrupt(Bytes::new()),
            _ => return Reply::Nothing,
        }
        let is_expired = expired > about.purge_seq;
        let kept = RemoteEntry {
            bytes: Some(page.slice(page.len() - about.frame_length..)),
            version: None,
            age: Duration::from_micros(now.saturating_sub(about.stored_at)),
            expired: is_expired.then(|| Duration::from_micros(now.saturating_sub(expired))),
        };
        Reply::Page(kept, !is_expired && now < about.fresh_until)
    }
}

/// A page that the caller has.
pub(super) struct KnownVersion {
    pub(super) version: Version,
    pub(super) purge_keys: Vec<Id>,
    /// How long it is without what stands before it.
    pub(super) frame_length: usize,
}

impl KnownVersion {
    /// `None` if it is the version of nothing.
    pub(super) fn from_version(version: Version) -> Option<Self> {
        let (head, length) = version.0.split_last_chunk()?;
        let names = PageHeader::parse_fields(head.get(8..)?, 0)?.purge_keys;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        Some(Self { purge_keys: names, frame_length: length, version })
    }

    /// How long that is which stands before the page, both times.
    pub(super) fn header_length(&self) -> usize {
        2 * self.header().len()
    }

    fn header(&self) -> &[u8] {
        self.version.0.split_last_chunk::<4>().map_or(&[], |(head, _)| head)
    }

    /// How long that is which comes behind it.
    fn frame_length_in(&self, value: &[u8]) -> Option<usize> {
        let rest = value.strip_prefix(self.header())?.strip_prefix(self.header())?;
        Some(rest.len())
    }
}

/// Each is `None` if it is nothing that an `MGET` returns.
fn parse_stamps(answer: Value) -> Option<impl Iterator<Item = Option<Stamp>>> {
    let Value::Array(values) = answer else { return None };
    Some(values.into_iter().map(|value| match value {
        Value::BulkString(bytes) => Some(Some(bytes)),
        Value::Nil => Some(None),
        _ => None,
    }))
}

/// What stands before a page.
struct PageHeader {
    purge_seq: u64,
    stored_at: u64,
    fresh_until: u64,
    purge_keys: Vec<Id>,
    /// How long the page is.
    frame_length: usize,
}

impl PageHeader {
    fn parse(value: &[u8]) -> Option<Self> {
        let (about, frame) = split_value(value)?;
        Self::parse_fields(about, frame.len())
    }

    fn parse_fields(about: &[u8], frame: usize) -> Option<Self> {
        let at = |place: usize| scripts::parse_number(about.get(16 * place..16 * place + 16)?);
        let (since, put, fresh, count) = (at(0)?, at(1)?, at(3)?, at(4)?);
        let names = about.get(96..)?.get(..usize::try_from(count).ok()?.checked_mul(16)?)?;
        let (names, _) = names.as_chunks::<16>();
        Some(Self {
            purge_seq: since,
            stored_at: put,
            fresh_until: fresh,
            purge_keys: names.iter().map(|name| Id(*name)).collect(),
            frame_length: frame,
        })
    }
}

/// So many numbers, twice; `None` if they are not as they were written.
fn parse_stamp<const N: usize>(stamp: &[u8]) -> Option<[u64; N]> {
    let (once, again) = stamp.split_at(stamp.len() / 2);
    if once != again || once.len() != 16 * N {
        return None;
    }
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(once.chunks_exact(16)) {
        *number = scripts::parse_number(digits)?;
    }
    Some(numbers)
}
