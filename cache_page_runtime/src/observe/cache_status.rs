//! The `Cache-Status` response header (RFC 9211).

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use actix_web::http::header::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::{observer::CacheStatusHeader, report::Report};
use crate::{
    http::header_cache,
    outcome::{Outcome, Reason},
};

pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The `detail` of a page that another process stored in the remote store.
pub(crate) const REMOTE_HIT_DETAIL: &str = "remote";

impl Report {
    /// Appends the `Cache-Status` header to a response, behind those of caches nearer to the handler.
    pub(crate) fn write_header(&self, level: CacheStatusHeader, headers: &mut HeaderMap) {
        if let Some(value) = self.header_value(level) {
            Self::append_header(value, headers);
        }
    }

    /// Appends a value of the `Cache-Status` header to a response.
    pub(crate) fn append_header(value: HeaderValue, headers: &mut HeaderMap) {
        headers.append(CACHE_STATUS, value);
    }

    /// Returns the value of the `Cache-Status` header, or `None` if it is switched off.
    pub(crate) fn header_value(&self, level: CacheStatusHeader) -> Option<HeaderValue> {
        let write = || match level {
            CacheStatusHeader::Full => to_header_value(self),
            CacheStatusHeader::Minimal => to_header_value(&MinimalMember(self)),
            CacheStatusHeader::Off => None,
        };
        match self.memo_key(level) {
            Some(key) => header_cache::cache_status(key, write),
            None => write(),
        }
    }

    /// Returns a number that only reports with the same header value share.
    ///
    /// Returns `None` for reports whose values rarely repeat, so that they do not displace others from the memo.
    fn memo_key(&self, level: CacheStatusHeader) -> Option<u64> {
        let ttl = u32::try_from(self.ttl.map_or(0, whole_seconds)).ok()?;
        if self.upstream_status.is_some() || self.staleness.is_some() || self.remote_error.is_some() {
            return None;
        }
        let forward_reason = self.forward_reason.map_or(0, |reason| reason as u64 + 1);
        let level = level as u64;
        let kind = (self.outcome.index() as u64) << 6
            | forward_reason << 3
            | level << 1
            | u64::from(self.ttl.is_some());
        Some(kind << 32 | u64::from(ttl))
    }
}

/// The largest integer of a structured field (RFC 9651 3.3.1). With a larger one, a client would ignore the whole field.
const MAX_INTEGER: u64 = 999_999_999_999_999;

/// The list member with `hit` or `fwd` alone.
struct MinimalMember<'r>(&'r Report);

impl fmt::Display for MinimalMember<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cache_page; ")?;
        match (self.0.outcome, self.0.forward_reason) {
            (Outcome::Hit | Outcome::Revalidated | Outcome::RemoteHit, _) | (Outcome::Stale(_), None) => {
                f.write_str("hit")
            }
            (_, Some(reason)) => write!(f, "fwd={}", reason.token()),
            (Outcome::Bypass(Reason::Method), None) => f.write_str("fwd=method"),
            (_, None) => f.write_str("fwd=bypass"),
        }
    }
}

/// Formats the list member with all its parameters.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", MinimalMember(self))?;
        if let Some(status) = self.upstream_status {
            write!(f, "; fwd-status={}", status.as_u16())?;
        }
        match self.outcome {
            Outcome::Stored => f.write_str("; stored")?,
            Outcome::Collapsed => f.write_str("; collapsed")?,
            _ => {}
        }
        match (self.staleness, self.ttl) {
            // RFC 9211 2.5: the TTL of a stale response is negative.
            (Some(staleness), _) if staleness.as_secs() > 0 => {
                write!(f, "; ttl=-{}", staleness.as_secs().min(MAX_INTEGER))?;
            }
            (Some(_), _) => f.write_str("; ttl=0")?,
            (None, Some(ttl)) => write!(f, "; ttl={}", whole_seconds(ttl))?,
            (None, None) => {}
        }
        match (self.outcome.reason(), self.remote_error) {
            (None, Some(error)) => write!(f, "; detail={}", error.as_str()),
            (None, None) if self.outcome == Outcome::RemoteHit => {
                write!(f, "; detail={REMOTE_HIT_DETAIL}")
            }
            (Some(Reason::Method) | None, _) => Ok(()),
            (Some(reason), _) => write!(f, "; detail={}", reason.as_str()),
        }
    }
}

fn to_header_value(member: &impl fmt::Display) -> Option<HeaderValue> {
    let mut text = String::with_capacity(56);
    write!(text, "{member}").ok()?;
    HeaderValue::try_from(text).ok()
}

/// Rounds up, so that `ttl` and `Age` add up to the freshness lifetime.
fn whole_seconds(ttl: Duration) -> u64 {
    ttl.as_secs().saturating_add(u64::from(ttl.subsec_nanos() > 0)).min(MAX_INTEGER)
}
