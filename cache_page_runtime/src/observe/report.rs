//! Telling what became of a request: one header, one event, one count, all from one place.

use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use actix_web::http::header::HeaderMap;
use http::{
    StatusCode,
    header::{HeaderName, HeaderValue},
};

use crate::{
    cache::page_cache::PageCache,
    http::header_cache,
    outcome::{ForwardReason, Outcome, Reason},
    page::page::Page,
    policy::policy::Policy,
    remote::RemoteError,
    time::instant::Instant,
};

pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// How much the `Cache-Status` header of a response tells (RFC 9211).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheStatusHeader {
    /// Whether it was a hit or why it was not, whether the page is kept, for how long, and by which rule it is not.
    #[default]
    Full,
    /// Whether it was a hit or why it was not.
    Minimal,
    /// There is no such header.
    Off,
}

/// An outcome with what is known about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) outcome: Outcome,
    /// Why the handler ran, where the request may use the cache.
    pub(crate) forward: Option<ForwardReason>,
    /// What the handler answered where something else is sent.
    pub(crate) answered: Option<StatusCode>,
    /// For how long the page is fresh; `None` is for ever, or no page.
    pub(crate) ttl: Option<Duration>,
    /// How long its time is over.
    pub(crate) stale_for: Option<Duration>,
    /// How old the page is.
    pub(crate) age: Option<Duration>,
    /// How long the handler took.
    pub(crate) fill: Option<Duration>,
    /// Why the shared tier was of no use.
    pub(crate) fault: Option<RemoteError>,
}

impl Report {
    pub(crate) fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            forward: None,
            answered: None,
            ttl: None,
            stale_for: None,
            age: None,
            fill: None,
            fault: None,
        }
    }

    /// Of a request that is answered by a page.
    pub(crate) fn of_page(outcome: Outcome, page: &Page, now: Instant) -> Self {
        let stale_for = matches!(outcome, Outcome::Stale(_)).then(|| page.stale_for(now));
        Self { ttl: page.ttl(now), age: Some(page.age(now)), stale_for, ..Self::of(outcome) }
    }

    /// Tells everybody but the client.
    pub(crate) fn log(&self, cache: &PageCache, policy: &'static Policy) {
        cache.counters().count(policy, self);
        tracing::debug!(
            target: "cache_page",
            handler = policy.handler(),
            outcome = self.outcome.as_str(),
            reason = self.outcome.reason().map(Reason::as_str),
            age = self.age.map(|age| age.as_secs()),
            fill_us = self.fill.map(|fill| u64::try_from(fill.as_micros()).unwrap_or(u64::MAX)),
            fault = self.fault.map(RemoteError::as_str),
        );
        #[cfg(feature = "metrics")]
        self.record(cache, policy.handler());
    }

    /// Tells everybody, the client in a header of its response.
    pub(crate) fn tell(&self, cache: &PageCache, policy: &'static Policy, headers: &mut HeaderMap) {
        self.log(cache, policy);
        self.show(cache, headers);
    }

    /// Tells the client alone.
    pub(crate) fn show(&self, cache: &PageCache, headers: &mut HeaderMap) {
        if let Some(line) = self.header(cache.told()) {
            headers.append(CACHE_STATUS, line);
        }
    }

    fn header(&self, level: CacheStatusHeader) -> Option<HeaderValue> {
        let write = || match level {
            CacheStatusHeader::Full => written(self),
            CacheStatusHeader::Minimal => written(&Brief(self)),
            CacheStatusHeader::Off => None,
        };
        match self.number(level) {
            Some(number) => header_cache::status(number, write),
            None => write(),
        }
    }

    /// Reports of one number read alike; those that seldom do have none.
    fn number(&self, level: CacheStatusHeader) -> Option<u64> {
        let ttl = u32::try_from(self.ttl.map_or(0, whole_seconds)).ok()?;
        if self.answered.is_some() || self.stale_for.is_some() || self.fault.is_some() {
            return None;
        }
        let forward = self.forward.map_or(0, |forward| forward as u64 + 1);
        let level = level as u64;
        let kind =
            (self.outcome.index() as u64) << 6 | forward << 3 | level << 1 | u64::from(self.ttl.is_some());
        Some(kind << 32 | u64::from(ttl))
    }

    #[cfg(feature = "metrics")]
    fn record(&self, cache: &PageCache, handler: &'static str) {
        let reason = self.outcome.reason().map_or("", Reason::as_str);
        let outcome = self.outcome.as_str();
        metrics::counter!("cache_page_requests_total", "handler" => handler, "outcome" => outcome, "reason" => reason)
            .increment(1);
        if let Some(fill) = self.fill {
            metrics::histogram!("cache_page_fill_seconds", "handler" => handler).record(fill);
            // What is kept only changes where a handler ran. A gauge is a float; it is exact up to eight petabytes.
            #[allow(clippy::cast_precision_loss)]
            metrics::gauge!("cache_page_bytes").set(cache.store().bytes() as f64);
        }
    }
}

