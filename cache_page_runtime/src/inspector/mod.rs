//! Pages and an API that show what a cache does, for the people who run the application.
//!
//! Invariant: whatever is stored was chosen by clients. It is only shown as text, which the templates escape.

mod access;
mod advice;
mod api;
mod entries;
mod explain;
mod explanation;
mod handlers;
mod overview;
mod pages;
mod params;
mod purge;
mod query;
mod sampler;
mod site;
mod sorted_search;

use std::{fmt, rc::Rc};

use actix_web::{
    HttpRequest,
    dev::{AppService, HttpServiceFactory},
};

use self::{
    access::{Access, Token},
    query::Site,
};
use crate::cache::PageCache;

/// Pages and a JSON API that show what a cache does, and purge it. Created by [`PageCache::inspector`].
#[must_use = "it is a service for `App::service`"]
pub struct Inspector {
    cache: PageCache,
    path: String,
    access: Access,
    token: Token,
}

impl PageCache {
    /// Returns a service with pages about this cache and its named caches, below `path`: hit ratios, memory, handlers, stored pages,
    /// why a URL is a hit or a miss, and purges. `GET /cache/api/overview` and others return the same as JSON (see the guide,
    /// [Operating](https://docs.rs/cache_page/latest/cache_page/guide/operating/#inspector)).
    ///
    /// ```
    /// use actix_web::{App, HttpRequest};
    /// use cache_page::PageCache;
    ///
    /// fn is_operator(request: &HttpRequest) -> bool {
    ///     // The access check of the application.
    /// #   let _ = request;
    ///     false
    /// }
    ///
    /// let cache = PageCache::new();
    /// let app = App::new()
    ///     .app_data(cache.clone())
    ///     .service(cache.inspector("/cache").allow(is_operator));
    /// # drop(app);
    /// ```
    ///
    /// # Who may see it
    ///
    /// Without [`allow`](Inspector::allow), only clients on the same machine: the address of the connection is that of the loopback
    /// interface, `Host` names it, and no header says that the request was forwarded. **A proxy on the same machine makes everybody such a
    /// client** if it neither passes on `Host` nor adds a forwarding header: block the path there, or use `allow`.
    ///
    /// Everybody else gets a 404. Whoever may see it may also purge, with a form of the pages or the token of the API.
    ///
    /// It shows URLs, tags and response headers of stored pages, and not the cookies and credentials in their keys.
    ///
    /// # Panics
    ///
    /// Panics if the path does not begin with a slash, or is only that.
    // The folder has the same condition. This one is what the documentation shows.
    #[cfg(feature = "inspector")]
    #[doc(alias("dashboard", "admin"))]
    #[track_caller]
    pub fn inspector(&self, path: &str) -> Inspector {
        let path = path.trim_end_matches('/');
        assert!(path.starts_with('/'), "the path of an inspector must be like \"/cache\"");
        Inspector {
            cache: self.clone(),
            path: path.to_owned(),
            access: Access::default(),
            token: Token::of_process(),
        }
    }
}

impl Inspector {
    /// Lets those requests in for which `allow` returns `true`, instead of those from the same machine.
    ///
    /// It is called for each request to the inspector, before anything else. Call an access check of the application there, or return `true`
    /// if a middleware outside has one.
    pub fn allow(mut self, allow: impl Fn(&HttpRequest) -> bool + 'static) -> Self {
        self.access = Access::If(Rc::new(allow));
        self
    }

    /// Gives inspectors of several processes the same token, so that a form that one of them has sent is accepted by all.
    ///
    /// A request that purges must have a token that only pages of the inspector show. By default each process has its own, which changes when it
    /// is restarted, so behind a load balancer some forms would be answered with 403. The token is derived from the secret by HMAC-SHA-256, so
    /// that it does not reveal the secret. It does not replace [`allow`](Self::allow): a request that is refused there purges nothing, with any
    /// token.
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// # let secret_of_all_processes = || "0123456789abcdef0123456789abcdef";
    /// let cache = PageCache::new();
    /// let inspector = cache.inspector("/cache").secret(secret_of_all_processes());
    /// # drop(inspector);
    /// ```
    ///
    /// # Panics
    ///
    /// Panics if the secret is shorter than 16 bytes. Use random ones.
    #[track_caller]
    pub fn secret(mut self, secret: impl AsRef<[u8]>) -> Self {
        let secret = secret.as_ref();
        assert!(secret.len() >= 16, "the secret of an inspector must have 16 bytes or more");
        self.token = Token::of_secret(secret);
        self
    }
}

impl HttpServiceFactory for Inspector {
    fn register(self, config: &mut AppService) {
        self.cache.with_named().for_each(sampler::start);
        site::scope(&self.path, Site { cache: self.cache, access: self.access, token: self.token })
            .register(config);
    }
}

impl fmt::Debug for Inspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspector")
            .field("cache", &self.cache)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}
