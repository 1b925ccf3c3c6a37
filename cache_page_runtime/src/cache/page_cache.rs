//! The cache itself: what its parts are, and how requests reach them.

#[cfg(feature = "inspector")]
use std::sync::Weak;
use std::{fmt, sync::Arc};

use actix_web::HttpRequest;
use http::header::HeaderName;

use super::{
    build_site::BuildSite,
    config::{Config, HonorDirectives, Timeouts},
    encoder::Encoder,
    refill::RefillQueue,
    shared_result::SharedResult,
    warm_up::WarmUps,
};
#[cfg(feature = "inspector")]
use crate::observe::History;
#[cfg(feature = "metrics")]
use crate::observe::record_activity;
use crate::{
    coalesce::{Flights, UncacheableKeys},
    http::{AllowedHosts, CredentialHeaders, IgnoredQuery, RequestDirectives, TagHeader},
    observe::{Observer, Stats, record_purge, record_sizes},
    purge::{LocalSelector, PurgeMode, StableIds},
    remote::{LocalCache, RemoteTier},
    store::{Sizes, Store, StreamBudget, local_copies},
    time::clock::Clock,
};

/// Stores pages, and purges them. A cheap handle: clones share one cache.
///
/// Put a clone into the `app_data` of each App that shares the pages, or that needs other
/// options than the default ones. Build it before `HttpServer::new`, whose closure runs once in each worker:
///
/// ```
/// use actix_web::{App, HttpServer};
/// use cache_page::PageCache;
///
/// let cache = PageCache::builder().max_bytes(256 * 1024 * 1024).build();
/// let server = HttpServer::new(move || App::new().app_data(cache.clone()));
/// # drop(server);
/// ```
///
/// A cache that is built in the closure is reported as an error in the log.
///
/// A request uses the `PageCache` or the `web::Data<PageCache>` of its App; of several, the one of the innermost scope. Apps without
/// one share the [`global`](Self::global) cache.
///
/// As a handler argument, it is the cache that the request uses.
#[derive(Clone)]
pub struct PageCache {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) config: Config,
    pub(super) store: Arc<Store>,
    pub(super) flights: Arc<Flights<SharedResult>>,
    pub(super) uncacheable_keys: UncacheableKeys,
    pub(super) stream_budget: StreamBudget,
    pub(super) encoder: Encoder,
    pub(super) observer: Observer,
    pub(super) remote: Option<RemoteTier>,
    pub(super) named: Box<[(String, PageCache)]>,
    pub(super) build_site: BuildSite,
    pub(super) warm_ups: WarmUps,
    pub(super) refills: RefillQueue,
    /// Pages refer to it.
    pub(super) ignored_query: Option<&'static IgnoredQuery>,
    #[cfg(feature = "inspector")]
    pub(super) history: History,
}

