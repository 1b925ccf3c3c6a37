//! What the attribute said.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use actix_web::{HttpRequest, http::StatusCode};
use http::header::{HeaderName, HeaderValue};
use once_cell::sync::OnceCell;

use super::handler_id::HandlerId;
pub use crate::policy::ttl::{Ttl, finite, seconds, seconds_and_nanos};
use crate::{
    cache::page_cache::PageCache,
    http::{QueryRule, StaleWindows, storability::is_never_stored, syntax::is_tchar},
    page::Page,
    purge::{
        selector::{PurgeKey, Tag, Tags},
        tag::{self, TagError},
    },
    time::{instant::Instant, rate_limit::RateLimit},
};

/// What `#[cache_page(…)]` says about the pages of one handler: the attribute writes it into the code that it generates.
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
/// The builder methods work in a `static`, and what they refuse is then an error of the compiler.
pub struct Policy {
    handler: &'static str,
    ttl: Option<Duration>,
    key_prefix: &'static str,
    tags: &'static [&'static str],
    cache: Option<&'static str>,
    statuses: &'static [u16],
    vary: &'static [&'static str],
    vary_cookie: &'static [&'static str],
    parameters: QueryRule,
    bypass_if: Option<fn(&HttpRequest) -> bool>,
    no_store_if: Option<fn(&Page) -> bool>,
    browser_ttl: Option<Duration>,
    stale: StaleWindows,
    max_body: Option<usize>,
    once: OnceCell<PolicyCache>,
    warned: RateLimit,
}

/// What is made of it once, at the first request.
struct PolicyCache {
    vary: Box<[HeaderName]>,
    max_age: HeaderValue,
    index: usize,
    by_handler: PurgeKey,
}

impl Policy {
    /// Pages of the handler of this name, kept for `ttl`, or until they are evicted if it is `None`.
    ///
    /// # Panics
    ///
    /// If the time is zero.
    #[must_use]
    #[track_caller]
    pub const fn new(handler: &'static str, ttl: Option<Duration>) -> Self {
        if let Some(ttl) = ttl {
            assert!(
                !ttl.is_zero(),
                "a page kept for no time is not cached; write a longer time, or remove `#[cache_page]`"
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
            parameters: QueryRule::All,
            bypass_if: None,
            no_store_if: None,
            browser_ttl: None,
            stale: StaleWindows { while_revalidate: Duration::ZERO, if_error: Duration::ZERO },
            max_body: None,
            once: OnceCell::new(),
            warned: RateLimit::new(),
        }
    }

    /// What the handler is called where it is reported.
    ///
    /// # Panics
    ///
    /// If the name is empty.
    #[must_use]
    #[track_caller]
    pub const fn name(mut self, name: &'static str) -> Self {
        assert!(!name.is_empty(), "a handler's name is not empty");
        self.handler = name;
        self
    }

    /// Pages with another prefix are other pages.
    #[must_use]
    pub const fn key_prefix(mut self, key_prefix: &'static str) -> Self {
        self.key_prefix = key_prefix;
        self
    }

    /// Tags that the page is purged by ([`PageCache::purge_tag`]). `{id}` stands for the route parameter of that name, without
    /// escapes.
    ///
    /// # Panics
    ///
    /// If there are more than 32, or one of them is empty, longer than 256 bytes, or has braces that stand around no name.
    #[must_use]
    #[track_caller]
    pub const fn tags(mut self, tags: &'static [&'static str]) -> Self {
        tag::assert_are_tags(tags);
        self.tags = tags;
        self
    }

    /// The pages are kept in the cache of this name ([`PageCacheBuilder::named`](crate::PageCacheBuilder::named)) of the App's.
    #[must_use]
    pub const fn cache(mut self, name: &'static str) -> Self {
        self.cache = Some(name);
        self
    }

    /// More statuses to which the time to live applies, beside 200, 301 and 308.
    ///
    /// # Panics
    ///
    /// If one of them is never kept (206, 304, 412, 416, 417, 428, 429, 431, 511) or no final status (200 to 599).
    #[must_use]
    #[track_caller]
    pub const fn statuses(mut self, statuses: &'static [u16]) -> Self {
        let mut at = 0;
        while at < statuses.len() {
            assert!(matches!(statuses[at], 200..=599), "a page has a final status, from 200 to 599");
            assert!(
                !is_never_stored(statuses[at]),
                "206, 304, 412, 416, 417, 428, 429, 431 and 511 are for one request; they are never kept"
            );
            at += 1;
        }
        self.statuses = statuses;
        self
    }

