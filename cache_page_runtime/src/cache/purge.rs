//! The purges of a cache.

use smallvec::SmallVec;

use super::{local_purges::LocalPurges, page_cache::PageCache, purge_future::PurgeFuture};
use crate::{
    observe::record_purge,
    purge::{PurgeError, PurgeMode, PurgeSelector, parse},
    store::local_copies,
};

/// # Purging
///
/// A `purge_…` method removes pages. The matching `expire_…` method is a *soft purge*: it makes the pages stale, as if their TTL had
/// expired. With `stale_while_revalidate`, the next request is answered with the stale page while the handler refreshes it in the
/// background; otherwise the next request waits for the handler.
///
/// A purge takes effect immediately: when the method returns, no worker of this process serves a purged page. When the returned
/// [`PurgeFuture`] has completed and the purge is [confirmed](crate::RemotePurge::Confirmed), the [remote store](crate::remote) does not
/// return it either. A response whose request began before the purge is not stored; it is only sent to requests that also began before
/// the purge.
///
/// A purge applies to this cache and to its [named caches](crate::PageCacheBuilder::named_cache). Without a cache of its own, an App
/// uses the default cache of the process, so a purge applies to the pages of all Apps in it.
///
/// The method looks at about a thousand pages before it returns: those that match a tag, path, URL or handler, or all pages in turn for
/// a prefix and for everything. If there are more, a thread looks at the others and frees the memory, which takes some seconds for a
/// million. Other threads look pages up and store them meanwhile, none of the purged pages is served, and
/// [`Stats::purges_in_progress`](crate::Stats::purges_in_progress) tells whether it goes on. Copies of hot pages that other workers
/// have are freed as these workers copy further pages.
impl PageCache {
    /// Removes the pages of a path, on every host, with every query, in all variants.
    ///
    /// The path may be percent-encoded: `"/tags/über"` is the same as `"/tags/%C3%BCber"`. Dot segments (RFC 3986 6.2.2.3),
    /// repeated slashes and a slash at the end make no difference: `"/posts/1"` also selects what a client requested as `//posts/1/`,
    /// which `NormalizePath` may have made the same page.
    ///
    /// # Errors
    ///
    /// Fails if the path does not begin with a slash, or contains a query or a fragment.
    #[doc(alias("invalidate", "evict", "delete"))]
    pub fn purge_path(&self, path: &str) -> PurgeFuture {
        self.purge_parsed(PurgeMode::Remove, parse::to_path(path))
    }

    /// Makes the pages stale that [`purge_path`](Self::purge_path) would remove (soft purge).
    ///
    /// # Errors
    ///
    /// As [`purge_path`](Self::purge_path).
    #[doc(alias("soft_purge", "revalidate_path"))]
    pub fn expire_path(&self, path: &str) -> PurgeFuture {
        self.purge_parsed(PurgeMode::Expire, parse::to_path(path))
    }

    /// Removes the page of one URL, in all variants.
    ///
    /// A path with a query (`"/posts?page=2"`) selects it on every host, an absolute URL (`"https://example.com/posts?page=2"`) on one
    /// host.
    ///
    /// Scheme and host are compared with those of actix-web's `ConnectionInfo`: behind a proxy that does not send `X-Forwarded-Proto`,
    /// the scheme is `http`. The query is compared as the handler's attribute specifies: with `query = ["page"]`, other parameters and
    /// the order of parameters are ignored. Equivalent URLs are one (RFC 9110 4.2.3, RFC 3986 6.2): default ports, the case of scheme
    /// and host, user information and the spelling of the query (`%61` for `a`, `+` for `%20`) make no difference.
    ///
    /// # Errors
    ///
    /// Fails if the string is neither a path nor an absolute `http` or `https` URL, or contains a fragment.
    pub fn purge_url(&self, url: &str) -> PurgeFuture {
        self.purge_parsed(PurgeMode::Remove, parse::to_url(url))
    }

    /// Makes the page stale that [`purge_url`](Self::purge_url) would remove (soft purge).
    ///
    /// # Errors
    ///
    /// As [`purge_url`](Self::purge_url).
    pub fn expire_url(&self, url: &str) -> PurgeFuture {
        self.purge_parsed(PurgeMode::Expire, parse::to_url(url))
    }

    /// Removes the pages of all paths that begin with a prefix.
    ///
    /// The prefix need not end at a segment: `"/posts"` also selects `/posts-archive`. Write `"/posts/"` for the paths below `/posts`.
    ///
    /// It looks at every page of the cache.
    ///
    /// # Errors
    ///
    /// Fails if the prefix does not begin with a slash, contains a query or a fragment, or is `"/"`, which would select every page.
    #[doc(alias("ban", "wildcard"))]
    pub fn purge_prefix(&self, prefix: &str) -> PurgeFuture {
        self.purge_parsed(PurgeMode::Remove, parse::to_prefix(prefix))
    }

