//! The options of a handler, as a value.

use std::{fmt, time::Duration};

use actix_web::HttpRequest;

use super::validation::{
    assert_has_encoder, assert_header_name, assert_names, assert_status, assert_ttl, position_of_star,
};
use crate::{
    http::{QueryRule, StaleWindows, downstream::DownstreamTtls},
    page::Page,
    purge::tag::assert_tags,
};

/// A set of options for handlers and middlewares that are cached alike.
///
/// ```
/// use actix_web::{App, Responder, get, web};
/// use cache_page::{PageCacheMiddleware, Policy, cache_page};
///
/// const LISTING: Policy = Policy::new(300).tags(&["posts"]).ignore_query(&["utm_*"]);
///
/// #[get("/posts")]
/// #[cache_page(policy = LISTING)]
/// async fn posts() -> impl Responder {
///     "all posts"
/// }
///
/// // Options beside the policy replace those of the policy.
/// #[get("/archive")]
/// #[cache_page("1h", policy = LISTING, vary = ["accept-language"])]
/// async fn archive() -> impl Responder {
///     "old posts"
/// }
///
/// let feeds = web::scope("/feeds").wrap(PageCacheMiddleware::with_policy(LISTING));
/// # drop(App::new().service(posts).service(archive).service(feeds));
/// ```
///
/// The methods are `const`: in a constant, an invalid option is a compile error. A policy that is built at run time, from a
/// configuration file for example, is for the middleware. A handler with the attribute sets the TTL of a single response with
/// [`PageControl::ttl`](crate::PageControl::ttl).
///
/// The name of a handler, and `vary_by`, are not part of a policy: give them to the attribute or to the middleware.
#[derive(Clone, Copy)]
#[must_use = "a policy has no effect until a handler or a middleware uses it"]
pub struct Policy {
    pub(super) ttl: Option<Duration>,
    pub(super) key_prefix: &'static str,
    pub(super) tags: &'static [&'static str],
    pub(super) cache: Option<&'static str>,
    pub(super) statuses: &'static [u16],
    pub(super) status_ttls: &'static [(u16, Option<Duration>)],
    pub(super) vary: &'static [&'static str],
    pub(super) vary_cookie: &'static [&'static str],
    pub(super) query_rule: QueryRule,
    pub(super) bypass_if: Option<fn(&HttpRequest) -> bool>,
    pub(super) no_store_if: Option<fn(&HttpRequest, &Page) -> bool>,
    pub(super) on_hit: Option<fn(&HttpRequest)>,
    pub(super) downstream: DownstreamTtls,
    pub(super) stale: StaleWindows,
    pub(super) max_body: Option<usize>,
    pub(super) compress: Option<bool>,
}

impl Policy {
    /// Creates a policy that stores responses for this many seconds.
    ///
    /// # Panics
    ///
    /// Panics if the TTL is zero.
    #[track_caller]
    pub const fn new(seconds: u64) -> Self {
        Self::with_ttl(Some(Duration::from_secs(seconds)))
    }

    /// Creates a policy that stores responses for `ttl`. `None` stores them without expiry, until they are purged or evicted.
    ///
    /// # Panics
    ///
    /// Panics if the TTL is zero.
    #[track_caller]
    pub const fn with_ttl(ttl: Option<Duration>) -> Self {
        assert_ttl(ttl);
        Self {
            ttl,
            key_prefix: "",
            tags: &[],
            cache: None,
            statuses: &[],
            status_ttls: &[],
            vary: &[],
            vary_cookie: &[],
            query_rule: QueryRule::All,
            bypass_if: None,
            no_store_if: None,
            on_hit: None,
            downstream: DownstreamTtls { browser: None, cdn: None },
            stale: StaleWindows { while_revalidate: Duration::ZERO, if_error: Duration::ZERO },
            max_body: None,
            compress: None,
        }
    }

    /// Replaces the TTL. `None` stores responses without expiry.
    ///
    /// # Panics
    ///
    /// Panics if the TTL is zero.
    #[track_caller]
    pub const fn ttl(mut self, ttl: Option<Duration>) -> Self {
        assert_ttl(ttl);
        self.ttl = ttl;
        self
    }

