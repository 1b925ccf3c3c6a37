//! Options for a cache.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use http::header::HeaderName;

use crate::{
    cache::page_cache::{Inner, PageCache, Timeouts},
    coalesce::{flight::Flights, uncacheable_keys::UncacheableKeys},
    http::credentials,
    observe::{CacheStatusHeader, Observer},
    remote::{LocalCache, RemoteOptions, RemoteStore, RemoteTier},
    store::{Store, StreamBudget},
    time::{clock::Clock, manual::ManualClock},
};

const DEFAULT_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Options for a [`PageCache`]; made by [`PageCache::builder`].
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `build` is called"]
pub struct PageCacheBuilder {
    max_bytes: usize,
    max_body: Option<usize>,
    credentials: Vec<HeaderName>,
    cache_status: CacheStatusHeader,
    obeys_clients: bool,
    clock: Clock,
    times: Timeouts,
    named: Vec<(String, PageCache)>,
    is_off: bool,
    key_prefix: String,
    vary: Vec<HeaderName>,
    targeted_cache_control: Option<HeaderName>,
    remote_store: Option<Arc<dyn RemoteStore>>,
    remote: RemoteOptions,
}

impl Default for PageCacheBuilder {
    fn default() -> Self {
        Self {
            max_bytes: DEFAULT_MAX_BYTES,
            max_body: None,
            credentials: credentials::default_headers(),
            cache_status: CacheStatusHeader::Full,
            obeys_clients: false,
            clock: Clock::System,
            times: Timeouts {
                coalesce_timeout: Duration::from_secs(5),
                fill_timeout: Duration::from_secs(30),
                refresh_backoff: Duration::from_secs(5),
                jitter: 0.0,
                eager: false,
            },
            named: Vec::new(),
            is_off: false,
            key_prefix: String::new(),
            vary: Vec::new(),
            targeted_cache_control: None,
            remote_store: None,
            remote: RemoteOptions::default(),
        }
    }
}

impl PageCacheBuilder {
    /// The most bytes that all pages together may take: bodies, headers, keys and bookkeeping. 64 MiB by default.
    ///
    /// When a page needs room, those go that nobody asked for a second time, then those that nobody asked for since their
    /// turn came last. A page that would take more than a quarter of it is not kept.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The longest body that is kept, in bytes. An eighth of [`max_bytes`](Self::max_bytes) by default.
    ///
    /// A longer one is sent as if there were no cache.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// One more request header that carries credentials, beside `Authorization`, `Cookie`, `Proxy-Authorization`,
    /// `X-Api-Key` and others that usually do.
    ///
    /// Requests with such a header pass open pages by: handlers that take an `HttpRequest` may read any header. All
    /// other pages cannot see it unless their arguments say so.
    pub fn credential_header(mut self, name: HeaderName) -> Self {
        if !self.credentials.contains(&name) {
            self.credentials.push(name);
        }
        self
    }

    /// How much the `Cache-Status` header of responses tells; everything by default. It never tells a key.
    pub fn cache_status(mut self, level: CacheStatusHeader) -> Self {
        self.cache_status = level;
        self
    }

    /// Whether the `Cache-Control` of requests counts (RFC 9111 5.2.1): `no-cache`, `max-age` and `min-fresh` have a new
    /// page made, `no-store` passes the cache by, and `only-if-cached` is answered with 504 where there is no page.
    ///
    /// Off by default, because any client could switch the cache off: its handlers would run for whoever asks.
    pub fn honor_request_cache_control(mut self, obey: bool) -> Self {
        self.obeys_clients = obey;
        self
    }

    /// How long a request waits for a page that another one is just making, before it runs the handler itself. 5 seconds by
    /// default.
    pub fn coalesce_timeout(mut self, time: Duration) -> Self {
        self.times.coalesce_timeout = time;
        self
    }

    /// How long a handler may take before somebody else is let have a try. 30 seconds by default.
    ///
    /// One that takes longer goes on for its own client, and one of those that wait for its page runs it too. Where a page
    /// whose time is over may stand in (`stale_if_error`), that one is sent instead, and the handler's future is dropped, as
    /// it is where a client goes away; the same goes for one that runs in the background.
    pub fn fill_timeout(mut self, time: Duration) -> Self {
        self.times.fill_timeout = time;
        self
    }