    /// A page for each value of these request headers, in lower case; responses name them in `Vary`.
    ///
    /// # Panics
    ///
    /// If one of them is no header name in lower case.
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

    /// A page for each value of these cookies; responses say `Vary: cookie`.
    #[must_use]
    pub const fn vary_cookie(mut self, cookies: &'static [&'static str]) -> Self {
        self.vary_cookie = cookies;
        self
    }

    /// Only these query parameters make a page, in any order.
    #[must_use]
    pub const fn query(mut self, parameters: &'static [&'static str]) -> Self {
        self.parameters = QueryRule::Only(parameters);
        self
    }

    /// All query parameters but these make a page, in any order; `utm_*` stands for all that begin like it.
    #[must_use]
    pub const fn ignore_query(mut self, parameters: &'static [&'static str]) -> Self {
        self.parameters = QueryRule::Except(parameters);
        self
    }

    /// Requests for which this function returns `true` bypass the cache.
    #[must_use]
    pub const fn bypass_if(mut self, bypass_if: fn(&HttpRequest) -> bool) -> Self {
        self.bypass_if = Some(bypass_if);
        self
    }

    /// Responses for which this function returns `true` are not stored.
    #[must_use]
    pub const fn no_store_if(mut self, no_store_if: fn(&Page) -> bool) -> Self {
        self.no_store_if = Some(no_store_if);
        self
    }

    /// How long clients and caches further down may keep the page, where the handler does not say; as long as it is kept
    /// here by default.
    #[must_use]
    pub const fn browser_ttl(mut self, ttl: Duration) -> Self {
        self.browser_ttl = Some(ttl);
        self
    }

    /// For how long after its time a page is still sent at once, while the handler makes it anew in the background
    /// (RFC 5861 3).
    ///
    /// It is the attribute's `stale_while_revalidate`, which generates other code than a handler without it has.
    ///
    /// # Panics
    ///
    /// If the time is zero.
    #[must_use]
    #[track_caller]
    pub const fn stale_while_revalidate(mut self, time: Duration) -> Self {
        assert!(!time.is_zero(), "for no time is not at all; write a longer time, or leave the option out");
        self.stale.while_revalidate = time;
        self
    }

    /// For how long after its time a page is still sent where the handler fails to make it anew (RFC 5861 4).
    ///
    /// # Panics
    ///
    /// If the time is zero.
    #[must_use]
    #[track_caller]
    pub const fn stale_if_error(mut self, time: Duration) -> Self {
        assert!(!time.is_zero(), "for no time is not at all; write a longer time, or leave the option out");
        self.stale.if_error = time;
        self
    }

    /// The longest body that is kept, in bytes, where it is less than the cache's own limit.
    #[must_use]
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    pub(crate) fn handler(&self) -> &'static str {
        self.handler
    }

    pub(crate) fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// Whether the generated code can make a page anew in the background.
    pub(crate) fn refreshes(&self) -> bool {
        !self.stale.while_revalidate.is_zero()
    }

    /// For how long a page may be sent after its time.
    pub(crate) fn stale(&self) -> StaleWindows {
        self.stale
    }

    /// The cache that is meant, of an App's own and those that it names; and whether it is there.
    #[inline]
    pub(crate) fn choose<'c>(&self, own: &'c PageCache) -> (&'c PageCache, bool) {
        match self.cache {
            None => (own, true),
            Some(name) => self.find(own, name),
        }
    }

    fn find<'c>(&self, own: &'c PageCache, name: &str) -> (&'c PageCache, bool) {
        if let Some(named) = own.named(name) {
            return (named, true);
        }
        let mistake = format_args!(
            "there is no cache of the name \"{name}\", so its pages are not kept; \
             give the App's one that: `PageCache::builder().named(\"{name}\", …)`"
        );
        self.warn(own.clock().now(), mistake);
        (own, false)
    }

    /// The tags of a request's page; and what is wrong with them.
    pub(crate) fn tags_of(&self, request: &HttpRequest) -> (Tags, Option<TagError>) {
        let (mut tags, mut mistake) = (Tags::new(), None);
        for template in self.tags {
            let tag = tag::fill_in(template, request).and_then(|tag| tag::check(&tag).map(|()| tag));
            match tag {
                Ok(tag) => tags.push(Tag::new(&tag)),
                Err(wrong) => mistake = Some(wrong),
            }
        }
        (tags, mistake)
    }

    /// Tells of a mistake in the handler, once a minute: each request may make it anew.
    pub(crate) fn warn(&self, now: Instant, mistake: fmt::Arguments<'_>) {
        if self.warned.is_due(now) {
            tracing::error!(target: "cache_page", handler = self.handler, "{mistake}");
        }
    }

    pub(crate) fn prefix(&self) -> &'static str {
        self.key_prefix
    }

    pub(crate) fn parameters(&self) -> QueryRule {
        self.parameters
    }

    pub(crate) fn cookies(&self) -> &'static [&'static str] {
        self.vary_cookie
    }

    /// The statuses to which the time to live applies.
    pub(crate) fn applies_to(&self, status: StatusCode) -> bool {
        matches!(status.as_u16(), 200 | 301 | 308) || self.statuses.contains(&status.as_u16())
    }

    /// Whether the attribute's `bypass_if` keeps a request from the cache.
    pub(crate) fn bypasses(&self, request: &HttpRequest) -> bool {
        self.bypass_if.is_some_and(|bypass_if| bypass_if(request))
    }

    /// Whether the attribute's `no_store_if` keeps a response out of the cache.
    pub(crate) fn rejects(&self, page: &Page) -> bool {
        self.no_store_if.is_some_and(|no_store_if| no_store_if(page))
    }

    pub(crate) fn longest_body(&self, limit: usize) -> usize {
        self.max_body.map_or(limit, |own| own.min(limit))
    }

    /// The names of `vary`.
    pub(crate) fn headers(&self) -> &[HeaderName] {
        self.once().map_or(&[], |once| &once.vary)
    }

    /// `max-age=…` for clients and caches further down, where the handler told this cache another time or not.
    pub(crate) fn max_age(&self, told: Option<Option<Duration>>) -> Option<HeaderValue> {
        match (told, self.browser_ttl) {
            (Some(ttl), None) => max_age(ttl).ok(),
            _ => self.once().map(|once| once.max_age.clone()),
        }
    }

    /// Returns the identity of the handler in statistics and logs.
    #[inline]
    pub(crate) fn handler_id(&self) -> HandlerId {
        HandlerId { index: self.once().map(|once| once.index), name: self.handler }
    }

    /// What all pages of the handler are found by.
    pub(crate) fn by_handler(&self) -> PurgeKey {
        self.once().map_or_else(|| PurgeKey::of_handler(self.handler), |once| once.by_handler)
    }

    fn once(&self) -> Option<&PolicyCache> {
        // The names were checked when the policy was made, and digits are a header value: it does not fail.
        self.once.get_or_try_init(|| self.make_once()).ok()
    }

    fn make_once(&self) -> Result<PolicyCache, http::Error> {
        static POLICIES: AtomicUsize = AtomicUsize::new(0);
        let vary =
            self.vary.iter().map(|name| HeaderName::from_bytes(name.as_bytes())).collect::<Result<_, _>>()?;
        let max_age = max_age(self.browser_ttl.or(self.ttl))?;
        let by_handler = PurgeKey::of_handler(self.handler);
        Ok(PolicyCache { by_handler, vary, max_age, index: POLICIES.fetch_add(1, Ordering::Relaxed) })
    }
}

fn max_age(ttl: Option<Duration>) -> Result<HeaderValue, http::Error> {
    /// What a page kept for ever says: clients read larger numbers differently (RFC 9111 1.2.2).
    const YEAR: u64 = 365 * 24 * 60 * 60;

    let seconds = ttl.map_or(YEAR, |ttl| ttl.as_secs().min(YEAR));
    Ok(HeaderValue::try_from(format!("max-age={seconds}"))?)
}

/// One of its own, that says the same.
impl Clone for Policy {
    fn clone(&self) -> Self {
        Self { once: OnceCell::new(), warned: RateLimit::new(), ..*self }
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

/// A token (RFC 9110 5.6.2) without capital letters.
const fn is_header_name(name: &[u8]) -> bool {
    let mut at = 0;
    while at < name.len() {
        if !is_tchar(name[at]) || name[at].is_ascii_uppercase() {
            return false;
        }
        at += 1;
    }
    // A star stands for everything, and everything is not a header.
    !matches!(name, [] | [b'*'])
}
