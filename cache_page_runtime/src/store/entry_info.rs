//! [`EntryInfo`]: what an operator may know of a stored page.

use std::{fmt, sync::Arc, time::Duration};

use actix_web::http::{StatusCode, header::HeaderName};

#[cfg(feature = "inspector")]
use actix_web::http::header::HeaderMap;

use super::{
    entry::Entry,
    node::{EntryNode, VariantSet},
};
#[cfg(feature = "inspector")]
use crate::key::may_select_variant;
use crate::{
    http::Coding,
    key::KeyedUrl,
    page::{Encodings, Page},
    purge::{PurgeKey, PurgeKeys},
    time::Instant,
};

/// A page in memory, or one variant of it. [`PageCache::entries`](crate::PageCache::entries) returns them.
///
/// It says what the page is and how long it is fresh, but not for whom: its key, which may contain cookies and credentials, is not part
/// of it. It refers to the page, whose memory is free when it is dropped.
#[derive(Clone)]
pub struct EntryInfo {
    entry: Arc<Entry>,
    node: Arc<EntryNode>,
    variants: Option<Arc<VariantSet>>,
    now: Instant,
}

impl EntryInfo {
    pub(super) fn new(
        entry: Arc<Entry>,
        node: Arc<EntryNode>,
        variants: Option<Arc<VariantSet>>,
        now: Instant,
    ) -> Self {
        Self { entry, node, variants, now }
    }

    /// Returns the path in its normal form: percent-decoded, without dot segments and repeated slashes. It is text that a client chose.
    #[must_use]
    pub fn path(&self) -> &str {
        self.entry.purge_keys().path()
    }

    /// Returns the URL of the page.
    pub(crate) fn url(&self) -> Option<KeyedUrl> {
        KeyedUrl::of(&self.node.key)
    }

    /// Returns the name of the handler, as in [`Stats::handlers`](crate::Stats::handlers).
    #[must_use]
    pub fn handler(&self) -> &'static str {
        self.entry.purge_keys().handler_name()
    }

    /// Returns the stored response.
    #[must_use]
    pub fn page(&self) -> &Page {
        &self.entry.page
    }

    /// Returns the status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.entry.page.status()
    }

    /// Returns the length of the body in bytes, before it is encoded.
    #[must_use]
    pub fn body_len(&self) -> usize {
        self.entry.page.body().len()
    }

    /// Returns the bytes that the page takes of [`max_bytes`](crate::PageCacheBuilder::max_bytes): its body, encoded bodies, headers, key and
    /// bookkeeping, without its places in tables.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.node.weight()
    }

    /// Returns the age of the response (RFC 9111 4.2.3).
    #[must_use]
    pub fn age(&self) -> Duration {
        self.entry.age(self.now)
    }

    /// Returns for how long the page is still fresh, or `None` if it does not expire. Zero for a stale page.
    #[must_use]
    pub fn ttl(&self) -> Option<Duration> {
        self.entry.ttl(self.now)
    }

    /// Returns whether the page is fresh.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.entry.is_fresh(self.now)
    }

    /// Returns whether the page may be sent, if only while it is refreshed or in place of an error. One that may not is in memory until it
    /// is removed, or until its handler confirms it.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.entry.is_usable(self.now)
    }

    /// Returns how long the handler ran.
    #[must_use]
    pub fn fill_time(&self) -> Duration {
        self.entry.lifetime().fill_time
    }

    /// Returns the hits that count for the eviction: 0 to 3, which become fewer as other pages are evicted. Hits are not counted beyond
    /// that, so that a hit on a popular page writes nothing.
    #[must_use]
    pub fn recent_hits(&self) -> u8 {
        self.node.frequency()
    }

    /// Returns the names of the tags, as far as they are known: a cache without a [remote store](crate::remote) stores hashes, so that
    /// only [`tag_count`](Self::tag_count) and [`has_tag`](Self::has_tag) are known.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.entry.purge_keys().tag_names().iter().map(|name| &**name)
    }

    /// Returns the number of tags.
    #[must_use]
    pub fn tag_count(&self) -> usize {
        self.entry.purge_keys().tags().count()
    }

    /// Returns whether a purge of this tag would select the page.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        let key = PurgeKey::from_tag(tag);
        self.entry.purge_keys().tags().any(|tag| tag.key == key)
    }

    /// Returns the names of the request headers whose values select this variant (`Vary`), or nothing if the page does not vary.
    pub fn vary(&self) -> impl Iterator<Item = &str> {
        self.variants.iter().flat_map(|variants| variants.names.iter()).map(HeaderName::as_str)
    }

    /// Returns the content codings that the body is stored in, beside the one of the handler, such as `"br"`.
    pub fn encodings(&self) -> impl Iterator<Item = &'static str> {
        self.entry.page.encodings().map(Encodings::stored).into_iter().flatten().map(Coding::name)
    }

    /// Returns what finds the entry again, in this process.
    #[cfg(feature = "inspector")]
    pub(crate) fn id(&self) -> EntryId {
        EntryId::of(&self.node)
    }

    /// Returns when the age and the TTL were looked at.
    #[cfg(feature = "inspector")]
    pub(crate) fn listed_at(&self) -> Instant {
        self.now
    }

    /// Returns whether the remote store has the page too, as far as this process knows.
    #[cfg(feature = "inspector")]
    pub(crate) fn has_remote_ref(&self) -> bool {
        self.entry.remote_ref().is_some()
    }

    /// Returns whether these request headers may select this variant: what a function makes of a header is not known.
    #[cfg(feature = "inspector")]
    pub(crate) fn is_selected_by(&self, headers: &HeaderMap) -> bool {
        let Some(variants) = &self.variants else { return true };
        may_select_variant(&self.node.key, &variants.names, headers)
    }

    pub(crate) fn purge_keys(&self) -> &PurgeKeys {
        self.entry.purge_keys()
    }
}

impl fmt::Debug for EntryInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryInfo")
            .field("path", &self.path())
            .field("handler", &self.handler())
            .field("status", &self.status().as_u16())
            .field("bytes", &self.bytes())
            .field("ttl", &self.ttl())
            .finish_non_exhaustive()
    }
}

/// The hashes of an entry's path and of its key: they find it in this process, and do not show its key.
#[cfg(feature = "inspector")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EntryId {
    pub(super) path: u64,
    hash: u64,
}

#[cfg(feature = "inspector")]
impl EntryId {
    pub(super) fn of(node: &EntryNode) -> Self {
        let path = node.index_positions().next().map_or(0, |(key, _)| key.to_bits());
        Self { path, hash: node.hash.as_u64() }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (path, hash) = text.split_once('-')?;
        let parse = |digits| u64::from_str_radix(digits, 16).ok();
        Some(Self { path: parse(path)?, hash: parse(hash)? })
    }
}

#[cfg(feature = "inspector")]
impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:016x}", self.path, self.hash)
    }
}
