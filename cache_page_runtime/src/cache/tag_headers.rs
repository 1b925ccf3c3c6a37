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
    /// A purge of this cache does not purge the CDN: call its API as well. Clients receive the header, unless the CDN removes it, as
    /// Fastly and Cloudflare do: do not put secrets into tags.
    #[doc(alias("surrogate_key", "cache_tag", "xkey", "cache_groups"))]
    pub fn tag_header(mut self, header: TagHeader) -> Self {
        if !self.config.tag_headers.contains(&header) {
            self.config.tag_headers.push(header);
        }
        self
    }
}
