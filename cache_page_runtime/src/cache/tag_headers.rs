//! Headers with the tags of pages.

use super::builder::PageCacheBuilder;
use crate::http::TagHeader;

impl PageCacheBuilder {
    /// Sends the tags of each page in a header, by which a CDN or a proxy purges its copies. By default, no header has them. It can be
    /// called for several headers.
    ///
    /// ```
    /// use cache_page::{PageCache, TagHeader};
    ///
    /// // A page with the tags `posts` and `post:7` has `Surrogate-Key: posts post:7`.
    /// let cache = PageCache::builder().tag_header(TagHeader::SurrogateKey).build();
    /// # drop(cache);
    /// ```
    ///
    /// It is sent with pages that are stored, hits and 304 included. A header that the handler sends itself is not changed. In a tag, the
    /// characters that the header cannot have are percent-encoded, as in a URL: `%`, what is not ASCII, and either the space and the
    /// comma or, in `Cache-Groups`, `"` and `\`. Purge the CDN by the encoded tag.
    ///
    /// Together, these headers have at most 3,072 bytes. One that would be longer is not sent, which is logged. Limit `cdn_ttl` for such
    /// pages.
    ///
    /// A purge of this cache does not purge the CDN: call its API as well. With `CacheGroups`, the successful response of a
    /// `#[purge_page]` handler to an unsafe method names the purged tags in `Cache-Group-Invalidation`, and a downstream cache that
    /// forwarded the request purges them too, where it implements RFC 9875. Clients receive the header, unless the CDN removes it, as
    /// Fastly and Cloudflare do: do not put secrets into tags.
    #[doc(alias("surrogate_key", "cache_tag", "xkey", "cache_groups"))]
    pub fn tag_header(mut self, header: TagHeader) -> Self {
        if !self.config.tag_headers.contains(&header) {
            self.config.tag_headers.push(header);
        }
        self
    }

    /// Sets whether the `Cache-Groups` and `Cache-Group-Invalidation` of responses are honored (RFC 9875). Defaults to `false`. For
    /// handlers and services that forward the responses of an upstream server.
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// let cache = PageCache::builder().honor_cache_groups(true).build();
    /// # drop(cache);
    /// ```
    ///
    /// The groups of a page become tags, by which [`purge_tag`](crate::PageCache::purge_tag) finds it on every host. The groups in the
    /// `Cache-Group-Invalidation` of a response are purged, on the origin of its request only, if that has an unsafe method and
    /// the response is successful (2xx, 3xx). It must pass through a [`PageCacheMiddleware`](crate::PageCacheMiddleware) or come from a
    /// `#[purge_page]` handler. The field itself is sent on.
    ///
    /// A malformed field counts as absent. 128 groups of a field count, and those of at most 128 bytes.
    ///
    /// Whoever can set these fields can empty the cache of its origin. Switch it on only if the upstream servers are trusted, and set no
    /// response header to what a client sends. Set [`allowed_hosts`](Self::allowed_hosts), or let the proxy in front set `Host`:
    /// otherwise a client that writes under another host purges nothing on the right one.
    #[doc(alias("cache_groups", "cache_group_invalidation", "rfc9875"))]
    pub fn honor_cache_groups(mut self, honor: bool) -> Self {
        self.config.honors_cache_groups = honor;
        self
    }
}
