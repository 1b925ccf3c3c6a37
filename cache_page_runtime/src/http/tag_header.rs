//! Headers with the tags of a page, by which downstream caches purge it.

use actix_web::http::header::{HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::cache_groups::CACHE_GROUPS;

/// The maximum length of all values of a response in bytes. nginx refuses a response whose headers are longer than its buffer of
/// 4 or 8 KiB.
pub(crate) const MAX_TAG_BYTES: usize = 3072;

/// What separates tags, and the escape itself, so that each tag has a value of its own.
const SEPARATORS: &AsciiSet = &CONTROLS.add(b' ').add(b',').add(b'%');

/// In a string of a structured field (RFC 9651 3.3.3), spaces and commas need no escape.
const NOT_IN_STRINGS: &AsciiSet = &CONTROLS.add(b'%').add(b'"').add(b'\\');

/// A header with the tags of a page, by which CDNs and proxies purge it:
/// [`PageCacheBuilder::tag_header`](crate::PageCacheBuilder::tag_header).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TagHeader {
    /// `Surrogate-Key: posts post:7`, for Fastly, and for Varnish with xkey.
    SurrogateKey,
    /// `Cache-Tag: posts,post:7`, for Cloudflare and Google Cloud CDN, and for the CDN of Amazon if it is configured to read this header.
    CacheTag,
    /// `Cache-Groups: "posts", "post:7"` (RFC 9875), which is for any cache. A cache may ignore groups after the 32nd, and those of more
    /// than 32 characters. Responses of `#[purge_page]` handlers then have `Cache-Group-Invalidation`.
    CacheGroups,
}

impl TagHeader {
    pub(crate) fn name(self) -> HeaderName {
        match self {
            Self::SurrogateKey => HeaderName::from_static("surrogate-key"),
            Self::CacheTag => HeaderName::from_static("cache-tag"),
            Self::CacheGroups => CACHE_GROUPS,
        }
    }

    /// Returns the value for these tags, or `None` if it is longer than `max` bytes.
    pub(crate) fn value<'t>(self, tags: impl Iterator<Item = &'t str>, max: usize) -> Option<HeaderValue> {
        let (separator, quote, escaped) = match self {
            Self::SurrogateKey => (" ", "", SEPARATORS),
            Self::CacheTag => (",", "", SEPARATORS),
            Self::CacheGroups => (", ", "\"", NOT_IN_STRINGS),
        };
        let mut value = String::new();
        for tag in tags {
            value.push_str(if value.is_empty() { "" } else { separator });
            value.push_str(quote);
            value.extend(utf8_percent_encode(tag, escaped));
            value.push_str(quote);
            if value.len() > max {
                return None;
            }
        }
        HeaderValue::from_str(&value).ok()
    }
}
