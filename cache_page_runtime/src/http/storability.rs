//! Which requests may use the cache, and which responses may be stored and for how long (RFC 9111 3).

use std::time::{Duration, SystemTime};

use actix_web::http::{
    Method, StatusCode,
    header::{
        ACCEPT_RANGES, AGE, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
        CONTENT_SECURITY_POLICY_REPORT_ONLY, CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderMap, HeaderName,
        HeaderValue, SET_COOKIE, UPGRADE, VARY,
    },
};

use super::{
    cache_control::CacheControl,
    freshness::{self, StaleWindows},
    header_class::HeaderClass,
    list,
};
use crate::outcome::Reason;

/// Checks that requests of this method can be answered from the cache.
pub(crate) fn check_method(method: &Method) -> Result<(), Reason> {
    match *method {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(Reason::Method),
    }
}

/// Checks that a request is not the opening handshake of a WebSocket (RFC 6455 4.1), which only its handler can answer.
///
/// Without its key it is none, so that a header alone does not bypass the cache.
pub(crate) fn check_handshake(headers: &HeaderMap) -> Result<(), Reason> {
    let is_websocket = |member: &[u8]| member.eq_ignore_ascii_case(b"websocket");
    let is_handshake = list::members(headers.get_all(UPGRADE)).any(is_websocket)
        && headers.contains_key(HeaderName::from_static("sec-websocket-key"));
    if is_handshake { Err(Reason::Upgrade) } else { Ok(()) }
}

/// Returns whether responses of this status are never stored, whatever their headers are.
///
/// 206, 304, 412, 416 and 417 depend on `Range`, `Expect` and conditional headers of the request, which are not part of the key:
/// any client could replace the page by such a response. 428, 429, 431 and 511 must not be stored (RFC 6585).
pub(crate) const fn is_never_stored(status: u16) -> bool {
    matches!(status, 206 | 304 | 412 | 416 | 417 | 428 | 429 | 431 | 511)
}

/// A configured time to live. `None` is no expiry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ttl(pub(crate) Option<Duration>);

/// For how long a response is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StorageDecision {
    /// How long the response is fresh from now. `None` is no expiry.
    pub(crate) ttl: Option<Duration>,
    pub(crate) stale: StaleWindows,
}

/// The parts of a response that decide whether it may be stored.
pub(crate) struct ResponseView<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    /// What was found in `headers`.
    pub(crate) caching_headers: &'a CachingHeaders,
    /// Whether the response switches protocols.
    pub(crate) is_upgrade: bool,
}

impl ResponseView<'_> {
    /// Returns for how long the response may be stored, or why it must not be stored.
    ///
    /// `override_ttl` is the TTL that the handler set for this cache only. It takes precedence over the headers of the response,
    /// and those over `default_ttl`, the TTL of the attribute if that applies to this status. `stale` is what the attribute
    /// allows.
    pub(crate) fn storage_decision(
        &self,
        override_ttl: Option<Ttl>,
        default_ttl: Option<Ttl>,
        stale: StaleWindows,
        now: SystemTime,
    ) -> Result<StorageDecision, Reason> {
        self.check_complete()?;
        self.check_shareable()?;
        let ttl = match override_ttl {
            Some(Ttl(Some(Duration::ZERO))) => return Err(Reason::Expired),
            Some(Ttl(ttl)) => ttl,
            None => self.header_or_default_ttl(default_ttl, now)?,
        };
        let stale = freshness::stale_windows(&self.caching_headers.cache_control, stale);
        Ok(StorageDecision { ttl, stale })
    }

    fn header_or_default_ttl(
        &self,
        default_ttl: Option<Ttl>,
        now: SystemTime,
    ) -> Result<Option<Duration>, Reason> {
        let Some(lifetime) = self.caching_headers.freshness_lifetime(self.headers, now) else {
            return default_ttl.map(|Ttl(ttl)| ttl).ok_or(Reason::Status);
        };
        match lifetime.saturating_sub(self.caching_headers.initial_age(self.headers, now)) {
            Duration::ZERO => Err(Reason::Expired),
            ttl => Ok(Some(ttl)),
        }
    }

    /// Checks that this is a final response that depends on nothing but the URL and the headers in `Vary`.
    fn check_complete(&self) -> Result<(), Reason> {
        if self.is_upgrade || self.caching_headers.has_upgrade {
            return Err(Reason::Upgrade);
        }
        // `Content-Range` has a meaning in 206 and 416 only (RFC 9110 14.4).
        if is_never_stored(self.status.as_u16()) || self.status.is_informational() {
            return Err(Reason::Status);
        }
        if self.caching_headers.is_event_stream { Err(Reason::EventStream) } else { Ok(()) }
    }

    /// Checks that a shared cache may store the response and send it to other clients without asking the handler.
    fn check_shareable(&self) -> Result<(), Reason> {
        let CachingHeaders { cache_control, .. } = self.caching_headers;
        if self.caching_headers.has_set_cookie {
            Err(Reason::SetCookie)
        } else if self.caching_headers.has_user_specific_header {
            Err(Reason::UserSpecificHeader)
        } else if cache_control.must_understand && !self.is_understood() {
            // With or without the `no-store` for caches that do not implement `must-understand` (RFC 9111 5.2.2.3).
            Err(if cache_control.no_store { Reason::NoStore } else { Reason::Status })
        } else if cache_control.no_store && !cache_control.must_understand {
            Err(Reason::NoStore)
        } else if cache_control.private {
            Err(Reason::Private)
        } else if cache_control.no_cache {
            Err(Reason::NoCache)
        } else if self.caching_headers.has_csp_nonce {
            Err(Reason::CspNonce)
        } else {
            Ok(())
        }
    }

    /// Returns whether this cache implements the caching requirements of the status (RFC 9110 15).
    fn is_understood(&self) -> bool {
        matches!(self.status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
    }
}

