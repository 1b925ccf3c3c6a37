//! The options of the middleware, which have the names of the attribute's options.

use std::{panic::Location, time::Duration};

use actix_web::HttpRequest;

use super::{PageCacheMiddleware, call_site_id};
use crate::{page::Page, policy::Policy};

/// A TTL: whole seconds, a [`Duration`], or `None` for pages without expiry.
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