/// A run of a handler that nobody waits for: its request was answered before, and told as that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefreshReport {
    /// Why the old page stays, if it does.
    pub(crate) kept: Result<(), Reason>,
    /// How long the handler took, if it came to its end.
    pub(crate) fill: Option<Duration>,
}

impl RefreshReport {
    pub(crate) fn log(&self, cache: &PageCache, policy: &'static Policy) {
        cache.counters().count_refresh(policy, self);
        let reason = self.kept.err().map(Reason::as_str);
        tracing::debug!(
            target: "cache_page",
            handler = policy.handler(),
            refresh = if reason.is_none() { "stored" } else { "not-stored" },
            reason,
            fill_us = self.fill.map(|fill| u64::try_from(fill.as_micros()).unwrap_or(u64::MAX)),
        );
        #[cfg(feature = "metrics")]
        {
            let (handler, reason) = (policy.handler(), reason.unwrap_or_default());
            metrics::counter!("cache_page_refreshes_total", "handler" => handler, "reason" => reason)
                .increment(1);
            if let Some(fill) = self.fill {
                metrics::histogram!("cache_page_fill_seconds", "handler" => handler).record(fill);
            }
        }
    }
}

/// One member of the `Cache-Status` list (RFC 9211 2), as far as it tells whether it was a hit.
struct Brief<'r>(&'r Report);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cache_page; ")?;
        match (self.0.outcome, self.0.forward) {
            (Outcome::Hit | Outcome::Revalidated | Outcome::RemoteHit, _) | (Outcome::Stale(_), None) => {
                f.write_str("hit")
            }
            (_, Some(forward)) => write!(f, "fwd={}", forward.token()),
            (Outcome::Bypass(Reason::Method), None) => f.write_str("fwd=method"),
            (_, None) => f.write_str("fwd=bypass"),
        }
    }
}

/// All of that member.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Brief(self))?;
        if let Some(status) = self.answered {
            write!(f, "; fwd-status={}", status.as_u16())?;
        }
        match self.outcome {
            Outcome::Stored => f.write_str("; stored")?,
            Outcome::Collapsed => f.write_str("; collapsed")?,
            _ => {}
        }
        match (self.stale_for, self.ttl) {
            // RFC 9211 2.5: less than nothing is left of a stale page.
            (Some(over), _) if over.as_secs() > 0 => write!(f, "; ttl=-{}", over.as_secs())?,
            (Some(_), _) => f.write_str("; ttl=0")?,
            (None, Some(ttl)) => write!(f, "; ttl={}", whole_seconds(ttl))?,
            (None, None) => {}
        }
        match (self.outcome.reason(), self.fault) {
            (None, Some(fault)) => write!(f, "; detail={}", fault.as_str()),
            (None, None) if self.outcome == Outcome::RemoteHit => f.write_str("; detail=remote"),
            (Some(Reason::Method) | None, _) => Ok(()),
            (Some(reason), _) => write!(f, "; detail={}", reason.as_str()),
        }
    }
}

fn written(member: &impl fmt::Display) -> Option<HeaderValue> {
    let mut text = String::with_capacity(56);
    write!(text, "{member}").ok()?;
    HeaderValue::try_from(text).ok()
}

/// Rounded up, so that it and `Age` add up to the lifetime.
fn whole_seconds(ttl: Duration) -> u64 {
    ttl.as_secs().saturating_add(u64::from(ttl.subsec_nanos() > 0))
}
