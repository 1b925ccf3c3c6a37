//! The options for the queries of all handlers.

use super::builder::PageCacheBuilder;

impl PageCacheBuilder {
    /// Leaves these query parameters out of the keys of all handlers, as the attribute's `ignore_query` does for one. The order of the
    /// others does not matter then. `*` stands for any part of a name. Each call adds names. None by default.
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// let cache = PageCache::builder().ignore_query(["ref", "campaign_*"]).build();
    /// # drop(cache);
    /// ```
    ///
    /// No client can put the value of such a parameter into the page of others. The
    /// [`PageCacheMiddleware`](crate::PageCacheMiddleware) **removes** them from the requests that it does not answer itself, and sorts
    /// the others. In a handler with the attribute, `web::Query<T>` adds the parameters of `T` to the key that are left out, and `Uri`
    /// and `HttpRequest`, which show the handler all of them, add the whole query.
    ///
    /// The attribute's `query` names all parameters that are in the key of a handler, and takes precedence.
    ///
    /// # Panics
    ///
    /// If a name is empty, `*` alone, or has several `*`.
    #[track_caller]
    pub fn ignore_query(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        for name in names {
            let name = name.as_ref();
            if let Err(error) = self.config.ignored_query.add(name) {
                #[allow(clippy::panic)]
                {
                    panic!("the name {name:?} of a query parameter is not valid: {error}");
                }
            }
        }
        self
    }

    /// Sets whether the parameters that advertising, analytics and newsletters add to links are ignored, as by
    /// [`ignore_query`](Self::ignore_query). Defaults to `false`, because a handler may read them.
    ///
    /// The list has some 70 names, such as `utm_…`, `gclid`, `gbraid`, `fbclid`, `msclkid`, `mc_eid`, `mtm_…` and `_gl`.
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// let cache = PageCache::builder().ignore_tracking_query(true).build();
    /// # drop(cache);
    /// ```
    pub fn ignore_tracking_query(mut self, ignore: bool) -> Self {
        self.config.ignored_query.ignores_tracking = ignore;
        self
    }

    /// Sets whether pages are sent with `No-Vary-Search`, which tells browsers and CDNs the parameters that `query` and `ignore_query` leave
    /// out of the key, so that they do not ask for a URL that differs in these alone. Defaults to `false`.
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// // A page of a handler with `ignore_query = ["ref"]` has `No-Vary-Search: key-order, params=("ref")`, and one with
    /// // `query = ["page"]` has `No-Vary-Search: key-order, params, except=("page")`.
    /// let cache = PageCache::builder().no_vary_search(true).build();
    /// # drop(cache);
    /// ```
    ///
    /// It is not sent where more of the query may count than these options say: with `bypass_if`, `vary_by`, `#[key]` or `credential_if`; with an argument that
    /// shows the handler other parameters, such as `HttpRequest`; and with `query` on a page for anonymous visitors, where a parameter that
    /// looks like a token bypasses the cache. A header that the handler sends itself is not changed.
    ///
    /// The field has no patterns. For `utm_*` or the tracking parameters, it names the usual ones.
    ///
    /// Extractors and middleware do not see the requests that a downstream cache answers. Do not switch it on if one of them checks a
    /// parameter that is left out, such as a signature. JavaScript in a page may read the parameters of another URL.
    ///
    /// This is a draft of the IETF, which Chromium implements.
    #[doc(alias("search_params", "utm"))]
    pub fn no_vary_search(mut self, enabled: bool) -> Self {
        self.config.sends_no_vary_search = enabled;
        self
    }
}
