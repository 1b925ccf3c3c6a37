//! The options of one handler.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use actix_web::{HttpRequest, http::StatusCode};
use http::header::{HeaderName, HeaderValue};
use once_cell::sync::OnceCell;

use super::handler_id::HandlerId;
use crate::{
    http::{QueryRule, StaleWindows, storability::is_never_stored, syntax::is_tchar},
    key::KeyOptions,
    page::Page,
    purge::{
        HandlerSubject, PurgeKey, Tag, TagError, Tags,
        tag::{self, assert_tags},
    },
    time::{Instant, RateLimit},
};

/// The options of a handler, as `#[cache_page(…)]` writes them into the generated code.
///
/// ```
/// use std::time::Duration;
///
/// use cache_page::Policy;
///
/// static HOME: Policy = Policy::new("home", Some(Duration::from_secs(60)))
///     .key_prefix("v2")
///     .statuses(&[404])
///     .vary(&["accept-language"])
///     .ignore_query(&["utm_*"]);
/// ```
///
/// The methods are `const`: in a `static`, an invalid option is a compile error.
pub struct Policy {
    handler: &'static str,
    ttl: Option<Duration>,
    key_prefix: &'static str,
    tags: &'static [&'static str],
    cache: Option<&'static str>,
    statuses: &'static [u16],
    vary: &'static [&'static str],
    vary_cookie: &'static [&'static str],
    query_rule: QueryRule,
    bypass_if: Option<fn(&HttpRequest) -> bool>,
    no_store_if: Option<fn(&Page) -> bool>,
    browser_ttl: Option<Duration>,
    stale: StaleWindows,
    max_body: Option<usize>,
    index: OnceCell<usize>,
    derived: OnceCell<Derived>,
    errors: RateLimit,
}

/// What is derived from the options at the first request.
struct Derived {
    vary: Box<[HeaderName]>,
    max_age: HeaderValue,
    handler_key: PurgeKey,
}

impl Policy {
    /// Creates the policy of a handler, whose responses are stored for `ttl`. `None` stores them without expiry, until they are
    /// evicted.
    ///
    /// # Panics
    ///
    /// Panics if the TTL is zero.
    #[must_use]
    #[track_caller]
    pub const fn new(handler: &'static str, ttl: Option<Duration>) -> Self {
        if let Some(ttl) = ttl {
            assert!(
                !ttl.is_zero(),
                "a TTL of zero caches nothing; set a longer TTL, or remove `#[cache_page]`"
            );
        }
        Self {
            handler,
            ttl,
            key_prefix: "",
            tags: &[],
            cache: None,
            statuses: &[],
            vary: &[],
            vary_cookie: &[],
            query_rule: QueryRule::All,
            bypass_if: None,
            no_store_if: None,
            browser_ttl: None,
            stale: StaleWindows { while_revalidate: Duration::ZERO, if_error: Duration::ZERO },
            max_body: None,
            index: OnceCell::new(),
            derived: OnceCell::new(),
            errors: RateLimit::new(),
        }
    }

    /// Sets the handler's name in statistics, logs, metrics and [`PageCache::purge_handler`](crate::PageCache::purge_handler).
    ///
    /// # Panics
    ///
    /// Panics if the name is empty.
    #[must_use]
    #[track_caller]
    pub const fn name(mut self, name: &'static str) -> Self {
        assert!(!name.is_empty(), "the name of a handler must not be empty");
        self.handler = name;
        self
    }

    /// Sets a prefix of the cache key. Handlers with different prefixes never share a page. Defaults to the prefix of the cache
    /// ([`PageCacheBuilder::key_prefix`](crate::PageCacheBuilder::key_prefix)).
    #[must_use]
    pub const fn key_prefix(mut self, key_prefix: &'static str) -> Self {
        self.key_prefix = key_prefix;
        self
    }

