//! The cache of an App.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use http::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION};

use crate::{
    apart::Apart,
    clock::Clock,
    flight::Flights,
    follow::Landed,
    gather::Gathered,
    stats::{Counters, Stats},
    status::CacheStatus,
    store::Store,
    testing::ManualClock,
};

const DEFAULT_MAX_BYTES: usize = 64 * 1024 * 1024;

/// What usually carries credentials, or somebody's identity that a proxy has checked, beside the headers that are
/// registered for it.
const USUAL_CREDENTIALS: [&str; 22] = [
    "x-api-key",
    "x-auth-token",
    "x-access-token",
    "x-session-token",
    "x-amz-security-token",
    "dpop",
    "signature",
    "remote-user",
    "x-remote-user",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-access-token",
    "x-forwarded-client-cert",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-auth-request-access-token",
    "cf-access-jwt-assertion",
    "x-goog-iap-jwt-assertion",
    "x-amzn-oidc-data",
    "x-amzn-oidc-identity",
    "x-ms-client-principal",
    "x-ssl-client-cert",
];

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
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    store: Store,
    clock: Clock,
    max_body: usize,
    credentials: Box<[HeaderName]>,
    told: CacheStatus,
    obeys_clients: bool,
    counters: Counters,
    flights: Arc<Flights<Landed>>,
    apart: Apart,
    gathered: Gathered,
    times: Times,
}

/// How long is waited, and for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// A follower, for its leader.
    pub(crate) follower_wait: Duration,
    /// Everybody, for a handler that could be done without.
    pub(crate) fill_deadline: Duration,
    /// A page that could not be made anew, before that is tried again.
    pub(crate) retry_interval: Duration,
    /// By how much of it a lifetime is shortened at most.
    pub(crate) jitter: f64,
    /// Whether hot pages are made anew before their time is over.
    pub(crate) eager: bool,
}

impl Inner {
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}

impl PageCache {
    /// An empty cache with the default limits.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Options for a cache.
    pub fn builder() -> PageCacheBuilder {
        PageCacheBuilder::default()
    }

    /// What became of all requests so far, and what is kept now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let Inner { counters, store, flights, .. } = &*self.inner;
        counters.stats(store.pages(), store.bytes(), flights.count())
    }

    /// Drops all pages whose time is over, and returns how many went.
    ///
    /// The cache does so by itself, a few at a time, as others are kept. One that nothing comes to any more holds what it has
    /// until it is told. It takes time for each page that is kept, and nothing else is kept meanwhile; pages are still sent.
    // It is called for what it does.
    #[allow(clippy::must_use_candidate)]
    pub fn sweep(&self) -> usize {
        self.inner.store.sweep(self.inner.clock.now())
    }

    /// Where it is, which tells it from others.
    pub(crate) fn as_ptr(&self) -> *const Inner {
        Arc::as_ptr(&self.inner)
    }

    pub(crate) fn downgrade(&self) -> Weak<Inner> {
        Arc::downgrade(&self.inner)
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

    pub(crate) fn store(&self) -> &Store {
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

    /// How much `Cache-Status` tells.
    pub(crate) fn told(&self) -> CacheStatus {
        self.inner.told
    }

    /// Whether clients may ask for something else than the page that is kept.
    pub(crate) fn obeys_clients(&self) -> bool {
        self.inner.obeys_clients
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// What is being made at the moment.
    pub(crate) fn flights(&self) -> &Arc<Flights<Landed>> {
        &self.inner.flights
    }

    /// Under which keys nobody waits for anybody.
    pub(crate) fn apart(&self) -> &Apart {
        &self.inner.apart
    }

    /// How much of streams is held that are still to come to their end.
    pub(crate) fn gathered(&self) -> &Gathered {
        &self.inner.gathered
    }

    pub(crate) fn times(&self) -> &Times {
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
            .field("pages", &self.inner.store.pages())
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

/// Options for a [`PageCache`]; made by [`PageCache::builder`].
#[derive(Clone, Debug)]
#[must_use = "options do nothing until `build` is called"]
pub struct PageCacheBuilder {
    max_bytes: usize,
    max_body: Option<usize>,
    credentials: Vec<HeaderName>,
    told: CacheStatus,
    obeys_clients: bool,
    clock: Clock,
    times: Times,
}

impl Default for PageCacheBuilder {
    fn default() -> Self {
        let usual = USUAL_CREDENTIALS.map(HeaderName::from_static);
        let credentials = [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].into_iter().chain(usual).collect();
        Self {
            max_bytes: DEFAULT_MAX_BYTES,
            max_body: None,
            credentials,
            told: CacheStatus::Full,
            obeys_clients: false,
            clock: Clock::System,
            times: Times {
                follower_wait: Duration::from_secs(5),
                fill_deadline: Duration::from_secs(30),
                retry_interval: Duration::from_secs(5),
                jitter: 0.0,
                eager: false,
            },
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
    pub fn cache_status(mut self, level: CacheStatus) -> Self {
        self.told = level;
        self
    }

    /// Whether the `Cache-Control` of requests counts (RFC 9111 5.2.1): `no-cache`, `max-age` and `min-fresh` have a new
    /// page made, `no-store` passes the cache by, and `only-if-cached` is answered with 504 where there is no page.
    ///
    /// Off by default, because any client could switch the cache off: its handlers would run for whoever asks.
    pub fn obey_clients(mut self, obey: bool) -> Self {
        self.obeys_clients = obey;
        self
    }

    /// How long a request waits for a page that another one is just making, before it runs the handler itself. 5 seconds by
    /// default.
    pub fn follower_wait(mut self, time: Duration) -> Self {
        self.times.follower_wait = time;
        self
    }

    /// How long a handler may take before somebody else is let have a try. 30 seconds by default.
    ///
    /// One that takes longer goes on for its own client, and one of those that wait for its page runs it too. Where a page
    /// whose time is over may stand in (`stale_if_error`), that one is sent instead, and the handler's future is dropped, as
    /// it is where a client goes away; the same goes for one that runs in the background.
    pub fn fill_deadline(mut self, time: Duration) -> Self {
        self.times.fill_deadline = time;
        self
    }

    /// How long after a failure a stale page is not tried to be made anew. 5 seconds by default, twice as long after each
    /// further failure, up to sixteen times.
    pub fn retry_interval(mut self, time: Duration) -> Self {
        self.times.retry_interval = time;
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
    pub fn jitter(mut self, most: f64) -> Self {
        assert!((0.0..=1.0).contains(&most), "a lifetime is shortened by a part of it, from 0.0 to 1.0");
        self.times.jitter = most;
        self
    }

    /// Whether a page that is often asked for is made anew shortly before its time is over. Off by default.
    ///
    /// One request does it, chosen by lot: the nearer the end and the slower the handler, the likelier, so that pages which
    /// nobody asks for are not made anew. With `stale_while_revalidate` it is done in the background; without it that one
    /// request waits for its handler, and all others are answered from the page meanwhile.
    pub fn eager_refresh(mut self, eager: bool) -> Self {
        self.times.eager = eager;
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
        PageCache {
            inner: Arc::new(Inner {
                store: Store::new(self.max_bytes),
                clock: self.clock,
                max_body: self.max_body.unwrap_or(self.max_bytes / 8),
                credentials: self.credentials.into(),
                told: self.told,
                obeys_clients: self.obeys_clients,
                counters: Counters::new(),
                flights: Arc::new(Flights::new()),
                apart: Apart::new(),
                gathered: Gathered::new(self.max_bytes / 4),
                times: self.times,
            }),
        }
    }
}
