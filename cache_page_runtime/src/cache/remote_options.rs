//! The options of a cache's remote store.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::builder::PageCacheBuilder;
use crate::{
    cache_name::CacheName,
    remote::{RemoteStore, RemoteTier},
    time::bounded,
};

impl PageCacheBuilder {
    /// Sets Redis or Valkey as the [remote store](crate::remote). The URL is `redis://[user][:password@]host[:port][/database]`, or
    /// another one that [`RedisStore::open`](crate::RedisStore::open) takes.
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// let cache = PageCache::builder().redis("redis://localhost:6379").build();
    /// # drop(cache);
    /// ```
    ///
    /// The hash of the executable is part of the key, so processes of two builds do not share pages, unless they have the same
    /// [`version`](Self::version) or [`key_prefix`](Self::key_prefix). Two deployments that use one database need different prefixes.
    ///
    /// # Panics
    ///
    /// If the URL is invalid. [`remote_store`](Self::remote_store) takes a `RedisStore` whose creation returns an error instead.
    #[cfg(feature = "redis")]
    #[track_caller]
    pub fn redis(self, url: impl AsRef<str>) -> Self {
        match crate::RedisStore::open(url) {
            Ok(store) => self.remote_store(store),
            #[allow(clippy::panic)]
            Err(error) => panic!("{error}"),
        }
    }

    /// Sets the [remote store](crate::remote) that several processes share. None by default.
    #[doc(alias("l2", "distributed", "shared_cache"))]
    pub fn remote_store(mut self, store: impl RemoteStore) -> Self {
        self.remote_store = Some(Arc::new(store));
        #[cfg(feature = "disk")]
        {
            self.disk.folder = None;
        }
        self
    }

    /// Stores pages in a folder on disk, behind the memory of one process: they survive restarts, and may be more than fit in memory.
    /// [`DiskStore`](crate::DiskStore) describes it. Replaces another remote store.
    ///
    /// ```no_run
    /// use cache_page::PageCache;
    ///
    /// let cache = PageCache::builder().disk("var/cache").version("2026-11-29").build();
    /// # drop(cache);
    /// ```
    ///
    /// Pages have up to [`disk_capacity`](Self::disk_capacity) bytes. Without a [`version`](Self::version), the pages of one build are
    /// not used by the next one.
    ///
    /// A folder that cannot be used is logged, and the cache works in memory.
    #[cfg(feature = "disk")]
    pub fn disk(mut self, folder: impl Into<PathBuf>) -> Self {
        self.disk.folder = Some(folder.into());
        self
    }

    /// Sets how many bytes of pages the [disk](Self::disk) has. Defaults to 1 GiB. Those that were stored first are evicted first, except
    /// for those that were looked up since.
    #[cfg(feature = "disk")]
    pub fn disk_capacity(mut self, bytes: u64) -> Self {
        self.disk.capacity = bytes;
        self
    }

