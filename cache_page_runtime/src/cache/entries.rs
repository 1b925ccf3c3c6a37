//! The stored pages of a cache, one after the other.

use std::{fmt, vec};

use super::page_cache::PageCache;
use crate::{
    purge::LocalSelector,
    store::{EntryInfo, Listing},
};

/// The pages of a cache, in no particular order. Returned by [`PageCache::entries`].
#[must_use = "iterators are lazy"]
pub struct Entries {
    cache: PageCache,
    listing: Listing,
    batch: vec::IntoIter<EntryInfo>,
}

impl PageCache {
    /// Returns the pages that are in memory, each variant by itself.
    ///
    /// For diagnosis: it takes about a second to look at a million pages. It looks at 64 at a time, and other threads use the cache
    /// meanwhile. Every page is met that is in memory all the while; one that is stored or refreshed meanwhile may be met or not, or twice.
    /// A page that was purged before a call of [`next`](Iterator::next) is not met, unless that is in the last batch.
    ///
    /// Those of [named caches](Self::named) and of the [remote store](crate::remote) are not among them.
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// let cache = PageCache::new();
    /// let largest = cache.entries().max_by_key(|entry| entry.bytes());
    /// assert!(largest.is_none());
    /// for entry in cache.entries().filter(|entry| entry.path().starts_with("/posts/")) {
    ///     println!("{} of {}: {} bytes", entry.path(), entry.handler(), entry.body_len());
    /// }
    /// ```
    pub fn entries(&self) -> Entries {
        Entries {
            cache: self.clone(),
            listing: Listing::of(LocalSelector::All),
            batch: Vec::new().into_iter(),
        }
    }
}

impl Iterator for Entries {
    type Item = EntryInfo;

    fn next(&mut self) -> Option<EntryInfo> {
        loop {
            if let Some(entry) = self.batch.next() {
                return Some(entry);
            }
            let now = self.cache.clock().now();
            self.batch = self.cache.store().next_entries(&mut self.listing, now)?.into_iter();
        }
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").field("cache", &self.cache).finish_non_exhaustive()
    }
}
