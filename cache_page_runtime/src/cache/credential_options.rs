//! The options that define which requests identify a client.

use actix_web::HttpRequest;
use http::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION};

use super::builder::PageCacheBuilder;

impl PageCacheBuilder {
    /// Adds a request header that identifies clients, beside those that are recognized by their names.
    ///
    /// Requests with such a header bypass anonymous-only pages: those of handlers that take `#[anonymous] request:
    /// HttpRequest`, which may read any header, and of the middleware. Other handlers cannot read the header unless one of their arguments does. A header that is
    /// part of the key, by `vary` for example, does not count.
    ///
    /// Recognized are `Authorization`, `Cookie` and `Proxy-Authorization`; names that contain `auth`, `token`, `cert`, `user`,
    /// `secret`, `session`, `jwt`, `signature`, `identity`, `credential`, `cookie`, `passw`, `login`, `csrf`, `xsrf`, `hmac`,
    /// `email`, `tenant`, `claim`, `oidc`, `account` or `mtls`, or a word that ends in `key` or is `sig`; and some dozen others, such
    /// as `DPoP`, `X-Forwarded-Groups`, `Remote-Name`, `X-Consumer-Id`, `X-Ms-Client-Principal` and `X-Amz-Date`. `User-Agent`,
    /// `Sec-Fetch-User` and some others with such a name are exempt.
    ///
    /// A client's address (`X-Forwarded-For`, `X-Real-Ip`, `Cf-Connecting-Ip`) is not a credential, because every request that came
    /// through a proxy has one.
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
