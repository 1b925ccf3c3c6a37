//! The options of the middleware: those of the attribute, by the same names.

use std::{panic::Location, time::Duration};

use actix_web::HttpRequest;

use crate::service::middleware::PageCacheMiddleware;
use crate::{page::Page, policy::Policy};

/// A time to live: whole seconds, a [`Duration`], or `None` for pages that are kept until they are evicted.
pub trait IntoTtl {
    #[doc(hidden)]
    fn time(self) -> Option<Duration>;
}

impl IntoTtl for u64 {
    fn time(self) -> Option<Duration> {
        Some(Duration::from_secs(self))
    }
}

impl IntoTtl for Duration {
    fn time(self) -> Option<Duration> {
        Some(self)
    }
}

impl IntoTtl for Option<Duration> {
    fn time(self) -> Option<Duration> {
        self
    }
}

macro_rules! as_policy {
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
    /// Pages that are kept for so long: whole seconds, a [`Duration`], or `None` for ever.
    ///
    /// # Panics
    ///
    /// If the time is zero.
    #[track_caller]
    pub fn new(ttl: impl IntoTtl) -> Self {
        Self {
            policy: Policy::new("PageCacheMiddleware", ttl.time()),
            by: None,
            place: super::number(Location::caller()),
        }
    }

    as_policy! {
        /// What it is called where it is reported, instead of `PageCacheMiddleware`.
        ///
        /// # Panics
        ///
        /// If the name is empty.
        name(name: &'static str);
        /// Pages with another prefix are other pages.
        key_prefix(prefix: &'static str);
        /// Tags that its pages are purged by; `{id}` stands for the route parameter of that name.
        ///
        /// # Panics
        ///
        /// If one of them cannot be a tag.
        tags(tags: &'static [&'static str]);
        /// Its pages are kept in the cache of this name of the App's.
        cache(name: &'static str);
        /// More statuses to which the time to live applies, beside 200, 301 and 308.
        ///
        /// # Panics
        ///
        /// If one of them is never kept, or no final status.
        statuses(statuses: &'static [u16]);
        /// A page for each value of these request headers, in lower case.
        ///
        /// # Panics
        ///
        /// If one of them is no header name in lower case.
        vary(headers: &'static [&'static str]);
        /// A page for each value of these cookies. Requests with any cookie still pass by: handlers may read the others.
        vary_cookie(cookies: &'static [&'static str]);
        /// Only these query parameters make a page, in any order.
        query(parameters: &'static [&'static str]);
        /// All query parameters but these make a page, in any order.
        ignore_query(parameters: &'static [&'static str]);
        /// Requests for which this function returns `true` bypass the cache.
        bypass_if(bypass_if: fn(&HttpRequest) -> bool);
        /// Responses for which this function returns `true` are not stored.
        no_store_if(no_store_if: fn(&Page) -> bool);
        /// How long clients and caches further down may keep the page, if not as long as it is kept here.
        browser_ttl(ttl: Duration);
        /// For so long after its time a page is sent at once, while it is made anew in the background.
        ///
        /// # Panics
        ///
        /// If the time is zero.
        stale_while_revalidate(time: Duration);
        /// For so long after its time a page is sent where making it anew fails.
        ///
        /// # Panics
        ///
        /// If the time is zero.
        stale_if_error(time: Duration);
        /// Longer bodies are not kept, in bytes.
        max_body(bytes: usize);
    }
}