    /// Sets a prefix of the cache key. Handlers with different prefixes never share a page. Defaults to the prefix of the cache
    /// ([`PageCacheBuilder::key_prefix`](crate::PageCacheBuilder::key_prefix)).
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
    #[track_caller]
    pub const fn tags(mut self, tags: &'static [&'static str]) -> Self {
        assert_tags(tags);
        self.tags = tags;
        self
    }

    /// Selects the App's cache of this name ([`PageCacheBuilder::named_cache`](crate::PageCacheBuilder::named_cache)). Defaults to the
    /// App's main cache.
    pub const fn cache(mut self, name: &'static str) -> Self {
        self.cache = Some(name);
        self
    }

    /// Sets the statuses to which the TTL applies, in addition to 200, 301 and 308.
    ///
    /// It applies to a response with such a status, and to an `Err` of the handler that renders as one. An `Err` with another status
    /// is stored only with a lifetime of its own.
    ///
    /// # Panics
    ///
    /// Panics if a status is never stored (206, 304, 412, 416, 417, 428, 429, 431, 511) or is not a final status (200 to 599).
    #[track_caller]
    #[doc(alias("proxy_cache_valid"))]
    pub const fn statuses(mut self, statuses: &'static [u16]) -> Self {
        let mut at = 0;
        while at < statuses.len() {
            assert_status(statuses[at]);
            at += 1;
        }
        self.statuses = statuses;
        self.status_ttls = &[];
        self
    }

    /// Sets the TTLs of these statuses, which are stored beside those of [`statuses`](Self::statuses). `None` stores them without
    /// expiry.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use cache_page::Policy;
    ///
    /// // As `statuses = [410, 404 => "5s"]` in the attribute.
    /// const PAGE: Policy =
    ///     Policy::new(60).statuses(&[410]).status_ttls(&[(404, Some(Duration::from_secs(5)))]);
    /// ```
    ///
    /// [`statuses`](Self::statuses) removes them, so call it first.
    ///
    /// # Panics
    ///
    /// Panics as [`statuses`](Self::statuses) does, or if a TTL is zero.
    #[track_caller]
    pub const fn status_ttls(mut self, ttls: &'static [(u16, Option<Duration>)]) -> Self {
        let mut at = 0;
        while at < ttls.len() {
            assert_status(ttls[at].0);
            if let Some(ttl) = ttls[at].1 {
                assert!(
                    !ttl.is_zero(),
                    "a TTL of zero stores nothing; set a longer TTL, or remove the status"
                );
            }
            at += 1;
        }
        self.status_ttls = ttls;
        self
    }

    /// Stores one page per value of these request headers. Responses name them in `Vary`.
    ///
    /// # Panics
    ///
    /// Panics if a name is not a header name.
    #[track_caller]
    pub const fn vary(mut self, headers: &'static [&'static str]) -> Self {
        let mut at = 0;
        while at < headers.len() {
            assert_header_name(headers[at]);
            at += 1;
        }
        self.vary = headers;
        self
    }

    /// Stores one page per value of these cookies. Responses have `Vary: cookie`.
    ///
    /// On anonymous-only pages they are no credentials, and the middleware passes them on. Other cookies count there as
    /// [`PageCacheBuilder::session_cookies`](crate::PageCacheBuilder::session_cookies) says.
    ///
    /// # Panics
    ///
    /// Panics if a name is empty.
    #[track_caller]
    pub const fn vary_cookie(mut self, cookies: &'static [&'static str]) -> Self {
        assert_names(cookies);
        self.vary_cookie = cookies;
        self
    }

    /// Keys the pages by these query parameters alone, in any order. Defaults to the whole query, byte for byte.
    ///
    /// The middleware removes the others from the requests that it does not answer itself. A handler with the attribute that takes
    /// `web::Query<T>` adds the parameters of `T` to the key, and one that takes `Uri` or `HttpRequest` the whole query.
    ///
    /// # Panics
    ///
    /// Panics if a name is empty or contains `*`.
    #[track_caller]
    pub const fn query(mut self, parameters: &'static [&'static str]) -> Self {
        assert_names(parameters);
        let mut at = 0;
        while at < parameters.len() {
            assert!(
                position_of_star(parameters[at]).is_none(),
                "`query` takes no patterns; name each parameter that is in the key"
            );
            at += 1;
        }
        self.query_rule = QueryRule::Only(parameters);
        self
    }

    /// Keys the pages by all query parameters except these, in any order. `utm_*` matches every name that begins with `utm_`.
    ///
    /// Handlers see the parameters that are left out as for [`query`](Self::query).
    /// [`PageCacheBuilder::ignore_query`](crate::PageCacheBuilder::ignore_query) leaves them out for all handlers.
    ///
    /// # Panics
    ///
    /// Panics if a name is empty, is `*` alone, or contains a `*` that is not its end.
    #[track_caller]
    #[doc(alias("utm", "tracking"))]
    pub const fn ignore_query(mut self, parameters: &'static [&'static str]) -> Self {
        assert_names(parameters);
        let mut at = 0;
        while at < parameters.len() {
            let name = parameters[at];
            if let Some(star) = position_of_star(name) {
                assert!(name.len() > 1, "`*` ignores every parameter; use `query(&[])` instead");
                assert!(star + 1 == name.len(), "a `*` can only end a name, such as \"utm_*\"");
            }
            at += 1;
        }
        self.query_rule = QueryRule::Except(parameters);
        self
    }

    /// Sets a predicate: a request for which it returns `true` bypasses the cache.
    #[doc(alias("proxy_cache_bypass", "skip"))]
    pub const fn bypass_if(mut self, bypass_if: fn(&HttpRequest) -> bool) -> Self {
        self.bypass_if = Some(bypass_if);
        self
    }

    /// Sets a predicate: a response for which it returns `true` is not stored, nor shared with concurrent requests.
    ///
    /// The request is the one that the handler has answered, with the extensions that it and services inside of the cache have set:
    ///
    /// ```
    /// use actix_web::HttpMessage as _;
    /// use cache_page::Policy;
    ///
    /// /// Set by the handler of a page that contains a CSRF token.
    /// struct CsrfToken(String);
    ///
    /// const FORM: Policy =
    ///     Policy::new(60).no_store_if(|request, _| request.extensions().contains::<CsrfToken>());
    /// # let _ = (FORM, CsrfToken(String::new()).0);
    /// ```
    pub const fn no_store_if(mut self, no_store_if: fn(&HttpRequest, &Page) -> bool) -> Self {
        self.no_store_if = Some(no_store_if);
        self
    }

    /// Sets a function that is called for each request that the cache answers without the handler: a hit, a stale page, a page of
    /// the remote store, and that of a concurrent request. Counts of views or an audit log go there.
    ///
    /// The function delays the response, so it must not block. If it panics, the request fails as if its handler did.
    pub const fn on_hit(mut self, on_hit: fn(&HttpRequest)) -> Self {
        self.on_hit = Some(on_hit);
        self
    }

    /// Sets for how long after its expiry a page is served stale while the handler refreshes it in the background (RFC 5861 3).
    ///
    /// # Panics
    ///
    /// Panics if the time is zero.
    #[track_caller]
    #[doc(alias("grace"))]
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
    #[track_caller]
    #[doc(alias("proxy_cache_use_stale"))]
    pub const fn stale_if_error(mut self, time: Duration) -> Self {
        assert!(!time.is_zero(), "a time of zero has no effect; set a longer time, or remove the option");
        self.stale.if_error = time;
        self
    }

    /// Sets the maximum size of a body that is stored, in bytes. Defaults to the limit of the cache, which it cannot raise.
    pub const fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// Sets whether the pages are sent encoded to clients that accept it (`Accept-Encoding`, RFC 9110 12.5.3). Defaults to
    /// [`PageCacheBuilder::compress`](crate::PageCacheBuilder::compress), which describes it.
    ///
    /// Unlike the option of the cache, this one includes pages of one visitor: those with a `#[key]` argument, `vary_by`, or a cookie or
    /// another credential in their key. The length
    /// of an encoded body shows whether two parts of it are alike. If a page has a secret of its visitor and also text that an attacker
    /// can choose, such as a parameter of the URL, then an attacker who sees the length of many responses can guess the secret (BREACH).
    /// Pages without secrets, or without text from the request, are safe.
    ///
    /// # Panics
    ///
    /// Panics if `compress` is `true` and the crate was built without the features `compress-brotli`, `compress-gzip` and
    /// `compress-zstd`.
    #[track_caller]
    pub const fn compress(mut self, compress: bool) -> Self {
        assert_has_encoder(compress);
        self.compress = Some(compress);
        self
    }
}

/// Returns the policy that an attribute names, so that anything else is reported as a value of another type.
#[doc(hidden)]
pub const fn policy(policy: Policy) -> Policy {
    policy
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("ttl", &self.ttl).field("tags", &self.tags).finish_non_exhaustive()
    }
}