impl PageCache {
    /// Returns the cache that was added with
    /// [`PageCacheBuilder::named_cache`](crate::PageCacheBuilder::named_cache) under this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Self> {
        self.inner.named.iter().find(|(known, _)| known == name).map(|(_, cache)| cache)
    }

    /// Returns the outcomes of all requests so far, and what is stored now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let Inner { observer, store, flights, encoder, remote, .. } = &*self.inner;
        let Sizes { entries, bytes, removals } = store.sizes();
        let mut handlers = observer.counters().handlers();
        for (name, total) in store.handler_totals() {
            handlers.entry(name).or_default().set_memory(total);
        }
        Stats {
            handlers,
            pages: entries,
            bytes,
            max_bytes: store.max_bytes(),
            removals,
            purges_in_progress: store.purges_in_progress(),
            fills_in_flight: flights.count(),
            encodings: encoder.runs(),
            remote: remote.as_ref().map(RemoteTier::stats),
        }
    }

    /// Removes all expired pages. Returns the number removed so far: beyond about a thousand pages, a thread removes the rest.
    ///
    /// A cache removes some expired pages whenever it stores a page. A cache that is no longer used keeps what it has until this
    /// is called. This also removes the expired pages that wait for their revalidation, whose handlers call
    /// [`PageControl::validators`](crate::PageControl::validators).
    ///
    /// It looks at about a thousand pages, and a thread looks at more, in batches, between which other threads use the cache.
    // The number is for logs; callers are interested in the effect.
    #[allow(clippy::must_use_candidate)]
    pub fn remove_expired(&self) -> usize {
        let removed = self.inner.store.remove_expired(self.inner.config.clock.now());
        local_copies::drop_unusable();
        record_sizes(&self.inner.observer, &self.inner.store);
        removed
    }

    /// Sets the gauges of this cache and its named caches, as of now, and brings `cache_page_removed_entries_total` up to date.
    ///
    /// Call it where the metrics are read, such as in the handler of `/metrics`. The gauges of what is in memory (`cache_page_entries`,
    /// `cache_page_bytes`, `cache_page_limit_bytes`) are also set after each run of a handler and each purge, but not when a page expires;
    /// `cache_page_fills_in_flight`, `cache_page_remote_available` and `cache_page_remote_pending_purges` are only set here. Caches that are
    /// not named caches of one another are recorded one by one.
    #[cfg(feature = "metrics")]
    pub fn record_metrics(&self) {
        for cache in self.with_named() {
            let Inner { observer, store, flights, remote, .. } = &*cache.inner;
            record_sizes(observer, store);
            let remote = remote.as_ref().map(|remote| (remote.stats(), remote.pending_purges()));
            record_activity(observer, flights.count(), remote);
        }
    }

    /// Logs an error if each worker has a cache of its own, at the first request.
    #[inline]
    pub(crate) fn check_shared_by_workers(&self, request: &HttpRequest) {
        self.inner.build_site.check(request);
    }

    /// Returns this cache without a name, or its named cache.
    #[inline]
    pub(crate) fn select(&self, name: Option<&str>) -> Option<&Self> {
        match name {
            None => Some(self),
            Some(name) => self.named(name),
        }
    }

    /// Returns this cache and its named caches.
    pub(crate) fn with_named(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.inner.named.iter().map(|(_, cache)| cache))
    }

    /// Returns whether both are handles of one cache.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.inner.store
    }

    /// Returns the fills in flight.
    pub(crate) fn flights(&self) -> &Arc<Flights<SharedResult>> {
        &self.inner.flights
    }

    /// Returns the keys whose requests are not coalesced.
    pub(crate) fn uncacheable_keys(&self) -> &UncacheableKeys {
        &self.inner.uncacheable_keys
    }

    /// Returns the budget for copies of streamed bodies.
    pub(crate) fn stream_budget(&self) -> &StreamBudget {
        &self.inner.stream_budget
    }

    pub(crate) fn encoder(&self) -> &Encoder {
        &self.inner.encoder
    }

    /// Returns whether pages are encoded if the policy of their handler says nothing else.
    pub(crate) fn compresses(&self) -> bool {
        self.inner.config.compresses
    }

    pub(crate) fn observer(&self) -> &Observer {
        &self.inner.observer
    }

    #[inline]
    pub(crate) fn remote(&self) -> Option<&RemoteTier> {
        self.inner.remote.as_ref()
    }

    /// Returns whether entries need the ids that a remote store purges by, or the names of their tags, for the headers of a page that
    /// a 304 confirms.
    pub(crate) fn stable_ids(&self) -> StableIds {
        let sends_tags = !self.inner.config.tag_headers.is_empty();
        if self.inner.remote.is_some() || sends_tags { StableIds::Include } else { StableIds::Omit }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.inner.config.clock
    }

    pub(crate) fn timeouts(&self) -> &Timeouts {
        &self.inner.config.timeouts
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.inner.config.enabled
    }

    pub(crate) fn max_body(&self) -> usize {
        self.inner.config.max_body
    }

    /// Returns the request headers that a client is identified by.
    pub(crate) fn credential_headers(&self) -> &CredentialHeaders {
        &self.inner.config.credential_headers
    }

    /// Returns whether a predicate takes a request for one of an identified client.
    pub(crate) fn has_credential(&self, request: &HttpRequest) -> bool {
        self.inner.config.credential_if.iter().any(|is_credential| is_credential(request))
    }

    /// Returns the hosts of the site, if they are known.
    pub(crate) fn allowed_hosts(&self) -> Option<&AllowedHosts> {
        self.inner.config.allowed_hosts.as_ref()
    }

    /// Returns the query parameters that are ignored for all handlers.
    pub(crate) fn ignored_query(&self) -> Option<&'static IgnoredQuery> {
        self.inner.ignored_query
    }

    /// Returns whether there are predicates for requests of identified clients.
    pub(crate) fn has_credential_if(&self) -> bool {
        !self.inner.config.credential_if.is_empty()
    }

    /// Returns the cache directives of a request, if it has any and they are honored.
    #[inline]
    pub(crate) fn request_directives(&self, request: &HttpRequest) -> Option<RequestDirectives> {
        let parse = || RequestDirectives::from_headers(request.headers());
        match self.inner.config.honors_request_directives {
            HonorDirectives::Always(false) => None,
            HonorDirectives::Always(true) => parse(),
            HonorDirectives::If(honors) => parse().filter(|_| honors(request)),
        }
    }

    pub(crate) fn key_prefix(&self) -> &str {
        &self.inner.config.key_prefix
    }

    pub(crate) fn vary(&self) -> &[HeaderName] {
        &self.inner.config.vary
    }

    /// Returns the headers that have the tags of a page.
    pub(crate) fn tag_headers(&self) -> &[TagHeader] {
        &self.inner.config.tag_headers
    }

    /// Returns whether the groups in responses of handlers and services are tags.
    pub(crate) fn honors_cache_groups(&self) -> bool {
        self.inner.config.honors_cache_groups
    }

    pub(crate) fn sends_no_vary_search(&self) -> bool {
        self.inner.config.sends_no_vary_search
    }

    /// Returns the response headers that are not stored, beside those that never are.
    pub(crate) fn per_request_headers(&self) -> &[HeaderName] {
        &self.inner.config.per_request_headers
    }

    /// Returns the name of the response header that is addressed to this cache.
    pub(crate) fn targeted_cache_control(&self) -> Option<&HeaderName> {
        self.inner.config.targeted_cache_control.as_ref()
    }
}