    /// Sets the version of the site's pages, for the [remote store](crate::remote). Builds with the same version use the pages of one
    /// another, and builds with different ones do not, so both have their own while a deploy replaces one with the other.
    ///
    /// By default, each build has its own pages, and is known by the hash of its executable. That is always safe, but a deploy starts
    /// without pages. Set a version that changes whenever a page does, for example with its templates, and not with each build:
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// let cache = PageCache::builder().version("2026-11-29").build();
    /// # drop(cache);
    /// ```
    ///
    /// Handlers are then identified by their name and that of their type. Purges reach the pages of all versions with the same
    /// [`key_prefix`](Self::key_prefix). If both are set, pages are shared between builds that have both in common.
    ///
    /// # Panics
    ///
    /// If the version is empty.
    #[track_caller]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        let version = version.into();
        assert!(!version.is_empty(), "the version must not be empty");
        self.version = Some(version);
        self
    }

    /// Serves the pages of the [version](Self::version) before this one as stale pages, for this time after the process has started, while
    /// those of this version are made. Defaults to zero: a version serves no page of another one.
    ///
    /// It applies to handlers with `stale_while_revalidate`, whose visitors are served the old page while the handler runs in the
    /// background. Visitors of other handlers wait for the new page. Set it only if pages of the last version are acceptable for a moment: if
    /// they refer to scripts or styles that the new version still has, for example. Purge everything, or leave it at zero, when a version
    /// corrects what a page must not contain: its pages have the same keys. During this time, each miss of such a handler costs one more
    /// lookup, or two if the page varies.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use cache_page::PageCache;
    ///
    /// let hour = Duration::from_secs(3600);
    /// let cache = PageCache::builder().version("2026-11-29").stale_across_versions(hour).build();
    /// # drop(cache);
    /// ```
    ///
    /// Without a `version`, or without a [remote store](crate::remote), it has no effect.
    pub fn stale_across_versions(mut self, time: Duration) -> Self {
        self.remote_options.stale_across_versions = bounded(time);
        self
    }

    /// Sets how long a request or a purge waits for a reply of the [remote store](crate::remote). Defaults to 50 milliseconds.
    ///
    /// Without a reply, a lookup counts as a miss: the handler runs. A purge that is not confirmed by then is still delivered
    /// ([`RemotePurge::Pending`](crate::RemotePurge::Pending)).
    pub fn remote_timeout(mut self, time: Duration) -> Self {
        self.remote_options.timeout = bounded(time);
        self
    }

    /// Sets how long a page is served from local memory before the [remote store](crate::remote) has to confirm it. Defaults to 60
    /// seconds.
    ///
    /// A page that is confirmed is not sent again by the remote store; for that it stays in local memory, within
    /// [`max_bytes`](Self::max_bytes).
    ///
    /// With zero, each request asks the remote store, so a purge by another process takes effect as soon as it was awaited there.
    /// While the remote store is unavailable, each request then runs its handler.
    pub fn local_ttl(mut self, time: Duration) -> Self {
        self.remote_options.local_ttl = bounded(time);
        self
    }

    /// Sets the longest time that a page is served from local memory after another process has purged it. Defaults to one second.
    ///
    /// Purges are usually received within a millisecond. While the [remote store](crate::remote) is unavailable, a purge is not
    /// received, so a page is served from local memory only until this time has passed since its handler was started, or since the
    /// connection was lost. Then its handler runs again, once for each of these times, until the connection is back.
    ///
    /// So this is also how stale pages may be during an outage: with 30 seconds, handlers run at most twice a minute for each page.
    pub fn max_purge_lag(mut self, time: Duration) -> Self {
        self.remote_options.max_purge_lag = bounded(time);
        self
    }

    /// Sets whether concurrent requests of several processes are coalesced: one process runs the handler, and the others wait for its
    /// response. Defaults to `true`. Without a [remote store](crate::remote) it has no effect.
    pub fn coalesce_across_processes(mut self, enabled: bool) -> Self {
        self.remote_options.coalesce_across_processes = enabled;
        self
    }

    /// Keeps the purges that the [remote store](crate::remote) has not executed in a folder of this machine, so that the next process
    /// delivers them. By default they are lost when this process ends, and pages that were purged while the store was unavailable
    /// may be served later.
    ///
    /// A purge is written when the first attempt to deliver it has failed. Processes with the same `key_prefix` may share the folder.
    /// If a file in it is damaged, everything is purged. The folder has no pages, but paths and tags; it is created for the
    /// current user only.
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// let cache = PageCache::builder().purge_journal("var/purges").build();
    /// # drop(cache);
    /// ```
    pub fn purge_journal(mut self, folder: impl Into<PathBuf>) -> Self {
        self.purge_journal = Some(folder.into());
        self
    }

    /// Starts the thread of the remote store. Without it the cache works too, in local memory only.
    pub(super) fn remote_tier(&self, name: &CacheName) -> Option<RemoteTier> {
        let store = self.open_remote_store()?;
        let version = self.version.as_deref();
        let journal = self.purge_journal.clone();
        RemoteTier::new(store, name, self.remote_options, &self.config.key_prefix, version, journal)
            .inspect_err(|error| {
                tracing::error!(
                    target: "cache_page",
                    %error,
                    "the remote store is not used, because its thread cannot be started"
                );
            })
            .ok()
    }

    fn open_remote_store(&self) -> Option<Arc<dyn RemoteStore>> {
        #[cfg(feature = "disk")]
        if let Some(folder) = &self.disk.folder {
            let store = crate::DiskStore::open(folder, self.disk.capacity).inspect_err(|error| {
                tracing::error!(target: "cache_page", %error, "the cache on disk is not used");
            });
            return Some(Arc::new(store.ok()?));
        }
        self.remote_store.clone()
    }
}
