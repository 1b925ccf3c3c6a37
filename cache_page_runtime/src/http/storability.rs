//! What may use the cache, and what may be kept. Every no has its reason.

use std::time::{Duration, SystemTime};

use actix_web::http::{
    Method, StatusCode,
    header::{
        AGE, CACHE_CONTROL, CONNECTION, CONTENT_RANGE, CONTENT_SECURITY_POLICY,
        CONTENT_SECURITY_POLICY_REPORT_ONLY, CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderMap, HeaderName,
        HeaderValue, PRAGMA, SET_COOKIE, UPGRADE, VARY,
    },
};

use crate::{
    http::{
        cache_control::CacheControl,
        freshness::{self, StaleWindows},
    },
    outcome::Reason,
};

/// Whether a request of this method can be answered by a page.
pub(crate) fn method(method: &Method) -> Result<(), Reason> {
    match *method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(Reason::Method),
    }
}

/// What a client wants of the cache, where that is told to listen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestDirectives(CacheControl);

impl RequestDirectives {
    /// Those of a request, if it has any. `Pragma: no-cache` counts where there is no `Cache-Control` (RFC 9111 5.4).
    pub(crate) fn of(request: &HeaderMap) -> Option<Self> {
        let mut directives = CacheControl::parse(request.get_all(CACHE_CONTROL));
        if !request.contains_key(CACHE_CONTROL) {
            directives.no_cache = CacheControl::parse(request.get_all(PRAGMA)).no_cache;
        }
        (directives != CacheControl::default()).then_some(Self(directives))
    }

    pub(crate) fn no_store(&self) -> bool {
        self.0.no_store
    }

    /// Whether a page of that age, fresh for so long, is good enough.
    pub(crate) fn take(&self, age: Duration, ttl: Option<Duration>) -> bool {
        !self.0.no_cache
            && self.0.max_age.is_none_or(|most| age <= Duration::from_secs(most))
            && self.0.min_fresh.is_none_or(|least| ttl.is_none_or(|ttl| ttl >= Duration::from_secs(least)))
    }

    /// Whether a page is good enough although its time is over: any wish for a fresh one says no (RFC 9111 5.2.1).
    pub(crate) fn take_stale(&self) -> bool {
        !self.0.no_cache && self.0.max_age.is_none() && self.0.min_fresh.is_none()
    }

    pub(crate) fn only_if_cached(&self) -> bool {
        self.0.only_if_cached
    }
}

/// Whether a request may see an open page: not if it carries credentials that the key does not cover.
pub(crate) fn open(
    request: &HeaderMap,
    credentials: &[HeaderName],
    covers: impl Fn(&HeaderName) -> bool,
) -> Result<(), Reason> {
    let uncovered = |name: &&HeaderName| request.contains_key(*name) && !covers(name);
    match credentials.iter().find(uncovered) {
        Some(_) => Err(Reason::Credentials),
        None => Ok(()),
    }
}

/// Statuses of which no page is kept, whatever the handler says of it.
///
/// Some answer the request's own Range, If-Match, If-None-Match or Expect, which are no part of the key: anybody could put
/// one in the place of the page. Of the last four, RFC 6585 says that they must not be stored.
const NEVER_KEPT: [u16; 9] = [206, 304, 412, 416, 417, 428, 429, 431, 511];

/// The attribute's time to live; `None` is for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ttl(pub(crate) Option<Duration>);

/// For how long a response may be kept; `None` is for ever. And for how long after that it may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StorageDecision {
    pub(crate) fresh: Option<Duration>,
    pub(crate) stale: StaleWindows,
}

/// A response, as far as it matters for keeping it.
pub(crate) struct ResponseView<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    /// What the headers say.
    pub(crate) said: &'a CachingHeaders,
    /// Whether the connection is handed over with it.
    pub(crate) upgrade: bool,
}

