//! The options that define which requests identify a client.

use actix_web::HttpRequest;
use http::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION};

use super::builder::PageCacheBuilder;

/// Panics with what is wrong with the name of a cookie.
#[track_caller]
fn check(name: &str, add: impl FnOnce(&str) -> Result<(), &'static str>) {
    if let Err(error) = add(name) {
        #[allow(clippy::panic)]
        {
            panic!("the cookie name {name:?} is not valid: {error}");
        }
    }
}

impl PageCacheBuilder {
    /// Adds a request header that identifies clients, beside those that are recognized by their names.
    ///
    /// Requests with such a header bypass anonymous-only pages: those of handlers that take `#[anonymous] request:
    /// HttpRequest`, which may read any header, and of the middleware. Other handlers cannot read the header unless one of their arguments does. A header that is
    /// part of the key, by `vary` for example, does not count.
    ///
    /// Recognized are `Authorization`, `Cookie` and `Proxy-Authorization`; names that contain `auth`, `token`, `cert`, `user`,
    /// `secret`, `session`, `jwt`, `signature`, `identity`, `credential`, `cookie`, `passw`, `login`, `csrf`, `xsrf`, `hmac`,
    /// `email`, `tenant`, `claim`, `oidc`, `account` or `mtls`, or a word that ends in `key` or is `sig`; and some sixty others, such
    /// as `DPoP`, `X-Forwarded-Groups`, `Remote-Name`, `X-Consumer-Id`, `X-Ms-Client-Principal` and `X-Amz-Date`. `User-Agent`,
    /// `Sec-Fetch-User` and some others with such a name are exempt.
    ///
    /// A client's address (`X-Forwarded-For`, `X-Real-Ip`, `Cf-Connecting-Ip`) is not a credential, because every request that came
    /// through a proxy has one.
    ///
    /// `Cookie` counts for the cookies that are not ignored; see [`session_cookies`](Self::session_cookies). Added here, it counts
    /// for all of them.
    ///
    /// Responses name the added headers, `Cookie` and `Authorization` in `Vary`.
    ///
    /// ```
    /// use actix_web::http::header::HeaderName;
    /// use cache_page::PageCache;
    ///
    /// let cache = PageCache::builder().credential_header(HeaderName::from_static("x-badge")).build();
    /// # drop(cache);
    /// ```
    pub fn credential_header(mut self, name: HeaderName) -> Self {
        self.config.credential_headers.add(name);
        self
    }

