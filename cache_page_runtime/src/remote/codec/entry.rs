//! A stored entry as bytes: status, times, headers and body.
//!
//! What a purge selects an entry by is not part of it: most of that follows from the request, and its tags are in the frame.

use std::{sync::Arc, time::Duration};

use actix_web::{
    http::header::{HeaderName, HeaderValue},
    web::Bytes,
};
use http::StatusCode;

use super::wire::{Reader, Writer};
use crate::{
    http::StaleWindows,
    page::Page,
    purge::PurgeKeys,
    store::{Entry, Lifetime},
    time::Instant,
};

/// Flags of a header line.
const GENERATED: u8 = 1;
const SENSITIVE: u8 = 2;

/// Whether there is a body, and whether clients may be sent an encoded one.
const NO_BODY: u8 = 0;
const BODY: u8 = 1;
const ENCODABLE_BODY: u8 = 2;

/// A time that does not pass.
pub(crate) const NO_EXPIRY: u64 = u64::MAX;

/// An entry as it was when it was put, without its purge keys.
pub(crate) struct EncodedPage {
    pub(crate) status: u16,
    pub(crate) times: EncodedTimes,
    pub(crate) headers: Vec<(u8, HeaderName, Bytes)>,
    pub(crate) body: Option<Bytes>,
    pub(crate) is_encodable: bool,
}

/// Microseconds, from when the entry was put.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EncodedTimes {
    /// Since the page was created.
    pub(crate) created: u64,
    /// The age when the page was created (RFC 9111 4.2.3).
    pub(crate) initial_age: u64,
    /// From when the page was created.
    pub(crate) ttl: u64,
    pub(crate) stale_while_revalidate: u64,
    pub(crate) stale_if_error: u64,
    pub(crate) fill_time: u64,
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(NO_EXPIRY)
}

/// Encodes an entry. A reason phrase of the handler's own is lost: clients ignore it (RFC 9112 4).
pub(crate) fn encode(entry: &Entry, out: &mut Writer, now: Instant) {
    let Lifetime { created_at, initial_age, ttl, stale, fill_time } = entry.lifetime();
    let page = &entry.page;
    out.u16(page.status().as_u16());
    for time in [
        micros(now.since(created_at)),
        micros(initial_age),
        ttl.map_or(NO_EXPIRY, micros),
        micros(stale.while_revalidate),
        micros(stale.if_error),
        micros(fill_time),
    ] {
        out.u64(time);
    }
    let headers = page.stored_headers();
    out.u16(u16::try_from(headers.clone().count()).unwrap_or(u16::MAX));
    for line in headers {
        let sensitive = if line.is_sensitive() { SENSITIVE } else { 0 };
        out.u8(sensitive | if line.is_generated { GENERATED } else { 0 });
        out.bytes(line.name.as_str().as_bytes());
        out.bytes(line.as_bytes());
    }
    match page.body_bytes() {
        None => out.u8(NO_BODY),
        Some(body) => {
            out.u8(if page.encodings().is_some() { ENCODABLE_BODY } else { BODY });
            out.bytes(&body);
        }
    }
}

impl EncodedPage {
    pub(super) fn decode(input: &mut Reader<'_>, slice: &dyn Fn(usize, usize) -> Bytes) -> Option<Self> {
        let status = input.u16()?;
        let times = EncodedTimes {
            created: input.u64()?,
            initial_age: input.u64()?,
            ttl: input.u64()?,
            stale_while_revalidate: input.u64()?,
            stale_if_error: input.u64()?,
            fill_time: input.u64()?,
        };
        let count = input.u16()?;
        let mut headers = Vec::with_capacity(usize::from(count).min(256));
        for _ in 0..count {
            let flags = input.u8()?;
            let name = HeaderName::from_bytes(input.bytes()?).ok()?;
            let length = input.length()?;
            let from = input.position();
            input.raw(length)?;
            headers.push((flags, name, slice(from, length)));
        }
        let kind = input.u8()?;
        let body = match kind {
            NO_BODY => None,
            _ => {
                let length = input.length()?;
                let from = input.position();
                input.raw(length)?;
                Some(slice(from, length))
            }
        };
        Some(Self { status, times, headers, body, is_encodable: kind == ENCODABLE_BODY })
    }

    /// Creates the entry that was put `age` ago, or returns `None` if no handler could have generated it.
    ///
    /// With `owns_body`, the body is copied into an allocation of its own, so that storing it does not keep everything that
    /// was read with it.
    pub(crate) fn to_entry(
        &self,
        age: Duration,
        now: Instant,
        purge_keys: Arc<PurgeKeys>,
        owns_body: bool,
    ) -> Option<Entry> {
        let values: Option<Vec<HeaderValue>> = (self.headers.iter())
            .map(|(flags, _, value)| {
                let mut value = HeaderValue::from_bytes(value).ok()?;
                value.set_sensitive(flags & SENSITIVE > 0);
                Some(value)
            })
            .collect();
        let values = values?;
        let headers = self.headers.iter().zip(&values);
        let headers = headers.map(|((flags, name, _), value)| (name, value, flags & GENERATED > 0));
        let body = match owns_body {
            true => self.body.as_ref().map(|body| Bytes::copy_from_slice(body)),
            false => self.body.clone(),
        };
        let page = Page::from_parts(StatusCode::from_u16(self.status).ok()?, headers, body);
        let page = if self.is_encodable { page.encodable() } else { page };
        Some(Entry::new(page, self.times.lifetime(age, now), purge_keys))
    }
}

impl EncodedTimes {
    fn lifetime(&self, age: Duration, now: Instant) -> Lifetime {
        let time = Duration::from_micros;
        Lifetime {
            created_at: now.before(time(self.created).saturating_add(age)),
            initial_age: time(self.initial_age),
            ttl: (self.ttl != NO_EXPIRY).then(|| time(self.ttl)),
            stale: StaleWindows {
                while_revalidate: time(self.stale_while_revalidate),
                if_error: time(self.stale_if_error),
            },
            fill_time: time(self.fill_time),
        }
    }
}
