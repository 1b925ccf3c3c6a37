//! The policy of one handler, with what is derived from it.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use actix_web::{HttpRequest, http::StatusCode};
use http::header::{HeaderName, HeaderValue};
use once_cell::sync::OnceCell;

use super::{handler_id::HandlerId, policy::Policy};
use crate::{
    http::{
        IgnoredQuery, QueryRule, StaleWindows,
        downstream::{self, Reuse},
    },
    key::KeyOptions,
    page::Page,
    purge::{HandlerSubject, PurgeKey, Tag, TagError, Tags, tag},
    sync::{Mutex, lock},
    time::{Instant, RateLimit},
};

/// A [`Policy`] and the handler that it is for, as `#[cache_page(…)]` writes them into the generated code.
pub struct HandlerPolicy {
    /// In statistics, logs, metrics, and purges by handler.
    name: &'static str,
    policy: Policy,
    index: OnceCell<usize>,
    derived: OnceCell<Derived>,
    /// What purges know of the handler in the cache that used it first.
    subject: OnceCell<CacheSubject>,
    /// The same, in other caches.
    other_subjects: Mutex<Vec<&'static CacheSubject>>,
    errors: RateLimit,
}

/// What purges know of a handler in a cache that ignores these query parameters.
#[derive(Clone, Copy)]
struct CacheSubject {
    ignores: Option<&'static IgnoredQuery>,
    subject: HandlerSubject,
}

/// What is derived from the options at the first request.
struct Derived {
    vary: Box<[HeaderName]>,
    /// `Cache-Control` of responses with the TTL of the policy, in the order of [`Reuse::ALL`].
    cache_control: [HeaderValue; 3],
}

impl Policy {
    /// Applies the policy to the handler of this name.
    ///
    /// # Panics
    ///
    /// Panics if the name is empty.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn for_handler(self, name: &'static str) -> HandlerPolicy {
        assert!(!name.is_empty(), "the name of a handler must not be empty");
        HandlerPolicy {
            name,
            policy: self,
            index: OnceCell::new(),
            derived: OnceCell::new(),
            subject: OnceCell::new(),
            other_subjects: Mutex::new(Vec::new()),
            errors: RateLimit::new(),
        }
    }
}

impl HandlerPolicy {
    pub(crate) fn handler_id(&self) -> HandlerId {
        static NEXT: AtomicUsize = AtomicUsize::new(0);

        let index = *self.index.get_or_init(|| NEXT.fetch_add(1, Ordering::Relaxed));
        HandlerId { index, name: self.name }
    }