    /// Ignores a request header on anonymous-only pages: it does not count as a credential, whatever its name, and is not in their keys.
    ///
    /// For a header that a proxy adds, and that differs from request to request. The key already ignores those of common proxies and
    /// content delivery networks, and all names that end in `request-id`, `correlation-id`, `trace-id` or `transaction-id`.
    ///
    /// You assert that no response of an anonymous-only handler depends on it. If a response may depend on it, use
    /// [`vary`](Self::vary), which stores one page per value.
    ///
    /// ```
    /// use actix_web::http::header::HeaderName;
    /// use cache_page::PageCache;
    ///
    /// // Added by the proxy to every request.
    /// let name = HeaderName::from_static("x-session-affinity");
    /// let cache = PageCache::builder().ignore_credential_header(name).build();
    /// # drop(cache);
    /// ```
    ///
    /// # Panics
    ///
    /// If it is `Authorization`, `Cookie` or `Proxy-Authorization`.
    #[track_caller]
    pub fn ignore_credential_header(mut self, name: HeaderName) -> Self {
        assert!(
            ![AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(&name),
            "`{name}` always identifies a client; add it to the key with `vary` instead"
        );
        self.config.credential_headers.ignore(name);
        self
    }

    /// Counts only cookies with these names as credentials: the session, and whatever else a page may depend on, such as a cookie that
    /// keeps the user logged in.
    ///
    /// Requests without them are answered from anonymous-only pages, whatever other cookies they have: those of the
    /// [`PageCacheMiddleware`](crate::PageCacheMiddleware), and those of handlers that take `#[anonymous] request: HttpRequest`. A
    /// pattern has one `*` at most, which stands for any part of a name. Each call adds names.
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// let cache = PageCache::builder().session_cookies(["sessionid", "remember_*"]).build();
    /// # drop(cache);
    /// ```
    ///
    /// Without it, all cookies count except those of [`ignore_cookies`](Self::ignore_cookies).
    ///
    /// The middleware **removes** the cookies that do not count from requests that are answered from the cache or stored. So no page
    /// can contain what they say, whatever the handlers read. A handler inside that needs one of them, such as a theme, gets it by
    /// the middleware's [`vary_cookie`](crate::PageCacheMiddleware::vary_cookie), which stores one page per value, also if the handler
    /// has a `vary_cookie` of its own. A request with a session is passed on unchanged.
    ///
    /// A handler with the attribute and `#[anonymous] request: HttpRequest` **sees** all cookies. You assert that its page does not
    /// depend on those that do not count.
    ///
    /// Names are case-sensitive (RFC 6265 5.4). A `Cookie` field that another parser might read differently counts as a credential: one
    /// that is not UTF-8, has a cookie without `=`, or the name of a session in another spelling (`%73essionid`) or behind a comma.
    ///
    /// # Panics
    ///
    /// If there is no name, or if one is empty, `*` alone, has several `*`, or characters that the name of a cookie cannot have.
    #[track_caller]
    #[doc(alias("logged_in", "login", "anonymous"))]
    pub fn session_cookies(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let rule = &mut self.config.credential_headers.cookies;
        let count = names.into_iter().map(|name| check(name.as_ref(), |name| rule.add_session(name))).count();
        assert!(
            count > 0,
            "`session_cookies` needs the name of a cookie; without it, every cookie counts as a session"
        );
        self
    }

    /// Does not count cookies with these names as credentials, beside those of analytics, consent banners and CDNs
    /// ([`ignore_analytics_cookies`](Self::ignore_analytics_cookies)). `*` stands for any part of a name. Each call adds names.
    ///
    /// The middleware removes them from requests, and handlers with the attribute see them, as for
    /// [`session_cookies`](Self::session_cookies), which is the shorter list on most sites. A cookie that both name counts.
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// let cache = PageCache::builder().ignore_cookies(["theme", "exp_*", "mp_*_mixpanel"]).build();
    /// # drop(cache);
    /// ```
    ///
    /// # Panics
    ///
    /// If a name is empty, `*` alone, has several `*`, or characters that the name of a cookie cannot have.
    #[track_caller]
    pub fn ignore_cookies(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let rule = &mut self.config.credential_headers.cookies;
        names.into_iter().for_each(|name| check(name.as_ref(), |name| rule.add_ignored(name)));
        self
    }

    /// Sets whether the cookies of analytics, advertising, consent banners, CDNs and load balancers are ignored, as by
    /// [`ignore_cookies`](Self::ignore_cookies). Defaults to `true`.
    ///
    /// The list has some 180 names and beginnings of names, such as `_ga`, `_ga_…`, `_gid`, `_gcl_…`, `_fbp`, `_pk_…`, `__utm…`,
    /// `_hj…`, `_uetsid`, `__cf_bm`, `_cfuvid`, `cf_clearance`, `AWSALB`, `OptanonConsent`, `CookieConsent` and `cookie_consent`. A
    /// page that shows what a visitor has consented to needs that cookie in `vary_cookie`.
    pub fn ignore_analytics_cookies(mut self, ignore: bool) -> Self {
        self.config.credential_headers.cookies.set_ignores_listed(ignore);
        self
    }

    /// Adds a predicate for requests that identify a client by something that is not in a header: a TLS client certificate in
    /// `conn_data`, the peer's address, or extensions that an outer middleware has set.
    ///
    /// A request for which it returns `true` is treated as one with a [credential header](Self::credential_header). It is called
    /// for each request of an anonymous-only page that has no such header. Each call of this method adds a predicate.
    ///
    /// ```
    /// use actix_web::HttpMessage as _;
    /// use cache_page::PageCache;
    ///
    /// /// Set by a middleware around the App.
    /// struct CurrentUser(u64);
    ///
    /// let cache = PageCache::builder()
    ///     .credential_if(|request| request.extensions().contains::<CurrentUser>())
    ///     .build();
    /// # drop((cache, CurrentUser(1)));
    /// ```
    pub fn credential_if(mut self, is_credential: fn(&HttpRequest) -> bool) -> Self {
        self.config.credential_if.push(is_credential);
        self
    }
}