    /// How long after a failure a stale page is not tried to be made anew. 5 seconds by default, twice as long after each
    /// further failure, up to sixteen times.
    pub fn refresh_backoff(mut self, time: Duration) -> Self {
        self.times.refresh_backoff = time;
        self
    }

    /// Shortens the lifetime of each page by a random part of it, `most` at most: `0.1` is up to a tenth. 0 by default.
    ///
    /// Pages that were made together, after a start for instance, do not all end together then.
    ///
    /// # Panics
    ///
    /// If it is not from 0 to 1.
    #[track_caller]
    pub fn ttl_jitter(mut self, most: f64) -> Self {
        assert!((0.0..=1.0).contains(&most), "a lifetime is shortened by a part of it, from 0.0 to 1.0");
        self.times.jitter = most;
        self
    }

    /// Whether a page that is often asked for is made anew shortly before its time is over. Off by default.
    ///
    /// One request does it, chosen by lot: the nearer the end and the slower the handler, the likelier, so that pages which
    /// nobody asks for are not made anew. With `stale_while_revalidate` it is done in the background; without it that one
    /// request waits for its handler, and all others are answered from the page meanwhile.
    pub fn refresh_ahead(mut self, eager: bool) -> Self {
        self.times.eager = eager;
        self
    }

    /// Another cache beside this one, with limits of its own, for the handlers whose attribute says `cache = "name"`.
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// let downloads = PageCache::builder().max_bytes(1 << 30).build();
    /// let cache = PageCache::builder().named_cache("downloads", downloads).build();
    /// assert!(cache.named("downloads").is_some());
    /// ```
    ///
    /// What is purged here is purged there too. A handler that says a name which is not here is not cached
    /// (`unknown-cache`), and the log tells so, once a minute.
    ///
    /// # Panics
    ///
    /// If the name is empty or given twice.
    #[track_caller]
    pub fn named_cache(mut self, name: impl Into<String>, cache: PageCache) -> Self {
        let name = name.into();
        assert!(!name.is_empty(), "the name of a cache is not empty");
        assert!(
            self.named.iter().all(|(there, _)| *there != name),
            "there is a cache of the name {name:?} already"
        );
        self.named.push((name, cache));
        self
    }

