//! A page and the stamps of its names, as plain reads return them.

use std::time::Duration;

use ::redis::Value;
use actix_web::web::Bytes;

use crate::remote::redis::scripts::{self, parts};
use crate::remote::{Id, RemoteEntry, Version};

/// As in the scripts. By its age, a page from later than that would be fresh for too long: the clock went back.
const AHEAD: u64 = 1_000_000;

/// What there is, as far as plain reads tell.
pub(super) enum Reply {
    /// And whether it is fresh.
    Page(RemoteEntry, bool),
    /// It is not there, or was purged.
    Nothing,
    /// A script has to find out: a prefix or a handler was purged.
    Unclear,
    /// These bytes are no page, or their stamps are none.
    Garbled(Bytes),
}

pub(super) struct PageReply {
    page: Option<Bytes>,
    about: Option<PageHeader>,
    all: Stamp,
    stamps: Vec<(Id, Stamp)>,
}

/// It may have been purged, or evicted.
type Stamp = Option<Vec<u8>>;

impl PageReply {
    /// The page, the stamp of all pages, and those of these names.
    pub(super) fn of(answer: Value, names: Vec<Id>) -> Option<Self> {
        let mut values = stamps(answer)?;
        let page = values.next()??.map(Bytes::from);
        Self::with(page, &mut values, names)
    }

    fn with(
        page: Option<Bytes>,
        values: &mut impl Iterator<Item = Option<Stamp>>,
        names: Vec<Id>,
    ) -> Option<Self> {
        let all = values.next()??;
        let stamps = names.into_iter().map(|name| Some((name, values.next()??))).collect::<Option<_>>()?;
        let about = page.as_ref().and_then(|page| PageHeader::read(page));
        Some(Self { page, about, all, stamps })
    }

    /// What stands before a page, and the stamps: of all pages, and of its names. Nothing if that page is not there.
    pub(super) fn of_head(answer: Value, had: &KnownVersion) -> Option<Option<Self>> {
        let Value::Array(answer) = answer else { return None };
        let Ok([Value::BulkString(head), stamps]) = <[Value; 2]>::try_from(answer) else { return None };
        if had.rest_of(&head) != Some(0) {
            return Some(None);
        }
        let mut values = self::stamps(stamps)?;
        Self::with(Some(head.into()), &mut values, had.names.clone()).map(Some)
    }

    pub(super) fn version(&self) -> Option<Version> {
        scripts::version(self.page.as_ref()?)
    }

    /// Whether it is that page.
    pub(super) fn is(&self, had: &KnownVersion) -> bool {
        self.page.as_ref().is_some_and(|page| had.rest_of(page) == Some(had.length))
    }

    /// Those of the page that were not asked for.
    pub(super) fn missing_names(&self) -> Vec<Id> {
        let names = self.about.iter().flat_map(|about| &about.names);
        names.filter(|name| self.stamp(**name).is_none()).copied().collect()
    }

    pub(super) fn add(&mut self, names: &[Id], answer: Value) -> Option<()> {
        let mut values = stamps(answer)?;
        for name in names {
            self.stamps.push((*name, values.next()??));
        }
        Some(())
    }

    fn stamp(&self, name: Id) -> Option<&Stamp> {
        self.stamps.iter().find(|(known, _)| *known == name).map(|(_, stamp)| stamp)
    }

    /// What there is at that time of the server.
    pub(super) fn found(&self, now: u64) -> Reply {
        let Some(page) = &self.page else { return Reply::Nothing };
        let Some(about) = &self.about else { return Reply::Garbled(page.clone()) };
        if about.put > now.saturating_add(AHEAD) {
            return Reply::Nothing;
        }
        let mut expired = 0;
        for name in &about.names {
            match self.stamp(*name).map(|stamp| stamp.as_deref().map(numbers)) {
                Some(Some(Some([made, last]))) if made <= about.since => expired = last.max(expired),
                Some(Some(None)) => return Reply::Garbled(Bytes::new()),
                _ => return Reply::Nothing,
            }
        }
        match self.all.as_deref().map(numbers) {
            Some(Some([made, rule, all])) if made <= about.since => {
                if rule > about.since {
                    return Reply::Unclear;
                }
                expired = all.max(expired);
            }
            Some(None) => return Reply::Garbled(Bytes::new()),
            _ => return Reply::Nothing,
        }
        let is_expired = expired > about.since;
        let kept = RemoteEntry {
            bytes: Some(page.slice(page.len() - about.frame..)),
            version: None,
            age: Duration::from_micros(now.saturating_sub(about.put)),
            expired: is_expired.then(|| Duration::from_micros(now.saturating_sub(expired))),
        };
        Reply::Page(kept, !is_expired && now < about.fresh)
    }
}

/// A page that the caller has.
pub(super) struct KnownVersion {
    pub(super) version: Version,
    pub(super) names: Vec<Id>,
    /// How long it is without what stands before it.
    pub(super) length: usize,
}

impl KnownVersion {
    /// `None` if it is the version of nothing.
    pub(super) fn of(version: Version) -> Option<Self> {
        let (head, length) = version.0.split_last_chunk()?;
        let names = PageHeader::of(head.get(8..)?, 0)?.names;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        Some(Self { names, length, version })
    }

    /// How long that is which stands before the page, both times.
    pub(super) fn head(&self) -> usize {
        2 * self.once().len()
    }

    fn once(&self) -> &[u8] {
        self.version.0.split_last_chunk::<4>().map_or(&[], |(head, _)| head)
    }

    /// How long that is which comes behind it.
    fn rest_of(&self, value: &[u8]) -> Option<usize> {
        let rest = value.strip_prefix(self.once())?.strip_prefix(self.once())?;
        Some(rest.len())
    }
}

/// Each is `None` if it is nothing that an `MGET` returns.
fn stamps(answer: Value) -> Option<impl Iterator<Item = Option<Stamp>>> {
    let Value::Array(values) = answer else { return None };
    Some(values.into_iter().map(|value| match value {
        Value::BulkString(bytes) => Some(Some(bytes)),
        Value::Nil => Some(None),
        _ => None,
    }))
}

/// What stands before a page.
struct PageHeader {
    since: u64,
    put: u64,
    fresh: u64,
    names: Vec<Id>,
    /// How long the page is.
    frame: usize,
}

impl PageHeader {
    fn read(value: &[u8]) -> Option<Self> {
        let (about, frame) = parts(value)?;
        Self::of(about, frame.len())
    }

    fn of(about: &[u8], frame: usize) -> Option<Self> {
        let at = |place: usize| scripts::number(about.get(16 * place..16 * place + 16)?);
        let (since, put, fresh, count) = (at(0)?, at(1)?, at(3)?, at(4)?);
        let names = about.get(96..)?.get(..usize::try_from(count).ok()?.checked_mul(16)?)?;
        let (names, _) = names.as_chunks::<16>();
        Some(Self { since, put, fresh, names: names.iter().map(|name| Id(*name)).collect(), frame })
    }
}

/// So many numbers, twice; `None` if they are not as they were written.
fn numbers<const N: usize>(stamp: &[u8]) -> Option<[u64; N]> {
    let (once, again) = stamp.split_at(stamp.len() / 2);
    if once != again || once.len() != 16 * N {
        return None;
    }
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(once.chunks_exact(16)) {
        *number = scripts::number(digits)?;
    }
    Some(numbers)
}