    /// Returns the handler's name.
    pub(crate) fn handler(&self) -> &'static str {
        self.name
    }

    /// Returns whether a request was admitted to the cache: a `GET` or `HEAD`. The key of the first one needs the derived options.
    pub(crate) fn has_cached_request(&self) -> bool {
        self.derived.get().is_some()
    }

    /// Returns which query parameters are in the key, given those that the cache ignores.
    pub(crate) fn query_rule(&self, cache_ignores: Option<&'static IgnoredQuery>) -> QueryRule {
        self.policy.query_rule.in_cache(cache_ignores)
    }

    /// Returns the names of the cookies that are in the key.
    pub(crate) fn vary_cookie(&self) -> &'static [&'static str] {
        self.policy.vary_cookie
    }

    /// Returns the name of the cache that stores the pages, if it is not the App's main cache.
    #[inline]
    pub(crate) fn cache_name(&self) -> Option<&'static str> {
        self.policy.cache
    }

    /// Returns whether the attribute generated a handler that can run in the background.
    pub(crate) fn can_refresh_in_background(&self) -> bool {
        !self.policy.stale.while_revalidate.is_zero()
    }

    pub(crate) fn stale_windows(&self) -> StaleWindows {
        self.policy.stale
    }

    /// Returns the beginning of the URLs in keys, which the policy may set in place of the cache.
    pub(crate) fn key_prefix<'o>(&'o self, cache_prefix: &'o str) -> &'o str {
        if self.policy.key_prefix.is_empty() { cache_prefix } else { self.policy.key_prefix }
    }

    /// Returns the options for the key of a request, given those of the cache.
    pub(crate) fn key_options<'o>(
        &'o self,
        cache_vary: &'o [HeaderName],
        cache_ignores: Option<&'static IgnoredQuery>,
    ) -> KeyOptions<'o> {
        KeyOptions {
            query_rule: self.query_rule(cache_ignores),
            cookies: self.policy.vary_cookie,
            vary: [self.derived().map_or(&[], |derived| &derived.vary), cache_vary],
        }
    }

    /// Returns what purges need to know about the handler.
    pub(crate) fn purge_subject(
        &'static self,
        cache_ignores: Option<&'static IgnoredQuery>,
    ) -> &'static HandlerSubject {
        let first = self.subject.get_or_init(|| self.subject_in_cache(cache_ignores));
        if first.is_for(cache_ignores) { &first.subject } else { self.subject_in_other_cache(cache_ignores) }
    }

    fn subject_in_cache(&self, ignores: Option<&'static IgnoredQuery>) -> CacheSubject {
        let key = PurgeKey::from_handler(self.name);
        let subject = HandlerSubject { name: self.name, key, query_rule: self.query_rule(ignores) };
        CacheSubject { ignores, subject }
    }

    /// Pages refer to the subject, which therefore lives as long as the process.
    #[cold]
    fn subject_in_other_cache(
        &self,
        cache_ignores: Option<&'static IgnoredQuery>,
    ) -> &'static HandlerSubject {
        let mut others = lock(&self.other_subjects);
        if let Some(known) = others.iter().find(|subject| subject.is_for(cache_ignores)) {
            return &known.subject;
        }
        let subject: &'static CacheSubject = Box::leak(Box::new(self.subject_in_cache(cache_ignores)));
        others.push(subject);
        &subject.subject
    }

    /// Returns the options, for people who look into the cache.
    #[cfg(feature = "inspector")]
    pub(super) fn options(&self) -> &Policy {
        &self.policy
    }

    /// Returns whether the policy has tags.
    pub(crate) fn has_tags(&self) -> bool {
        !self.policy.tags.is_empty()
    }

    /// Returns the valid tags of a request's page, and the error of the last invalid one.
    pub(crate) fn expand_tags(&self, request: &HttpRequest) -> (Tags, Option<TagError>) {
        let (mut tags, mut last_error) = (Tags::new(), None);
        for template in self.policy.tags {
            let tag = tag::expand(template, request).and_then(|tag| tag::check(&tag).map(|()| tag));
            match tag {
                Ok(tag) => tags.push(Tag::new(&tag)),
                Err(error) => last_error = Some(error),
            }
        }
        (tags, last_error)
    }

    /// Returns the TTL of a response with this status, or `None` if it does not apply to the status.
    ///
    /// To an error that the handler returned it applies only if `statuses` names the status: an `Err` that renders as a redirect, to
    /// a login page for example, is not the response that the TTL is meant for.
    pub(crate) fn ttl_for(&self, status: StatusCode, is_error: bool) -> Option<Option<Duration>> {
        if let Some(ttl) = self.own_ttl_of(status) {
            return Some(ttl);
        }
        let applies = self.names_status(status) || !is_error && matches!(status.as_u16(), 200 | 301 | 308);
        applies.then_some(self.policy.ttl)
    }

    /// Returns the TTL that the policy has for this status alone.
    pub(crate) fn own_ttl_of(&self, status: StatusCode) -> Option<Option<Duration>> {
        self.policy.status_ttls.iter().find(|(code, _)| *code == status.as_u16()).map(|(_, ttl)| *ttl)
    }

    /// Returns whether a TTL that the handler set for its response also applies if it returned an error with this status.
    ///
    /// A client error is how handlers say what they found, or that they found nothing. After another error, the TTL was meant for the
    /// response that the handler could not make.
    pub(crate) fn response_ttl_applies_to_error(&self, status: StatusCode) -> bool {
        status.is_client_error() || self.names_status(status)
    }

    /// Returns whether `statuses` has this status, with or without a TTL of its own.
    fn names_status(&self, status: StatusCode) -> bool {
        self.policy.statuses.contains(&status.as_u16()) || self.own_ttl_of(status).is_some()
    }

    /// Returns whether `bypass_if` matches the request.
    pub(crate) fn bypasses(&self, request: &HttpRequest) -> bool {
        self.policy.bypass_if.is_some_and(|bypass_if| bypass_if(request))
    }

    /// Calls `on_hit` for a request that is answered without the handler.
    #[inline]
    pub(crate) fn call_on_hit(&self, request: &HttpRequest) {
        if let Some(on_hit) = self.policy.on_hit {
            on_hit(request);
        }
    }

    /// Returns whether `no_store_if` matches the response. Without a request to ask it about, it does.
    pub(crate) fn rejects(&self, request: Option<&HttpRequest>, page: &Page) -> bool {
        let matches = |no_store_if: fn(&HttpRequest, &Page) -> bool| {
            request.is_none_or(|request| no_store_if(request, page))
        };
        self.policy.no_store_if.is_some_and(matches)
    }

    /// Returns the maximum size of a body in bytes, given that of the cache.
    pub(crate) fn max_body_size(&self, cache_limit: usize) -> usize {
        self.policy.max_body.map_or(cache_limit, |limit| limit.min(cache_limit))
    }

    /// Returns whether some requests bypass the cache for a reason that only the policy knows.
    pub(crate) fn has_bypass_if(&self) -> bool {
        self.policy.bypass_if.is_some()
    }

    /// Returns whether pages are encoded, given the option of the cache. That does not concern pages of one visitor.
    pub(crate) fn compresses(&self, by_default: bool, is_private: bool) -> bool {
        self.policy.compress.unwrap_or(by_default && !is_private)
    }

    /// Returns the `Cache-Control` for downstream caches, given the TTL of this response, if it is not that of the policy.
    pub(crate) fn cache_control(
        &self,
        reuse: Reuse,
        response_ttl: Option<Option<Duration>>,
    ) -> Option<HeaderValue> {
        match response_ttl {
            Some(ttl) => downstream::cache_control(reuse, ttl, self.policy.downstream).ok(),
            None => {
                let values = &self.derived()?.cache_control;
                Reuse::ALL.iter().zip(values).find(|(one, _)| **one == reuse).map(|(_, value)| value.clone())
            }
        }
    }

    /// Logs an error in the handler's options or response, at most once a minute.
    pub(crate) fn log_error(&self, now: Instant, message: fmt::Arguments<'_>) {
        if self.errors.is_due(now) {
            tracing::error!(target: "cache_page", handler = self.name, "{message}");
        }
    }

    fn derived(&self) -> Option<&Derived> {
        // This cannot fail: `vary` has checked the names, and a number is a valid header value.
        self.derived.get_or_try_init(|| self.derive()).ok()
    }

    fn derive(&self) -> Result<Derived, http::Error> {
        let vary = self
            .policy
            .vary
            .iter()
            .map(|name| HeaderName::from_bytes(name.as_bytes()))
            .collect::<Result<_, _>>()?;
        let [all, shared, revalidated] =
            Reuse::ALL.map(|reuse| downstream::cache_control(reuse, self.policy.ttl, self.policy.downstream));
        Ok(Derived { vary, cache_control: [all?, shared?, revalidated?] })
    }
}

impl CacheSubject {
    fn is_for(&self, cache_ignores: Option<&'static IgnoredQuery>) -> bool {
        match (self.ignores, cache_ignores) {
            (None, None) => true,
            (Some(one), Some(other)) => std::ptr::eq(one, other),
            _ => false,
        }
    }
}

impl fmt::Debug for HandlerPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerPolicy")
            .field("name", &self.name)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
