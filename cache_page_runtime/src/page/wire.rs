//! A page that goes to other processes, and one that comes from there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
    time::Duration,
};

use actix_web::{http::header::HeaderValue, web::Bytes};
use http::StatusCode;

use crate::page::page::{Lifetime, NEVER, Page, StoredHeader, is_of_a_good_copy, own_values};
use crate::{
    http::freshness::StaleWindows,
    purge::selector::PurgeKeys,
    remote::codec::{
        frame::{EncodedPage, NO_EXPIRY, micros},
        wire::Writer,
    },
    time::{backoff::Backoff, instant::Instant},
};

const ADDED: u8 = 1;
const SENSITIVE: u8 = 2;

impl Page {
    /// But for what it is about; what of that does not follow from the request is written by whoever calls. A reason phrase of the
    /// handler's own is lost: clients ignore it (RFC 9112 4).
    pub(crate) fn write(&self, out: &mut Writer, now: Instant) {
        let Lifetime { made_at, initial_age, kept_for, stale, fill, .. } = self.lifetime;
        out.u16(self.status.as_u16());
        for time in [
            micros(now.since(made_at)),
            micros(initial_age),
            kept_for.map_or(NO_EXPIRY, micros),
            micros(stale.while_revalidate),
            micros(stale.if_error),
            micros(fill),
        ] {
            out.u64(time);
        }
        out.u16(u16::try_from(self.headers.len()).unwrap_or(u16::MAX));
        for line in &self.headers {
            let sensitive = if line.value.is_sensitive() { SENSITIVE } else { 0 };
            out.u8(sensitive | if line.added { ADDED } else { 0 });
            out.bytes(line.name.as_str().as_bytes());
            out.bytes(line.value.as_bytes());
        }
        match &self.body {
            None => out.u8(0),
            Some(body) => {
                out.u8(1);
                out.bytes(body);
            }
        }
    }

    /// One that was put so long ago, with bytes of its own where it stays. `None` if it is none that a handler could have made.
    pub(crate) fn of_parts(
        parts: &EncodedPage,
        age: Duration,
        now: Instant,
        about: Arc<PurgeKeys>,
        stays: bool,
    ) -> Option<Self> {
        let times = &parts.times;
        let time = Duration::from_micros;
        let lifetime = Lifetime {
            made_at: now.before(time(times.created).saturating_add(age)),
            initial_age: time(times.initial_age),
            kept_for: (times.ttl != NO_EXPIRY).then(|| time(times.ttl)),
            stale: StaleWindows {
                while_revalidate: time(times.stale_while_revalidate),
                if_error: time(times.stale_if_error),
            },
            fill: time(times.fill_time),
        };
        let values: Option<Vec<HeaderValue>> =
            parts.headers.iter().map(|(_, _, value)| HeaderValue::from_bytes(value).ok()).collect();
        let values = values?;
        let mut headers: Vec<StoredHeader> = Vec::with_capacity(values.len());
        for ((flags, name, _), mut value) in own_values(parts.headers.iter().zip(&values)) {
            value.set_sensitive(flags & SENSITIVE > 0);
            let repeats = headers.iter().any(|line| line.name == *name);
            let (of_a_copy, added) = (is_of_a_good_copy(name), flags & ADDED > 0);
            headers.push(StoredHeader { name: name.clone(), value, repeats, of_a_copy, added });
        }
        Some(Self {
            status: StatusCode::from_u16(parts.status).ok()?,
            reason: None,
            headers: headers.into(),
            // In memory it has its own bytes, and not all that was read.
            body: match stays {
                true => parts.body.as_ref().map(|body| Bytes::copy_from_slice(body)),
                false => parts.body.clone(),
            },
            lifetime,
            retry: Backoff::default(),
            withdrawn: AtomicBool::new(false),
            expired_at: AtomicU64::new(NEVER),
            leaves_at: AtomicU64::new(NEVER),
            source: None,
            about,
        })
    }
}