    /// Sets the tags by which [`PageCache::purge_tag`](crate::PageCache::purge_tag) selects the pages.
    ///
    /// `{id}` is replaced by the percent-decoded value of the route parameter `id`.
    ///
    /// # Panics
    ///
    /// Panics if there are more than 32 tags, or if a tag is empty, longer than 256 bytes or has braces that do not enclose a name.
    #[must_use]
    #[track_caller]
    pub const fn tags(mut self, tags: &'static [&'static str]) -> Self {
        assert_tags(tags);
        self.tags = tags;
        self
    }

    /// Selects the App's cache of this name ([`PageCacheBuilder::named_cache`](crate::PageCacheBuilder::named_cache)). Defaults to the
    /// App's main cache.
    #[must_use]
    pub const fn cache(mut self, name: &'static str) -> Self {
        self.cache = Some(name);
        self
    }

    /// Sets the statuses to which the TTL applies, in addition to 200, 301 and 308.
    ///
    /// # Panics
    ///
    /// Panics if a status is never stored (206, 304, 412, 416, 417, 428, 429, 431, 511) or is not a final status (200 to 599).
    #[must_use]
    #[track_caller]
    pub const fn statuses(mut self, statuses: &'static [u16]) -> Self {
        let mut at = 0;
        while at < statuses.len() {
            assert!(matches!(statuses[at], 200..=599), "only final statuses (200 to 599) can be stored");
            assert!(
                !is_never_stored(statuses[at]),
                "206, 304, 412, 416, 417, 428, 429, 431 and 511 depend on the single request and are never stored"
            );
            at += 1;
        }
        self.statuses = statuses;
        self
    }

    /// Stores one page per value of these request headers. Responses name them in `Vary`.
    ///
    /// # Panics
    ///
    /// Panics if a name is not a header name in lower case.
    #[must_use]
    #[track_caller]
    pub const fn vary(mut self, headers: &'static [&'static str]) -> Self {
        let mut at = 0;
        while at < headers.len() {
            assert!(
                is_header_name(headers[at].as_bytes()),
                "not a header name in lower case, such as \"accept-language\""
            );
            at += 1;
        }
        self.vary = headers;
        self
    }

    /// Stores one page per value of these cookies. Responses have `Vary: cookie`.
    #[must_use]
    pub const fn vary_cookie(mut self, cookies: &'static [&'static str]) -> Self {
        self.vary_cookie = cookies;
        self
    }

    /// Keys the pages by these query parameters alone, in any order. Defaults to the whole query, byte for byte.
    #[must_use]
    pub const fn query(mut self, parameters: &'static [&'static str]) -> Self {
        self.query_rule = QueryRule::Only(parameters);
        self
    }

    /// Keys the pages by all query parameters except these, in any order. `utm_*` matches every name that begins with `utm_`.
    #[must_use]
    pub const fn ignore_query(mut self, parameters: &'static [&'static str]) -> Self {
        self.query_rule = QueryRule::Except(parameters);
        self
    }

    /// Sets a predicate: a request for which it returns `true` bypasses the cache.
    #[must_use]
    pub const fn bypass_if(mut self, bypass_if: fn(&HttpRequest) -> bool) -> Self {
        self.bypass_if = Some(bypass_if);
        self
    }

    /// Sets a predicate: a response for which it returns `true` is not stored.
    #[must_use]
    pub const fn no_store_if(mut self, no_store_if: fn(&Page) -> bool) -> Self {
        self.no_store_if = Some(no_store_if);
        self
    }

    /// Sets the `max-age` that is sent to browsers and other downstream caches, if the handler sets none. Defaults to the TTL.
    #[must_use]
    pub const fn browser_ttl(mut self, ttl: Duration) -> Self {
        self.browser_ttl = Some(ttl);
        self
    }

    /// Sets for how long after its expiry a page is served stale while the handler refreshes it in the background (RFC 5861 3).
    ///
    /// It only has an effect as the attribute's option, which generates a handler that can run in the background.
    ///
    /// # Panics
    ///
    /// Panics if the time is zero.
    #[must_use]
    #[track_caller]
    pub const fn stale_while_revalidate(mut self, time: Duration) -> Self {
        assert!(!time.is_zero(), "a time of zero has no effect; set a longer time, or remove the option");
        self.stale.while_revalidate = time;
        self
    }

    /// Sets for how long after its expiry a page is served stale if the handler fails to refresh it (RFC 5861 4).
    ///
    /// # Panics
    ///
    /// Panics if the time is zero.
    #[must_use]
    #[track_caller]
    pub const fn stale_if_error(mut self, time: Duration) -> Self {
        assert!(!time.is_zero(), "a time of zero has no effect; set a longer time, or remove the option");
        self.stale.if_error = time;
        self
    }

    /// Sets the maximum size of a body that is stored, in bytes. Defaults to the limit of the cache, which it cannot raise.
    #[must_use]
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    pub(crate) fn handler_id(&self) -> HandlerId {
        static NEXT: AtomicUsize = AtomicUsize::new(0);

        let index = *self.index.get_or_init(|| NEXT.fetch_add(1, Ordering::Relaxed));
        HandlerId { index, name: self.handler }
    }

    /// Returns the handler's name.
    pub(crate) fn handler(&self) -> &'static str {
        self.handler
    }

    pub(crate) fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// Returns the name of the cache that stores the pages, if it is not the App's main cache.
    #[inline]
    pub(crate) fn cache_name(&self) -> Option<&'static str> {
        self.cache
    }

    /// Returns whether the attribute generated a handler that can run in the background.
    pub(crate) fn can_refresh_in_background(&self) -> bool {
        !self.stale.while_revalidate.is_zero()
    }

    pub(crate) fn stale_windows(&self) -> StaleWindows {
        self.stale
    }

    /// Returns the options for the key of a request, given those of the cache.
    pub(crate) fn key_options<'o>(
        &'o self,
        cache_prefix: &'o str,
        cache_vary: &'o [HeaderName],
    ) -> KeyOptions<'o> {
        KeyOptions {
            prefix: if self.key_prefix.is_empty() { cache_prefix } else { self.key_prefix },
            query_rule: self.query_rule,
            cookies: self.vary_cookie,
            vary: [self.derived().map_or(&[], |derived| &derived.vary), cache_vary],
        }
    }

    /// Returns what purges need to know about the handler.
    pub(crate) fn purge_subject(&self) -> HandlerSubject {
        let key = self
            .derived()
            .map_or_else(|| PurgeKey::from_handler(self.handler), |derived| derived.handler_key);
        HandlerSubject { name: self.handler, key, query_rule: self.query_rule }
    }

    /// Returns the valid tags of a request's page, and the error of the last invalid one.
    pub(crate) fn expand_tags(&self, request: &HttpRequest) -> (Tags, Option<TagError>) {
        let (mut tags, mut last_error) = (Tags::new(), None);
        for template in self.tags {
            let tag = tag::expand(template, request).and_then(|tag| tag::check(&tag).map(|()| tag));
            match tag {
                Ok(tag) => tags.push(Tag::new(&tag)),
                Err(error) => last_error = Some(error),
            }
        }
        (tags, last_error)
    }

    /// Returns whether the TTL applies to a status.
    pub(crate) fn ttl_applies_to(&self, status: StatusCode) -> bool {
        matches!(status.as_u16(), 200 | 301 | 308) || self.statuses.contains(&status.as_u16())
    }

    /// Returns whether `bypass_if` matches the request.
    pub(crate) fn bypasses(&self, request: &HttpRequest) -> bool {
        self.bypass_if.is_some_and(|bypass_if| bypass_if(request))
    }

    /// Returns whether `no_store_if` matches the response.
    pub(crate) fn rejects(&self, page: &Page) -> bool {
        self.no_store_if.is_some_and(|no_store_if| no_store_if(page))
    }

    /// Returns the maximum size of a body in bytes, given that of the cache.
    pub(crate) fn max_body_size(&self, cache_limit: usize) -> usize {
        self.max_body.map_or(cache_limit, |limit| limit.min(cache_limit))
    }

    /// Returns the `Cache-Control` for downstream caches, given the TTL that the handler set for this response.
    pub(crate) fn max_age(&self, response_ttl: Option<Option<Duration>>) -> Option<HeaderValue> {
        match (response_ttl, self.browser_ttl) {
            (Some(ttl), None) => max_age(ttl).ok(),
            _ => self.derived().map(|derived| derived.max_age.clone()),
        }
    }

    /// Logs an error in the handler's options or response, at most once a minute.
    pub(crate) fn log_error(&self, now: Instant, message: fmt::Arguments<'_>) {
        if self.errors.is_due(now) {
            tracing::error!(target: "cache_page", handler = self.handler, "{message}");
        }
    }

    fn derived(&self) -> Option<&Derived> {
        // This cannot fail: `vary` has checked the names, and a number is a valid header value.
        self.derived.get_or_try_init(|| self.derive()).ok()
    }

    fn derive(&self) -> Result<Derived, http::Error> {
        let vary =
            self.vary.iter().map(|name| HeaderName::from_bytes(name.as_bytes())).collect::<Result<_, _>>()?;
        let max_age = max_age(self.browser_ttl.or(self.ttl))?;
        Ok(Derived { vary, max_age, handler_key: PurgeKey::from_handler(self.handler) })
    }
}

/// Returns `max-age` with the seconds of a TTL. No expiry is one year, as caches treat larger numbers differently (RFC 9111 1.2.2).
fn max_age(ttl: Option<Duration>) -> Result<HeaderValue, http::Error> {
    const YEAR: u64 = 365 * 24 * 60 * 60;

    let seconds = ttl.map_or(YEAR, |ttl| ttl.as_secs().min(YEAR));
    Ok(HeaderValue::try_from(format!("max-age={seconds}"))?)
}

/// The clone has the same options, but its own statistics.
impl Clone for Policy {
    fn clone(&self) -> Self {
        Self { index: OnceCell::new(), derived: OnceCell::new(), errors: RateLimit::new(), ..*self }
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("handler", &self.handler)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

/// Returns whether a name is a token (RFC 9110 5.6.2) without capital letters, other than `*`.
const fn is_header_name(name: &[u8]) -> bool {
    let mut at = 0;
    while at < name.len() {
        if !is_tchar(name[at]) || name[at].is_ascii_uppercase() {
            return false;
        }
        at += 1;
    }
    // `Vary: *` has a special meaning.
    !matches!(name, [] | [b'*'])
}
