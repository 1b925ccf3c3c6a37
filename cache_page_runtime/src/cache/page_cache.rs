//! The cache of an App.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use http::header::HeaderName;

use crate::{
    cache::builder::PageCacheBuilder,
    coalesce::{flight::Flights, uncacheable_keys::UncacheableKeys},
    key::KeyInput,
    observe::{Observer, Stats},
    purge::{LocalSelector, PurgeMode},
    remote::{LocalCache, RemoteTier},
    serve::join::FlightResult,
    store::{Store, StreamBudget},
    time::clock::Clock,
};

/// The cache that the pages of an App are kept in.
///
/// A handle: clones share one cache. Put one into `app_data` to choose which Apps share pages, or to set limits:
///
/// ```
/// use actix_web::App;
/// use cache_page::PageCache;
///
/// let cache = PageCache::builder().max_bytes(256 * 1024 * 1024).build();
/// let app = App::new().app_data(cache.clone());
/// # drop(app);
/// ```
///
/// It is found as the App's `PageCache`, else its `web::Data<PageCache>`; of several, that of the innermost scope. Where
/// there is none, one cache of the process serves, in which every App has its own pages.
///
/// As an argument of a handler, it is the cache of the App that the handler runs in.
#[derive(Clone)]
pub struct PageCache {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Clock,
    pub(crate) max_body: usize,
    pub(crate) credentials: Box<[HeaderName]>,
    pub(crate) obeys_clients: bool,
    pub(crate) observer: Observer,
    pub(crate) flights: Arc<Flights<FlightResult>>,
    pub(crate) apart: UncacheableKeys,
    pub(crate) gathered: StreamBudget,
    pub(crate) times: Timeouts,
    pub(crate) named: Box<[(String, PageCache)]>,
    pub(crate) is_off: bool,
    pub(crate) key_prefix: String,
    pub(crate) vary: Box<[HeaderName]>,
    pub(crate) targeted_cache_control: Option<HeaderName>,
    pub(crate) tier: Option<RemoteTier>,
}

/// How long is waited, and for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// A follower, for its leader.
    pub(crate) coalesce_timeout: Duration,
    /// Everybody, for a handler that could be done without.
    pub(crate) fill_timeout: Duration,
    /// A page that could not be made anew, before that is tried again.
    pub(crate) refresh_backoff: Duration,
    /// By how much of it a lifetime is shortened at most.
    pub(crate) jitter: f64,
    /// Whether hot pages are made anew before their time is over.
    pub(crate) eager: bool,
}

impl LocalCache for Inner {
    fn purge(&self, mode: PurgeMode, selector: &LocalSelector) {
        self.store.purge(mode, selector, self.clock.now());
    }
}

impl PageCache {
    /// An empty cache with the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A cache that keeps nothing: all requests pass it by. For development, and for tests of what handlers do.
    #[must_use]
    pub fn disabled() -> Self {
        Self::builder().enabled(false).build()
    }

    /// Another cache that this one names ([`PageCacheBuilder::named_cache`]).
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Self> {
        self.inner.named.iter().find(|(there, _)| there == name).map(|(_, cache)| cache)
    }

    /// Returns this cache without a name, or its named cache.
    #[inline]
    pub(crate) fn select(&self, name: Option<&str>) -> Option<&Self> {
        match name {
            None => Some(self),
            Some(name) => self.named(name),
        }
    }

    /// This cache and those that it names.
    pub(crate) fn with_named(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.inner.named.iter().map(|(_, cache)| cache))
    }

    /// Options for a cache.
    pub fn builder() -> PageCacheBuilder {
        PageCacheBuilder::default()
    }

    /// What became of all requests so far, and what is kept now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let Inner { observer, store, flights, .. } = &*self.inner;
        Stats {
            handlers: observer.counters().handlers(),
            pages: store.entry_count(),
            bytes: store.bytes(),
            fills_in_flight: flights.count(),
            remote: self.tier().map(|tier| tier.stats()),
        }
    }

    /// Drops all pages whose time is over, and returns how many went.
    ///
    /// The cache does so by itself, a few at a time, as others are kept. One that nothing comes to any more holds what it has
    /// until it is told. It takes time for each page that is kept, and nothing else is kept meanwhile; pages are still sent.
    // It is called for what it does.
    #[allow(clippy::must_use_candidate)]
    pub fn remove_expired(&self) -> usize {
        self.inner.store.remove_expired(self.inner.clock.now())
    }

    /// Where it is, which tells it from others.
    pub(crate) fn as_ptr(&self) -> *const Inner {
        Arc::as_ptr(&self.inner)
    }

    /// The cache of the App that a request is handled in, if the author gave it one.
    pub(crate) fn of(request: &HttpRequest) -> Option<&Self> {
        request.app_data::<Self>().or_else(|| request.app_data::<web::Data<Self>>().map(web::Data::get_ref))
    }

    /// The cache for all Apps that have none of their own.
    pub(crate) fn process_wide() -> &'static Self {
        static DEFAULT: OnceLock<PageCache> = OnceLock::new();
        DEFAULT.get_or_init(Self::new)
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.inner.store
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    pub(crate) fn max_body(&self) -> usize {
        self.inner.max_body
    }

    /// The headers that an open page may have read somebody's identity from.
    pub(crate) fn credentials(&self) -> &[HeaderName] {
        &self.inner.credentials
    }

    /// Whether clients may ask for something else than the page that is kept.
    pub(crate) fn obeys_clients(&self) -> bool {
        self.inner.obeys_clients
    }

    pub(crate) fn observer(&self) -> &Observer {
        &self.inner.observer
    }

    /// What other processes have too.
    #[inline]
    pub(crate) fn tier(&self) -> Option<&RemoteTier> {
        self.inner.tier.as_ref()
    }

    /// What is being made at the moment.
    pub(crate) fn flights(&self) -> &Arc<Flights<FlightResult>> {
        &self.inner.flights
    }

    /// Under which keys nobody waits for anybody.
    pub(crate) fn apart(&self) -> &UncacheableKeys {
        &self.inner.apart
    }

    /// How much of streams is held that are still to come to their end.
    pub(crate) fn gathered(&self) -> &StreamBudget {
        &self.inner.gathered
    }

    pub(crate) fn is_off(&self) -> bool {
        self.inner.is_off
    }

    /// For handlers that have none of their own.
    pub(crate) fn key_prefix(&self) -> &str {
        &self.inner.key_prefix
    }

    /// What pages depend on beside what each handler says.
    pub(crate) fn vary(&self) -> &[HeaderName] {
        &self.inner.vary
    }

    /// By which handlers speak to this cache alone.
    pub(crate) fn targeted_cache_control(&self) -> Option<&HeaderName> {
        self.inner.targeted_cache_control.as_ref()
    }

    pub(crate) fn times(&self) -> &Timeouts {
        &self.inner.times
    }
}

impl Default for PageCache {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for PageCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageCache")
            .field("pages", &self.inner.store.entry_count())
            .field("bytes", &self.inner.store.bytes())
            .field("max_bytes", &self.inner.store.max_bytes())
            .finish_non_exhaustive()
    }
}

impl FromRequest for PageCache {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request).unwrap_or_else(|| Self::process_wide()).clone()))
    }
}

/// Adds nothing: all requests of an App have the same cache.
impl KeyInput for PageCache {}
