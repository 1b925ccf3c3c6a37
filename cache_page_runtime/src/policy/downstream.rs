//! The options for downstream caches.

use std::time::Duration;

use super::policy::Policy;

impl Policy {
    /// Sets the `max-age` that browsers are sent, if the handler sends no `Cache-Control`: for how long they use a page without
    /// asking whether it has changed. Zero lets them ask each time.
    ///
    /// Defaults to the TTL, except for pages that can be purged (they have tags, or a middleware stores them), pages without expiry
    /// and pages with a `bypass_if`. Those are sent with `no-cache`: browsers store them and ask each time, because no purge reaches
    /// a browser. For a page that you purge by its path or URL only, set it to zero.
    ///
    /// Other downstream caches use the page as long, unless [`cdn_ttl`](Self::cdn_ttl) is set. It has no effect on pages with a
    /// `#[key]` argument, which are sent with `private, no-cache`.
    #[doc(alias("downstream", "max_age", "client_ttl"))]
    pub const fn browser_ttl(mut self, ttl: Duration) -> Self {
        self.downstream.browser = Some(ttl);
        self
    }

    /// Sets the `s-maxage` that CDNs and other shared caches are sent, if the handler sends no `Cache-Control`: for how long they use
    /// a page without asking whether it has changed. Zero lets them ask each time.
    ///
    /// Without it they use a page for the `max-age` that browsers are sent, and pages for anonymous visitors for the TTL. With it,
    /// browsers are sent [`browser_ttl`](Self::browser_ttl), else the TTL, or zero if the page can be purged, has a `bypass_if`
    /// or is for anonymous visitors.
    ///
    /// No purge reaches a CDN, so choose a time for which an old page may be shown, or purge the CDN as well.
    ///
    /// It has no effect on pages with a `#[key]` argument, and responses that bypass the cache are sent with `private, no-cache`. A
    /// page for anonymous visitors has `Vary: Cookie, Authorization`: a CDN that ignores `Vary` would show it to users who are logged
    /// in.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use cache_page::Policy;
    ///
    /// // `Cache-Control: max-age=0, s-maxage=3600`
    /// const POSTS: Policy = Policy::new(300).tags(&["posts"]).cdn_ttl(Duration::from_secs(3600));
    /// # let _ = POSTS;
    /// ```
    #[doc(alias("downstream", "s_maxage", "surrogate_control", "edge"))]
    pub const fn cdn_ttl(mut self, ttl: Duration) -> Self {
        self.downstream.cdn = Some(ttl);
        self
    }
}
