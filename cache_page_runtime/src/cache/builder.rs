//! The options of a cache.

use std::{
    path::PathBuf,
    sync::{Arc, Weak},
    time::Duration,
};

use actix_web::HttpRequest;
use http::header::HeaderName;

#[cfg(feature = "disk")]
use super::disk_options::DiskOptions;
use super::{
    build_site::BuildSite,
    config::{Config, HonorDirectives},
    encoder::Encoder,
    page_cache::{Inner, PageCache},
    refill::RefillQueue,
    warm_up::WarmUps,
};
#[cfg(feature = "metrics")]
use crate::observe::describe_metrics;
use crate::{
    cache_name::CacheName,
    coalesce::{Flights, UncacheableKeys},
    http::IgnoredQuery,
    observe::{CacheStatusHeader, Observer},
    policy::assert_has_encoder,
    remote::{LocalCache, RemoteOptions, RemoteStore},
    store::{Store, StreamBudget},
    time::{bounded, clock::Clock, manual::ManualClock},
};

const DEFAULT_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Builds a [`PageCache`]. Created by [`PageCache::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct PageCacheBuilder {
    name: Option<String>,
    max_bytes: usize,
    max_body: Option<usize>,
    pub(super) config: Config,
    cache_status: CacheStatusHeader,
    named: Vec<(String, PageCache)>,
    pub(super) remote_store: Option<Arc<dyn RemoteStore>>,
    #[cfg(feature = "disk")]
    pub(super) disk: DiskOptions,
    pub(super) remote_options: RemoteOptions,
    pub(super) version: Option<String>,
    pub(super) purge_journal: Option<PathBuf>,
}

impl PageCache {
    /// Creates an empty cache with the default options, unlike [`global`](Self::global), which is the same in the whole process.
    // `PageCache::default()` would look like the cache that Apps use by default.
    #[allow(clippy::new_without_default)]
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Creates a cache that stores nothing: all requests bypass it. For development, and for tests of handlers.
    #[must_use]
    #[track_caller]
    pub fn disabled() -> Self {
        Self::builder().enabled(false).build()
    }

    /// Creates a builder with the default options.
    pub fn builder() -> PageCacheBuilder {
        PageCacheBuilder::default()
    }
}

impl Default for PageCacheBuilder {
    fn default() -> Self {
        Self {
            name: None,
            max_bytes: DEFAULT_MAX_BYTES,
            max_body: None,
            config: Config::new(DEFAULT_MAX_BYTES),
            cache_status: CacheStatusHeader::Full,
            named: Vec::new(),
            remote_store: None,
            #[cfg(feature = "disk")]
            disk: DiskOptions::default(),
            remote_options: RemoteOptions::default(),
            version: None,
            purge_journal: None,
        }
    }
}

impl PageCacheBuilder {
    /// Names the cache in metrics and logs. Defaults to the name under which it was added with [`named_cache`](Self::named_cache), else
    /// `default`, `default-2` and so on, in the order of the first requests.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the size of the cache in bytes: bodies, headers, keys and bookkeeping of all pages. Defaults to 64 MiB.
    ///
    /// Pages that were requested once are evicted first (S3-FIFO). A page that would take more than a quarter of the cache is not
    /// stored.
    #[doc(alias("capacity", "max_size", "memory_limit"))]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Sets the length of the longest body that is stored, in bytes. Defaults to an eighth of [`max_bytes`](Self::max_bytes).
    ///
    /// A longer body is sent without being stored.
    #[doc(alias("max_file_size", "max_body_size"))]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = Some(bytes);
        self
    }

    /// Adds a response header that is about one request, as an identifier or a counter is. The response is stored without it: the
    /// client of the fill is sent the header, and others are not.
    ///
    /// ```
    /// use actix_web::http::header::HeaderName;
    /// use cache_page::PageCache;
    ///
    /// let name = HeaderName::from_static("x-served-in");
    /// let cache = PageCache::builder().per_request_header(name).build();
    /// # drop(cache);
    /// ```
    ///
    /// Without being added, these are not stored: `Server-Timing`, `Traceparent` and other headers of tracing, `X-Request-Id` and
    /// all names that end in `request-id`, `correlation-id`, `trace-id` or `transaction-id`, `X-Response-Time`, `X-Runtime` and
    /// similar ones, and all names that begin with `RateLimit` or `X-RateLimit`.
    ///
    /// A response with a header that hands a secret to one client is not stored at all (`user-specific-header`): `Authorization`,
    /// `Clear-Site-Data`, `Authentication-Info`, `X-Auth-Token`, and names with `csrf`, `xsrf`, `jwt`, `api-key`, `session-id`,
    /// `access-token` and similar ones. To add one of those, use the attribute's `no_store_if`.
    pub fn per_request_header(mut self, name: HeaderName) -> Self {
        if !self.config.per_request_headers.contains(&name) {
            self.config.per_request_headers.push(name);
        }
        self
    }

    /// Sets what the `Cache-Status` response header shows (RFC 9211). Defaults to [`CacheStatusHeader::Full`]. It never shows a key.
    #[doc(alias("x_cache"))]
    pub fn cache_status(mut self, header: CacheStatusHeader) -> Self {
        self.cache_status = header;
        self
    }

    /// Sets whether the `Cache-Control` of requests is honored (RFC 9111 5.2.1). Defaults to `false`, because any client could
    /// otherwise make handlers run.
    ///
    /// `no-cache`, `max-age` and `min-fresh` refresh a page, `no-store` bypasses the cache, and `only-if-cached` is answered with
    /// 504 if no page is stored.
    pub fn honor_request_cache_control(mut self, honor: bool) -> Self {
        self.config.honors_request_directives = HonorDirectives::Always(honor);
        self
    }

    /// Honors the `Cache-Control` of requests, as [`honor_request_cache_control`](Self::honor_request_cache_control) does, for which
    /// the function returns `true`: those of administrators, of a monitor or of a trusted network.
    ///
    /// It is called for requests with `Cache-Control` or `Pragma`, hits included, so it must be fast and must not block.
    ///
    /// ```
    /// use actix_web::HttpRequest;
    /// use cache_page::PageCache;
    ///
    /// fn is_local(request: &HttpRequest) -> bool {
    ///     request.peer_addr().is_some_and(|address| address.ip().is_loopback())
    /// }
    ///
    /// let cache = PageCache::builder().honor_request_cache_control_if(is_local).build();
    /// # drop(cache);
    /// ```
    pub fn honor_request_cache_control_if(mut self, honors: fn(&HttpRequest) -> bool) -> Self {
        self.config.honors_request_directives = HonorDirectives::If(honors);
        self
    }

    /// Sets how long a request waits for a concurrent request of the same page, before it runs the handler itself. Defaults to
    /// 5 seconds.
    #[doc(alias(
        "stampede",
        "thundering_herd",
        "dogpile",
        "single_flight",
        "cache_lock",
        "proxy_cache_lock_timeout"
    ))]
    pub fn coalesce_timeout(mut self, time: Duration) -> Self {
        self.config.timeouts.coalesce_timeout = bounded(time);
        self
    }

    /// Sets how long a handler may run before a waiting request starts a second run. Defaults to 30 seconds.
    ///
    /// The first run continues, and still answers its own client. If a stale page may be served (`stale_if_error`), that page is
    /// sent instead and the handler's future is dropped, as it is when a client disconnects. A background refresh is dropped too.
    pub fn fill_timeout(mut self, time: Duration) -> Self {
        self.config.timeouts.fill_timeout = bounded(time);
        self
    }

    /// Sets how long a stale page is not refreshed after a refresh has failed. Defaults to 5 seconds. The time doubles with each
    /// failure, up to sixteen times.
    pub fn refresh_backoff(mut self, time: Duration) -> Self {
        self.config.timeouts.refresh_backoff = bounded(time);
        self
    }

    /// Shortens each TTL by a random part of it, at most by this one: `0.1` is a tenth. Defaults to 0.
    ///
    /// Pages that were stored at the same time, for example after a start, then expire at different times.
    ///
    /// # Panics
    ///
    /// If it is not between 0 and 1.
    #[track_caller]
    pub fn ttl_jitter(mut self, max: f64) -> Self {
        assert!((0.0..=1.0).contains(&max), "the jitter is a part of the TTL, from 0.0 to 1.0");
        self.config.timeouts.ttl_jitter = max;
        self
    }

    /// Sets whether a page that is often requested is refreshed shortly before it expires. Defaults to `false`.
    ///
    /// One request is chosen at random to refresh it, with a probability that grows towards the expiry and with the time that the
    /// handler takes (`XFetch`). With `stale_while_revalidate` the refresh runs in the background; without, that request waits for
    /// its handler, and all others are answered with the page.
    #[doc(alias("early_expiration", "xfetch"))]
    pub fn refresh_ahead(mut self, enabled: bool) -> Self {
        self.config.timeouts.refresh_ahead = enabled;
        self
    }

    /// Adds a cache with options of its own, for the handlers whose attribute has `cache = "name"`.
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// let downloads = PageCache::builder().max_bytes(1 << 30).build();
    /// let cache = PageCache::builder().named_cache("downloads", downloads).build();
    /// assert!(cache.named("downloads").is_some());
    /// ```
    ///
    /// A purge of this cache purges the named caches too. A handler with a name that was not added is not cached
    /// (`unknown-cache`), and logs an error, at most once a minute.
    ///
    /// # Panics
    ///
    /// If the name is empty or was added before.
    #[track_caller]
    pub fn named_cache(mut self, name: impl Into<String>, cache: PageCache) -> Self {
        let name = name.into();
        assert!(!name.is_empty(), "the name of a cache must not be empty");
        assert!(
            self.named.iter().all(|(known, _)| *known != name),
            "a cache named {name:?} was added before"
        );
        self.named.push((name, cache));
        self
    }

    /// Sets whether the cache is used at all. Defaults to `true`. With `false`, all requests bypass it (`disabled`), and responses are
    /// sent as handlers make them, also without headers for downstream caches:
    ///
    /// ```
    /// # use cache_page::PageCache;
    /// let cache = PageCache::builder().enabled(!cfg!(debug_assertions)).build();
    /// # drop(cache);
    /// ```
    #[doc(alias("disable", "bypass"))]
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.config.enabled = enabled;
        self
    }

    /// Sets the key prefix of all handlers whose attribute has no `key_prefix`. Defaults to an empty prefix.
    #[doc(alias("namespace", "cache_version"))]
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.config.key_prefix = prefix.into();
        self
    }

    /// Stores one page per value of a request header, for all handlers, as the attribute's `vary` does for one.
    pub fn vary(mut self, header: HeaderName) -> Self {
        if !self.config.vary.contains(&header) {
            self.config.vary.push(header);
        }
        self
    }

    /// Sets a response header that is addressed to this cache (RFC 9213). It is removed from all responses of cached handlers. None
    /// by default.
    ///
    /// Its value is a Dictionary (RFC 9651) with `max-age`, `stale-while-revalidate` and `stale-if-error` in seconds, `no-store`,
    /// and two members of this cache, `tags=("posts" "post:1")` and `vary=("accept-language")`: what a
    /// [`PageControl`](crate::PageControl) sets. A response with an invalid value is not stored (`invalid-targeted-field`), and the
    /// log has the reason.
    ///
    /// A field with any directive of RFC 9111 is obeyed alone: `Cache-Control` and `Expires` are then for other caches (RFC 9213 2.2).
    /// `max-age=600` beside `Cache-Control: no-store` stores a response here and nowhere else. The response's `Age` counts. A field
    /// with nothing but `tags` and `vary` leaves `Cache-Control` in force.
    pub fn targeted_cache_control(mut self, name: HeaderName) -> Self {
        self.config.targeted_cache_control = Some(name);
        self
    }

    /// Sets whether pages are sent encoded to clients that accept it (`Accept-Encoding`, RFC 9110 12.5.3), with the codings whose
    /// features are enabled: `compress-brotli`, `compress-gzip` and `compress-zstd`. Defaults to `false`. The `compress` of an attribute
    /// or a [`Policy`](crate::Policy::compress) takes precedence.
    ///
    /// The body of a page is encoded once per coding, when the first client that prefers it is answered from the cache: at once if it
    /// has up to 2 KiB, else in actix-web's pool for blocking work. Until then, clients are sent the body as it is, or another coding
    /// that they accept. All requests share the encoded bodies, which count towards [`max_bytes`](Self::max_bytes) and are evicted
    /// before pages are. Half of the processors encode at a time. Processes with one [remote store](crate::remote) share the bodies
    /// that are encoded in the pool, so one process encodes a page.
    ///
    /// Of several codings with the same weight in `Accept-Encoding`, brotli comes first, then zstd, then gzip. Each representation has
    /// an `ETag` of its own (`"x"`, `"x-br"`, `"x-zst"`, `"x-gz"`), and all responses have `Vary: Accept-Encoding`. Ranges are served of
    /// the body as it is, to clients that accept no coding.
    ///
    /// Not encoded are bodies of less than 860 bytes or that do not become shorter, formats that are compressed already, such as images,
    /// and responses with `Content-Encoding`, `Vary: Accept-Encoding`, `Cache-Control: no-transform` or `Signature`. Neither are the
    /// response of a miss and one that bypasses the cache: actix-web's `Compress` around the App encodes those, and passes on what
    /// is encoded already. Nor are pages of one visitor, for whom [`Policy::compress`](crate::Policy::compress) describes the risk.
    ///
    /// # Panics
    ///
    /// If `compress` is `true` and none of these features is enabled.
    #[track_caller]
    #[doc(alias("gzip", "brotli", "zstd", "content_encoding"))]
    pub fn compress(mut self, compress: bool) -> Self {
        assert_has_encoder(compress);
        self.config.compresses = compress;
        self
    }

    /// Sets a clock that is advanced by hand, for tests.
    pub fn clock(mut self, clock: ManualClock) -> Self {
        self.config.clock = Clock::Manual(clock);
        self
    }

    /// Creates an empty cache with these options.
    #[must_use]
    #[track_caller]
    pub fn build(self) -> PageCache {
        let cache_name = CacheName::default();
        let remote = self.remote_tier(&cache_name);
        let Self { name, max_bytes, max_body, mut config, cache_status, named, .. } = self;
        #[cfg(feature = "metrics")]
        describe_metrics();
        let observer = Observer::new(cache_name, cache_status);
        name.iter().for_each(|name| observer.set_name(name));
        // The name under which handlers select a cache, unless that cache has another.
        named.iter().for_each(|(name, cache)| cache.observer().set_name(name));
        config.max_body = max_body.unwrap_or(max_bytes / 8);
        let ignored_query = std::mem::take(&mut config.ignored_query);
        let ignored_query: Option<&'static IgnoredQuery> =
            (!ignored_query.is_empty()).then(|| &*Box::leak(Box::new(ignored_query)));
        let inner = Arc::new(Inner {
            ignored_query,
            remote,
            config,
            store: Arc::new(Store::new(max_bytes)),
            flights: Arc::new(Flights::new()),
            uncacheable_keys: UncacheableKeys::new(),
            stream_budget: StreamBudget::new(max_bytes / 4),
            encoder: Encoder::new(),
            observer,
            named: named.into(),
            build_site: BuildSite::caller(),
            warm_ups: WarmUps::default(),
            #[cfg(feature = "inspector")]
            history: crate::observe::History::default(),
            refills: RefillQueue::default(),
        });
        if let Some(remote) = &inner.remote {
            let local: Weak<dyn LocalCache> = Arc::downgrade(&(Arc::clone(&inner) as Arc<dyn LocalCache>));
            remote.start(local);
        }
        PageCache { inner }
    }
}