    /// Whether anything is kept at all; yes by default. With `false`, all requests pass the cache by (`off`):
    ///
    /// ```
    /// # use cache_page::PageCache;
    /// let cache = PageCache::builder().enabled(!cfg!(debug_assertions)).build();
    /// # drop(cache);
    /// ```
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.is_off = !enabled;
        self
    }

    /// The prefix of the keys of all handlers whose attribute has no `key_prefix`.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_prefix = prefix.into();
        self
    }

    /// One more request header of which each value has a page, of all handlers, as by the attribute's `vary`.
    pub fn vary(mut self, header: HeaderName) -> Self {
        if !self.vary.contains(&header) {
            self.vary.push(header);
        }
        self
    }

    /// A response header by which handlers speak to this cache alone, as by a [`PageControl`](crate::PageControl); none by
    /// default. It is removed from every response of a cached handler.
    ///
    /// It is a targeted field (RFC 9213), a Dictionary of Structured Fields: `max-age`, `stale-while-revalidate`,
    /// `stale-if-error` in seconds, `no-store`, and, for this cache only, `tags=("posts" "post:1")` and
    /// `vary=("accept-language")`. A response whose header cannot be read is not kept (`control`), and the log tells why.
    /// What `Cache-Control` forbids stays forbidden.
    pub fn targeted_cache_control(mut self, name: HeaderName) -> Self {
        self.targeted_cache_control = Some(name);
        self
    }

    /// Configures Redis or Valkey as the [remote store](crate::remote), by a URL such as
    /// `redis://[user][:password@]host[:port][/database]`; see [`RedisStore::open`](crate::RedisStore::open).
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// let cache = PageCache::builder().redis("redis://localhost:6379").build();
    /// # drop(cache);
    /// ```
    ///
    /// Processes share their pages if they run the same executable, byte for byte: two versions of a program side by side do
    /// not. With a [`key_prefix`](Self::key_prefix), processes share their pages if they have the same prefix. Two
    /// deployments in one database need different prefixes.
    ///
    /// # Panics
    ///
    /// Panics if the URL is invalid. Use [`remote_store`](Self::remote_store) with a
    /// [`RedisStore`](crate::RedisStore) to get an error instead.
    #[cfg(feature = "redis")]
    #[track_caller]
    pub fn redis(self, url: impl AsRef<str>) -> Self {
        match crate::RedisStore::open(url) {
            Ok(store) => self.remote_store(store),
            #[allow(clippy::panic)]
            Err(error) => panic!("{error}"),
        }
    }

    /// Sets the [remote store](crate::remote) that this cache shares with other processes. None by default.
    pub fn remote_store(mut self, store: impl RemoteStore) -> Self {
        self.remote_store = Some(Arc::new(store));
        self
    }

    /// Sets the time that a request or purge waits for the [remote store](crate::remote). Defaults to 50 milliseconds.
    ///
    /// When it has elapsed, a request runs its handler as if the page were not stored.
    pub fn remote_timeout(mut self, time: Duration) -> Self {
        self.remote.timeout = time;
        self
    }

    /// Sets the time that a page is served from local memory before it is revalidated in the
    /// [remote store](crate::remote). Defaults to 60 seconds.
    ///
    /// A page to be revalidated stays in local memory, within [`max_bytes`](Self::max_bytes), so that the store does not
    /// have to send it again if it is unchanged.
    ///
    /// With zero, each request asks the remote store: a page that another process has purged is not served once that purge
    /// was awaited. While the store is unavailable, each request then runs its handler.
    pub fn local_ttl(mut self, time: Duration) -> Self {
        self.remote.local_ttl = time;
        self
    }

    /// Sets the longest time that a page is served from local memory after another process has purged it. Defaults to one
    /// second.
    ///
    /// A purge usually arrives in less than a millisecond. This option bounds the time when it does not: if the process has
    /// not heard from the [remote store](crate::remote) for that long, it does not serve from local memory, and requests run
    /// their handlers. A longer time serves more requests from local memory while the store is unavailable.
    pub fn max_purge_lag(mut self, time: Duration) -> Self {
        self.remote.max_purge_lag = time;
        self
    }

    /// Sets whether one process runs the handler for a page while the others wait for its response. Defaults to `true`.
    ///
    /// This option has no effect without a [remote store](crate::remote).
    pub fn coalesce_across_processes(mut self, enabled: bool) -> Self {
        self.remote.coalesce_across_processes = enabled;
        self
    }

    /// A clock that is moved by hand, for tests.
    pub fn clock(mut self, clock: ManualClock) -> Self {
        self.clock = Clock::Manual(clock);
        self
    }

    /// An empty cache with these options.
    #[must_use]
    pub fn build(self) -> PageCache {
        let inner = Arc::new(Inner {
            tier: self.remote_store.and_then(|store| tier(store, self.remote, &self.key_prefix)),
            store: Arc::new(Store::new(self.max_bytes)),
            clock: self.clock,
            max_body: self.max_body.unwrap_or(self.max_bytes / 8),
            credentials: self.credentials.into(),
            obeys_clients: self.obeys_clients,
            observer: Observer::new(self.cache_status),
            flights: Arc::new(Flights::new()),
            apart: UncacheableKeys::new(),
            gathered: StreamBudget::new(self.max_bytes / 4),
            times: self.times,
            named: self.named.into(),
            is_off: self.is_off,
            key_prefix: self.key_prefix,
            vary: self.vary.into(),
            targeted_cache_control: self.targeted_cache_control,
        });
        if let Some(tier) = &inner.tier {
            let local: Weak<dyn LocalCache> = Arc::downgrade(&inner) as _;
            tier.start(local);
        }
        PageCache { inner }
    }
}

/// Creates the remote tier. If its thread cannot be started, the cache works without it.
fn tier(store: Arc<dyn RemoteStore>, options: RemoteOptions, key_prefix: &str) -> Option<RemoteTier> {
    RemoteTier::new(store, options, key_prefix)
        .inspect_err(|error| {
            tracing::error!(target: "cache_page", %error, "no remote store: its thread cannot be started");
        })
        .ok()
}