impl ResponseView<'_> {
    /// For how long from now the response may be kept.
    ///
    /// `told` is what the handler says to this cache alone; `ttl` is the attribute's, if it applies to the status; `stale` is
    /// what the attribute allows.
    pub(crate) fn keep_for(
        &self,
        told: Option<Ttl>,
        ttl: Option<Ttl>,
        stale: StaleWindows,
        now: SystemTime,
    ) -> Result<StorageDecision, Reason> {
        self.is_whole_answer()?;
        self.is_for_everyone()?;
        let directives = &self.said.directives;
        let is_explicit = directives.s_maxage.or(directives.max_age).is_some() || self.said.expires;
        let explicit = || freshness::explicit_lifetime(self.headers, directives, now);
        let fresh = match is_explicit.then(explicit).flatten() {
            _ if told.is_some_and(|Ttl(told)| told == Some(Duration::ZERO)) => return Err(Reason::Expired),
            _ if told.is_some() => told.and_then(|Ttl(told)| told),
            Some(lifetime) => match lifetime.saturating_sub(self.said.initial_age(self.headers, now)) {
                Duration::ZERO => return Err(Reason::Expired),
                left => Some(left),
            },
            None => ttl.map(|Ttl(ttl)| ttl).ok_or(Reason::Status)?,
        };
        Ok(StorageDecision { fresh, stale: freshness::stale(directives, stale) })
    }

    /// A final answer that does not depend on what this one request asked for beyond its URL.
    fn is_whole_answer(&self) -> Result<(), Reason> {
        if self.upgrade || self.said.upgrade {
            return Err(Reason::Upgrade);
        }
        if NEVER_KEPT.contains(&self.status.as_u16()) || self.status.is_informational() || self.said.range {
            return Err(Reason::Status);
        }
        if self.said.event_stream { Err(Reason::EventStream) } else { Ok(()) }
    }

    fn is_for_everyone(&self) -> Result<(), Reason> {
        let CachingHeaders { directives, .. } = self.said;
        if self.said.cookie {
            Err(Reason::SetCookie)
        } else if self.said.personal {
            Err(Reason::UserSpecificHeader)
        } else if directives.must_understand && !self.is_understood() {
            // Whether or not `no-store` stands there for caches that do not know the word (RFC 9111 3).
            Err(if directives.no_store { Reason::NoStore } else { Reason::Status })
        } else if directives.no_store && !directives.must_understand {
            Err(Reason::NoStore)
        } else if directives.private {
            Err(Reason::Private)
        } else if directives.no_cache {
            Err(Reason::NoCache)
        } else if self.said.nonce {
            Err(Reason::CspNonce)
        } else {
            Ok(())
        }
    }

    /// Statuses whose meaning for caches RFC 9110 15 spells out, and that are treated so here.
    fn is_understood(&self) -> bool {
        matches!(self.status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
    }
}

/// What the headers of a response say that matters for keeping it, found in one look at all of them: there are fewer than
/// there are names to look for.
#[derive(Debug, Default)]
pub(crate) struct CachingHeaders {
    pub(crate) directives: CacheControl,
    pub(crate) cache_control: bool,
    pub(crate) date: bool,
    pub(crate) etag: bool,
    pub(crate) expires: bool,
    pub(crate) vary: bool,
    pub(crate) connection: bool,
    age: bool,
    upgrade: bool,
    range: bool,
    event_stream: bool,
    cookie: bool,
    /// About the one visitor who is sent it, as a cookie is.
    personal: bool,
    /// A script is allowed by a number used once: one visitor's, for all to read.
    nonce: bool,
}

impl CachingHeaders {
    pub(crate) fn by(headers: &HeaderMap) -> Self {
        let mut said = Self::default();
        for (name, value) in headers {
            match *name {
                CACHE_CONTROL => {
                    said.cache_control = true;
                    said.directives.read(value);
                }
                DATE => said.date = true,
                ETAG => said.etag = true,
                EXPIRES => said.expires = true,
                VARY => said.vary = true,
                CONNECTION => said.connection = true,
                AGE => said.age = true,
                UPGRADE => said.upgrade = true,
                CONTENT_RANGE => said.range = true,
                CONTENT_TYPE => said.event_stream |= is_event_stream(value),
                SET_COOKIE => said.cookie = true,
                CONTENT_SECURITY_POLICY | CONTENT_SECURITY_POLICY_REPORT_ONLY => {
                    said.nonce |= has_nonce(value);
                }
                _ => {
                    said.personal |= matches!(
                        name.as_str(),
                        "set-cookie2" | "clear-site-data" | "authentication-info" | "sec-websocket-accept"
                    );
                }
            }
        }
        said
    }

    /// Whether it says that nothing of it may be kept, nor of what was there before.
    pub(crate) fn takes_back(&self) -> bool {
        let CacheControl { no_store, no_cache, private, must_understand, .. } = self.directives;
        private || no_cache || no_store && !must_understand
    }

    /// How old the response is already.
    pub(crate) fn initial_age(&self, headers: &HeaderMap, now: SystemTime) -> Duration {
        if self.age || self.date { freshness::initial_age(headers, now) } else { Duration::ZERO }
    }
}

fn is_event_stream(line: &HeaderValue) -> bool {
    let essence = line.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

fn has_nonce(line: &HeaderValue) -> bool {
    const NONCE: &[u8] = b"nonce-";
    line.as_bytes().windows(NONCE.len()).any(|part| part.eq_ignore_ascii_case(NONCE))
}