    /// Makes the pages stale that [`purge_prefix`](Self::purge_prefix) would remove (soft purge).
    ///
    /// # Errors
    ///
    /// As [`purge_prefix`](Self::purge_prefix).
    pub fn expire_prefix(&self, prefix: &str) -> PurgeFuture {
        self.purge_parsed(PurgeMode::Expire, parse::to_prefix(prefix))
    }

    /// Removes the pages with a tag, set by the attribute's `tags` or by [`PageControl::tag`](crate::PageControl::tag).
    ///
    /// # Errors
    ///
    /// Fails if the tag is not valid: it is empty, longer than 256 bytes, contains a control character, or begins or ends with white
    /// space.
    #[doc(alias("invalidate", "invalidation", "surrogate_key", "cache_tag"))]
    pub fn purge_tag(&self, tag: &str) -> PurgeFuture {
        self.purge_parsed(PurgeMode::Remove, parse::to_tag(tag))
    }

    /// Makes the pages with a tag stale (soft purge).
    ///
    /// # Errors
    ///
    /// As [`purge_tag`](Self::purge_tag).
    #[doc(alias("soft_purge", "revalidate_tag"))]
    pub fn expire_tag(&self, tag: &str) -> PurgeFuture {
        self.purge_parsed(PurgeMode::Expire, parse::to_tag(tag))
    }

    /// Removes the pages of a handler.
    ///
    /// The name is that in [`Stats`](crate::Stats): `"module::path::function"`, or the attribute's `name`.
    ///
    /// # Errors
    ///
    /// Fails if the name is empty. An unknown name is not an error, because a handler is registered at its first request.
    pub fn purge_handler(&self, name: &str) -> PurgeFuture {
        self.purge_parsed(PurgeMode::Remove, parse::to_handler(name))
    }

    /// Makes the pages of a handler stale (soft purge).
    ///
    /// # Errors
    ///
    /// As [`purge_handler`](Self::purge_handler).
    pub fn expire_handler(&self, name: &str) -> PurgeFuture {
        self.purge_parsed(PurgeMode::Expire, parse::to_handler(name))
    }

    /// Removes all pages.
    ///
    /// Until their memory is free, they count in [`Stats::bytes`](crate::Stats::bytes), but not in [`Stats::pages`](crate::Stats::pages).
    ///
    /// # Errors
    ///
    /// Never fails.
    #[doc(alias("invalidate", "clear", "flush"))]
    pub fn purge_all(&self) -> PurgeFuture {
        self.purge(PurgeMode::Remove, &PurgeSelector::All)
    }

    /// Makes all pages stale (soft purge). It looks at every page.
    ///
    /// # Errors
    ///
    /// Never fails.
    pub fn expire_all(&self) -> PurgeFuture {
        self.purge(PurgeMode::Expire, &PurgeSelector::All)
    }

    fn purge_parsed(&self, mode: PurgeMode, selector: Result<PurgeSelector, PurgeError>) -> PurgeFuture {
        match selector {
            Ok(selector) => self.purge(mode, &selector),
            Err(error) => PurgeFuture::new(Err(error)),
        }
    }

    /// Purges this cache and its named caches, and begins the purge of their remote stores.
    pub(crate) fn purge(&self, mode: PurgeMode, selector: &PurgeSelector) -> PurgeFuture {
        let local = selector.to_local();
        let (mut purges, mut acks, mut refills) = (SmallVec::new(), Vec::new(), Vec::new());
        for cache in self.with_named() {
            let urls = cache.hottest_urls(&local);
            if !urls.is_empty() {
                refills.push((cache.clone(), urls));
            }
            // The remote purge is queued first. Until it completes, pages from that store are checked against the queue.
            acks.extend(cache.remote().map(|remote| (cache, remote, remote.purge(mode, selector))));
            let purge = cache.store().purge(mode, &local, cache.clock().now());
            record_purge(cache.observer(), cache.store(), mode, &local, &purge);
            purges.push(purge);
        }
        local_copies::drop_unusable();
        let purges = LocalPurges::new(purges);
        tracing::debug!(target: "cache_page", mode = mode.as_str(), selector = local.as_str(), pages = purges.pages(), "purged");
        let mut future = PurgeFuture::new(Ok(purges));
        future.set_refills(refills);
        for (cache, remote, ack) in acks {
            future.add_remote(cache, remote, ack);
        }
        future
    }
}
