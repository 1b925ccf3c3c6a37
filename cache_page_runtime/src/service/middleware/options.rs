//! The options of the middleware, which have the names of the attribute's options.

use std::{hash::Hash, panic::Location, rc::Rc, time::Duration};

use actix_web::HttpRequest;

use super::{PageCacheMiddleware, call_site_id};
use crate::{
    http::{header_cache, header_class::HeaderClass},
    key::KeyBuilder,
    page::Page,
    policy::{Policy, assert_header_name},
};

/// What [`PageCacheMiddleware::new`] takes as a TTL: seconds (`u64`), a [`Duration`], or `None` for no expiry.
pub trait IntoTtl {
    #[doc(hidden)]
    fn into_ttl(self) -> Option<Duration>;
}

impl IntoTtl for u64 {
    fn into_ttl(self) -> Option<Duration> {
        Some(Duration::from_secs(self))
    }
}

impl IntoTtl for Duration {
    fn into_ttl(self) -> Option<Duration> {
        Some(self)
    }
}

impl IntoTtl for Option<Duration> {
    fn into_ttl(self) -> Option<Duration> {
        self
    }
}

macro_rules! policy_options {
    ($($(#[$doc:meta])* $name:ident($argument:ident: $type:ty);)*) => {$(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(mut self, $argument: $type) -> Self {
            self.policy = self.policy.$name($argument);
            self
        }
    )*};
}

impl PageCacheMiddleware {
    /// Creates a middleware that stores responses for `ttl`: whole seconds, a [`Duration`], or `None` for no expiry.
    ///
    /// # Panics
    ///
    /// If the TTL is zero.
    #[track_caller]
    pub fn new(ttl: impl IntoTtl) -> Self {
        Self::with_policy(Policy::with_ttl(ttl.into_ttl()))
    }

    /// Creates a middleware with the options of a [`Policy`]. The methods below replace single options.
    #[track_caller]
    pub fn with_policy(policy: Policy) -> Self {
        Self {
            name: "PageCacheMiddleware",
            policy,
            vary_by: None,
            call_site: call_site_id(Location::caller()),
        }
    }

    /// Sets the name in logs, metrics and [`Stats`](crate::Stats). Defaults to `PageCacheMiddleware`.
    ///
    /// # Panics
    ///
    /// If the name is empty.
    #[track_caller]
    pub fn name(mut self, name: &'static str) -> Self {
        assert!(!name.is_empty(), "the name of a middleware must not be empty");
        self.name = name;
        self
    }

    policy_options! {
        /// Adds a prefix to the keys. Middlewares with different prefixes share no pages.
        key_prefix(prefix: &'static str);
        /// Sets tags that the pages are purged by. `{id}` is replaced with the route parameter of that name.
        ///
        /// # Panics
        ///
        /// If one of them is not a valid tag.
        tags(tags: &'static [&'static str]);
        /// Stores the pages in the App's cache of this name.
        cache(name: &'static str);
        /// Applies the TTL to further statuses, beside 200, 301 and 308.
        ///
        /// # Panics
        ///
        /// If one of them is never stored, or is not a final status.
        statuses(statuses: &'static [u16]);
        /// Sets the TTLs of these statuses, which are stored beside those of [`statuses`](Self::statuses). `None` stores them
        /// without expiry. [`statuses`](Self::statuses) removes them, so call it first.
        ///
        /// # Panics
        ///
        /// If one of the statuses is never stored, or is not a final status, or if a TTL is zero.
        status_ttls(ttls: &'static [(u16, Option<Duration>)]);
        /// Stores one page per value of these request headers.
        ///
        /// # Panics
        ///
        /// If one of them is not a header name.
        vary(headers: &'static [&'static str]);
        /// Stores one page per value of these cookies, which services inside see. Requests with other cookies bypass the cache, unless
        /// these are ignored; see [`PageCacheBuilder::session_cookies`](crate::PageCacheBuilder::session_cookies).
        vary_cookie(cookies: &'static [&'static str]);
        /// Adds only these query parameters to the key, in any order. Services inside see no others.
        query(parameters: &'static [&'static str]);
        /// Leaves these query parameters out of the key; the order of the others does not matter. Services inside do not see them.
        ignore_query(parameters: &'static [&'static str]);
        /// Lets requests for which the function returns `true` bypass the cache.
        bypass_if(bypass_if: fn(&HttpRequest) -> bool);
        /// Does not store responses for which the function returns `true`. The request has the extensions that services inside have
        /// set.
        no_store_if(no_store_if: fn(&HttpRequest, &Page) -> bool);
        /// Calls the function for each request that is answered without the services inside; see [`Policy::on_hit`].
        on_hit(on_hit: fn(&HttpRequest));
        /// Sets the `max-age` that browsers are sent, where the handler sends no `Cache-Control`. By default pages are sent with
        /// `no-cache`: browsers store them and ask each time, because a write may purge the page, and no purge reaches a browser.
        browser_ttl(ttl: Duration);
        /// Sets the `s-maxage` that CDNs and other shared caches are sent, where the handler sends no `Cache-Control`. See
        /// [`Policy::cdn_ttl`].
        cdn_ttl(ttl: Duration);
        /// Serves a page for this long after it expires, while it is refreshed in the background (RFC 5861 3).
        ///
        /// # Panics
        ///
        /// If the time is zero.
        stale_while_revalidate(time: Duration);
        /// Serves a page for this long after it expires, where refreshing it fails (RFC 5861 4).
        ///
        /// # Panics
        ///
        /// If the time is zero.
        stale_if_error(time: Duration);
        /// Sets the length of the longest body that is stored, in bytes.
        max_body(bytes: usize);
        /// Sets whether the pages are sent encoded to clients that accept it; see [`Policy::compress`].
        ///
        /// # Panics
        ///
        /// If it is `true` and no encoder is enabled.
        compress(compress: bool);
    }
}

