//! `Cache-Control` directives of requests (RFC 9111 5.2.1).

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, HeaderMap, PRAGMA};

use super::cache_control::CacheControl;

/// The cache directives of a request, for caches that honor them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestDirectives(CacheControl);

impl RequestDirectives {
    /// Parses the directives of a request, or returns `None` if it has none.
    ///
    /// `Pragma: no-cache` is honored if there is no `Cache-Control` (RFC 9111 5.4).
    pub(crate) fn from_headers(request: &HeaderMap) -> Option<Self> {
        let mut directives = CacheControl::parse(request.get_all(CACHE_CONTROL));
        if !request.contains_key(CACHE_CONTROL) {
            directives.no_cache = CacheControl::parse(request.get_all(PRAGMA)).no_cache;
        }
        (directives != CacheControl::default()).then_some(Self(directives))
    }

    /// Returns whether the response to this request must not be stored.
    pub(crate) fn no_store(&self) -> bool {
        self.0.no_store
    }

    /// Returns whether a fresh response of this age and remaining freshness lifetime may be sent. A `ttl` of `None` never ends.
    pub(crate) fn accepts(&self, age: Duration, ttl: Option<Duration>) -> bool {
        let CacheControl { no_cache, max_age, min_fresh, .. } = self.0;
        let is_young_enough = max_age.is_none_or(|max_age| age <= Duration::from_secs(max_age));
        let is_fresh_enough = |min_fresh| ttl.is_none_or(|ttl| ttl >= Duration::from_secs(min_fresh));
        !no_cache && is_young_enough && min_fresh.is_none_or(is_fresh_enough)
    }

    /// Returns whether a stale response may be sent. Any directive that asks for a fresh response forbids it.
    pub(crate) fn accepts_stale(&self) -> bool {
        !self.0.no_cache && self.0.max_age.is_none() && self.0.min_fresh.is_none()
    }

    /// Returns whether the request must not run a handler: without a stored response, it is answered with 504.
    pub(crate) fn only_if_cached(&self) -> bool {
        self.0.only_if_cached
    }
}