#[cfg(feature = "inspector")]
impl PageCache {
    /// Returns what the cache did in the last hour.
    pub(crate) fn history(&self) -> &History {
        &self.inner.history
    }

    /// Remembers what the cache does now, if a minute has passed.
    pub(crate) fn sample(&self) {
        self.inner.history.record_if_due(self.clock().now(), || self.stats());
    }

    /// Returns a handle that does not keep the cache.
    pub(crate) fn downgrade(&self) -> WeakPageCache {
        WeakPageCache(Arc::downgrade(&self.inner))
    }
}

/// A handle that does not keep its cache.
#[cfg(feature = "inspector")]
pub(crate) struct WeakPageCache(Weak<Inner>);

#[cfg(feature = "inspector")]
impl WeakPageCache {
    /// Returns the cache, unless its last handle was dropped.
    pub(crate) fn upgrade(&self) -> Option<PageCache> {
        Some(PageCache { inner: self.0.upgrade()? })
    }
}

/// Purges of other processes.
impl LocalCache for Inner {
    fn purge(&self, mode: PurgeMode, selector: &LocalSelector) {
        let purge = self.store.purge(mode, selector, self.config.clock.now());
        record_purge(&self.observer, &self.store, mode, selector, &purge);
    }
}

impl fmt::Debug for PageCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageCache")
            .field("name", &self.inner.observer.name())
            .field("pages", &self.inner.store.entry_count())
            .field("bytes", &self.inner.store.bytes())
            .field("max_bytes", &self.inner.store.max_bytes())
            .finish_non_exhaustive()
    }
}