/// The headers of a response that concern caching.
///
/// They are collected in one pass: a response has fewer headers than there are names to look up.
#[derive(Debug, Default)]
pub(crate) struct CachingHeaders {
    pub(crate) cache_control: CacheControl,
    pub(crate) has_cache_control: bool,
    pub(crate) has_date: bool,
    pub(crate) has_etag: bool,
    pub(crate) has_expires: bool,
    pub(crate) has_vary: bool,
    /// Whether there may be headers that are not stored, or that `Connection` lists.
    pub(crate) has_unstored: bool,
    pub(crate) has_content_encoding: bool,
    pub(crate) has_accept_ranges: bool,
    /// Whether a targeted field is obeyed instead of `Cache-Control` and `Expires`.
    is_targeted: bool,
    has_age: bool,
    has_upgrade: bool,
    is_event_stream: bool,
    has_set_cookie: bool,
    /// Whether there is another header that is meant for one client, as `Set-Cookie` is.
    has_user_specific_header: bool,
    /// Whether a Content Security Policy has a nonce, which other clients must not learn.
    has_csp_nonce: bool,
}

impl CachingHeaders {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for (name, value) in headers {
            match *name {
                CACHE_CONTROL => {
                    found.has_cache_control = true;
                    found.cache_control.parse_value(value);
                }
                DATE => found.has_date = true,
                ETAG => found.has_etag = true,
                EXPIRES => found.has_expires = true,
                VARY => found.has_vary = true,
                CONNECTION => found.has_unstored = true,
                CONTENT_ENCODING => found.has_content_encoding = true,
                ACCEPT_RANGES => found.has_accept_ranges = true,
                AGE => (found.has_age, found.has_unstored) = (true, true),
                UPGRADE => (found.has_upgrade, found.has_unstored) = (true, true),
                CONTENT_TYPE => found.is_event_stream |= is_event_stream(value),
                SET_COOKIE => found.has_set_cookie = true,
                CONTENT_SECURITY_POLICY | CONTENT_SECURITY_POLICY_REPORT_ONLY => {
                    found.has_csp_nonce |= has_nonce(value);
                }
                _ => {
                    let class = HeaderClass::of(name);
                    found.has_user_specific_header |= class.is_for_one_client();
                    found.has_unstored |= class.is_not_stored();
                }
            }
        }
        found
    }

    /// Obeys a targeted field with this freshness lifetime instead of `Cache-Control` and `Expires` (RFC 9213 2.2).
    pub(crate) fn obey_targeted(&mut self, lifetime: Option<Duration>) {
        let max_age = lifetime.map(|lifetime| lifetime.as_secs());
        // `no-transform` is not for caches only.
        let no_transform = self.cache_control.no_transform;
        self.cache_control = CacheControl { max_age, no_transform, ..CacheControl::default() };
        self.is_targeted = true;
    }

    /// Returns whether neither this response may be reused nor the one that it replaces.
    pub(crate) fn forbids_reuse(&self) -> bool {
        let CacheControl { no_store, no_cache, private, must_understand, .. } = self.cache_control;
        private || no_cache || no_store && !must_understand
    }

    /// Returns the age of the response when it was received (RFC 9111 4.2.3).
    pub(crate) fn initial_age(&self, headers: &HeaderMap, now: SystemTime) -> Duration {
        if self.has_age || self.has_date { freshness::initial_age(headers, now) } else { Duration::ZERO }
    }

    /// Returns the explicit freshness lifetime, or `None` without looking for it if there cannot be one.
    fn freshness_lifetime(&self, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
        let CacheControl { s_maxage, max_age, .. } = self.cache_control;
        let is_explicit = s_maxage.or(max_age).is_some() || self.has_expires && !self.is_targeted;
        is_explicit.then(|| freshness::freshness_lifetime(headers, &self.cache_control, now)).flatten()
    }
}

fn is_event_stream(content_type: &HeaderValue) -> bool {
    let essence = content_type.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

fn has_nonce(policy: &HeaderValue) -> bool {
    const NONCE: &[u8] = b"nonce-";
    policy.as_bytes().windows(NONCE.len()).any(|window| window.eq_ignore_ascii_case(NONCE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_are_not_stored_are_noticed() {
        for name in [
            "age",
            "connection",
            "content-length",
            "content-range",
            "keep-alive",
            "proxy-authenticate",
            "te",
            "trailer",
            "transfer-encoding",
            "upgrade",
            "x-request-id",
            "content-type",
            "etag",
            "date",
            "vary",
            "cache-control",
            "set-cookie",
            "content-security-policy",
            "x-own",
            "server",
            "expires",
            "accept-ranges",
            "content-encoding",
        ] {
            let name = HeaderName::from_static(name);
            let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static("1"))]);
            let is_not_stored = HeaderClass::of(&name).is_not_stored();
            assert_eq!(CachingHeaders::from_headers(&headers).has_unstored, is_not_stored, "{name}");
        }
    }

    #[test]
    fn conditional_and_rfc_6585_statuses_are_never_stored() {
        let never_stored: Vec<u16> = (100..=999).filter(|status| is_never_stored(*status)).collect();
        assert_eq!(never_stored, [206, 304, 412, 416, 417, 428, 429, 431, 511]);
    }
}