impl PageCacheMiddleware {
    /// Adds the result of a function to the key, as the attribute's `vary_by`.
    pub fn vary_by<T: Hash + 'static>(self, vary_by: fn(&HttpRequest) -> T) -> Self {
        self.add_to_key(move |request, key| key.value(&vary_by(request)))
    }

    /// Stores one page per result of a function of a request header, as `"accept-language" => path::to::function` in the
    /// attribute's `vary`.
    ///
    /// The function gets the value of the header, or `None` if it is absent. Responses name the header in `Vary`. Handlers inside
    /// that read it must not depend on anything else of it.
    ///
    /// ```
    /// use cache_page::PageCacheMiddleware;
    ///
    /// fn language(accepted: Option<&str>) -> &'static str {
    ///     if accepted.is_some_and(|accepted| accepted.starts_with("de")) { "de" } else { "en" }
    /// }
    ///
    /// let middleware = PageCacheMiddleware::new(60).vary_by_header("accept-language", language);
    /// # drop(middleware);
    /// ```
    ///
    /// # Panics
    ///
    /// If the name is not a header name.
    #[track_caller]
    pub fn vary_by_header<T: Hash + 'static>(
        self,
        name: &'static str,
        normalize: fn(Option<&str>) -> T,
    ) -> Self {
        assert_header_name(name);
        self.add_to_key(move |_, key| key.normalized_header(name, normalize))
    }

    /// Lets a function of a request header decide the variant of a response that varies by it (`Vary`), as the attribute's
    /// `normalize`.
    ///
    /// The function gets the value of the header, with repeated lines joined by `, `, or `None` if it is absent. Responses that vary by the
    /// header must not depend on anything else of it. Repeated lines, and a value that is not UTF-8, are a variant of their own. Unlike
    /// [`vary_by_header`](Self::vary_by_header), it has no effect on responses that do not name the header in `Vary`:
    /// for services that forward requests, and learn from the response what it depends on. [`normalize`](crate::normalize) has
    /// functions for it.
    ///
    /// It has no effect on headers that are in the key anyway, by their values: `Accept`, and all that browsers and proxies do not send
    /// on their own. For these, use [`vary_by_header`](Self::vary_by_header).
    ///
    /// ```
    /// use cache_page::{PageCacheMiddleware, normalize};
    ///
    /// let middleware = PageCacheMiddleware::new(60).normalize("accept-language", normalize::list);
    /// # drop(middleware);
    /// ```
    ///
    /// # Panics
    ///
    /// If the name is not a header name, or is that of a header with credentials, such as `cookie` or `x-user-id`.
    #[track_caller]
    pub fn normalize<T: Hash + 'static>(self, name: &'static str, normalize: fn(Option<&str>) -> T) -> Self {
        assert_header_name(name);
        let has_credentials =
            header_cache::name(name).is_some_and(|name| HeaderClass::of(&name).is_credential());
        assert!(
            !has_credentials,
            "the header tells visitors apart, and a function of it could show one the page of another"
        );
        self.add_to_key(move |_, key| key.normalize_variants(name, normalize))
    }

    /// Adds to the key beside what was added before.
    fn add_to_key(mut self, add: impl Fn(&HttpRequest, &mut KeyBuilder<'_>) + 'static) -> Self {
        self.vary_by = Some(match self.vary_by {
            None => Rc::new(add),
            Some(earlier) => Rc::new(move |request, key| {
                earlier(request, key);
                add(request, key);
            }),
        });
        self
    }
}
