//! Options for a cache.

use std::{sync::Arc, time::Duration};

use http::header::HeaderName;

use crate::{
    cache::page_cache::{Inner, PageCache, Timeouts},
    coalesce::{flight::Flights, uncacheable_keys::UncacheableKeys},
    http::credentials,
    observe::{CacheStatusHeader, Observer},
    remote::{RemoteOptions, RemoteStore, RemoteTier},
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
    shared: Option<Arc<dyn RemoteStore>>,
    terms: RemoteOptions,
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
            shared: None,
            terms: RemoteOptions::default(),
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
    /// let cache = PageCache::builder().named("downloads", downloads).build();
    /// assert!(cache.find("downloads").is_some());
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

    /// Redis or Valkey as the [shared tier](crate::remote): `redis://[user][:password@]host[:port][/database]`, and what else
    /// [`RedisStore::open`](crate::RedisStore::open) takes.
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// let cache = PageCache::builder().redis("redis://localhost:6379").build();
    /// # drop(cache);
    /// ```
    ///
    /// Processes share the pages of one program, byte for byte: two versions of it side by side do not see each other's. With a
    /// [`key_prefix`](Self::key_prefix) they do, and processes with another prefix see nothing of it. Two deployments on one database want
    /// a prefix each.
    ///
    /// # Panics
    ///
    /// If it is no such URL. Use [`shared`](Self::shared) with a `RedisStore` to be told of that by an error.
    #[cfg(feature = "redis")]
    #[track_caller]
    pub fn redis(self, url: impl AsRef<str>) -> Self {
        match crate::RedisStore::open(url) {
            Ok(store) => self.remote_store(store),
            #[allow(clippy::panic)]
            Err(error) => panic!("{error}"),
        }
    }

    /// An engine in which other processes find the pages of this one: the [shared tier](crate::remote).
    pub fn remote_store(mut self, store: impl RemoteStore) -> Self {
        self.shared = Some(Arc::new(store));
        self
    }

    /// How long the [shared tier](crate::remote) is waited for, by each request and purge. 50 milliseconds by default.
    ///
    /// What comes later counts as missing: the handler runs.
    pub fn remote_timeout(mut self, time: Duration) -> Self {
        self.terms.timeout = time;
        self
    }

    /// How long a page is sent from the memory of this process before the [shared tier](crate::remote) is asked for it again. 60 seconds by
    /// default. Where it is still as it was, that tier may only say so, which saves the sending of long pages: for that it stays in memory,
    /// within [`max_bytes`](Self::max_bytes).
    ///
    /// Zero is not at all: each request asks the shared tier, and what was purged by another process is not sent from the moment
    /// when its purge was awaited. While that tier is out of reach, each request runs its handler then.
    pub fn local_ttl(mut self, time: Duration) -> Self {
        self.terms.local_ttl = time;
        self
    }

    /// The longest time that a page is sent from the memory of this process after another one has purged it. One second by default.
    ///
    /// Purges are usually heard of in less than a millisecond. This is for when they are not: when nothing was heard from the
    /// [shared tier](crate::remote) for that long, its copies in memory are not trusted, and handlers run, until it is back. A longer time serves
    /// more from memory while the tier is out of reach.
    pub fn max_purge_lag(mut self, time: Duration) -> Self {
        self.terms.max_purge_lag = time;
        self
    }

    /// Whether one process makes a page for all others, which wait for it; yes by default, where there is a
    /// [shared tier](crate::remote).
    pub fn coalesce_across_processes(mut self, one: bool) -> Self {
        self.terms.coalesce_across_processes = one;
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
            tier: self.shared.and_then(|store| tier(store, self.terms, &self.key_prefix)),
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
            tier.start(Arc::downgrade(&inner));
        }
        PageCache { inner }
    }
}

/// A cache without it works too.
fn tier(store: Arc<dyn RemoteStore>, terms: RemoteOptions, key_prefix: &str) -> Option<RemoteTier> {
    RemoteTier::new(store, terms, key_prefix)
        .inspect_err(|error| {
            tracing::error!(target: "cache_page", %error, "there is no shared tier: its thread cannot be started");
        })
        .ok()
}
