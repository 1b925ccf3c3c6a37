//! Filling the cache before visitors come.

mod app;
mod progress;
pub(super) mod requests;
mod run;
mod server;
mod settings;
mod site;
mod sitemap;
mod target;

pub(super) use self::progress::WarmUps;
pub use self::progress::{WarmUpFailure, WarmUpProgress, WarmUpSummary};

use std::{fmt::Debug, time::Duration};

use actix_http::Request;
use actix_service::{IntoServiceFactory, ServiceFactory};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{AppConfig, ServiceResponse},
};
use http::header::{HeaderName, HeaderValue};
use tokio::time::{Instant, sleep};

use self::{
    app::AppTarget, progress::Running, run::run, server::ServerTarget, settings::Settings, site::Site,
};
use super::page_cache::PageCache;

const DEFAULT_CONCURRENCY: usize = 8;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a warm-up waits for the remote store, and how often it looks for it.
const MAX_REMOTE_WAIT: Duration = Duration::from_secs(10);
const REMOTE_INTERVAL: Duration = Duration::from_millis(5);

/// Requests pages, so that they are stored before visitors request them. Created by [`PageCache::warm_up`].
///
/// The requests go through an App ([`through`](Self::through)) or to a server ([`from_server`](Self::from_server)). They have no
/// cookies, and the headers `Host` and those that [`header`](Self::header) adds, so they store what a visitor without a login is served.
/// Through an App, the address of the client is `127.0.0.1`.
#[derive(Debug)]
#[must_use = "a warm-up sends no request until `through` or `from_server` is awaited"]
pub struct WarmUp {
    cache: PageCache,
    pages: Vec<String>,
    sitemaps: Vec<String>,
    settings: Settings,
    running: Running,
}

/// # Warm-up
impl PageCache {
    /// Requests pages of a site, so that they are stored before visitors request them.
    ///
    /// `site` is the scheme and the host that visitors use, because they are in the key of a page. `pages` are paths, with a query if
    /// need be, or URLs of the site.
    ///
    /// Until the warm-up has ended, [`is_warm`](Self::is_warm) returns `false`. It begins when the [remote store](crate::remote), if there is
    /// one, is available, but after 10 seconds in any case.
    ///
    /// ```
    /// use actix_web::{App, get};
    /// use cache_page::{PageCache, cache_page};
    ///
    /// #[get("/")]
    /// #[cache_page(60)]
    /// async fn home() -> &'static str {
    ///     "Hello World"
    /// }
    ///
    /// # #[actix_web::main]
    /// # async fn main() {
    /// let cache = PageCache::builder().build();
    /// let app = {
    ///     let cache = cache.clone();
    ///     move || App::new().app_data(cache.clone()).service(home)
    /// };
    ///
    /// // Before `HttpServer::new(app)`, or in a task beside it: `actix_web::rt::spawn(warm_up.through(app()))`.
    /// let summary = cache.warm_up("https://www.example.com", ["/"]).through(app()).await;
    /// assert_eq!(summary.done(), 1, "{summary}");
    /// # }
    /// ```
    ///
    /// A `site` that is no scheme and host is the one failure of the warm-up.
    #[doc(alias("preload", "prefetch", "preheat", "warmup"))]
    pub fn warm_up<P>(&self, site: &str, pages: P) -> WarmUp
    where
        P: IntoIterator,
        P::Item: Into<String>,
    {
        WarmUp {
            cache: self.clone(),
            pages: pages.into_iter().map(Into::into).collect(),
            sitemaps: Vec::new(),
            settings: Settings {
                site: site.to_owned(),
                headers: Vec::new(),
                concurrency: DEFAULT_CONCURRENCY,
                timeout: DEFAULT_TIMEOUT,
            },
            running: self.inner.warm_ups.begin(self.clock().now()),
        }
    }

    /// Returns whether no [warm-up](Self::warm_up) of this cache is running, for the ready check of a load balancer.
    ///
    /// A warm-up runs from the call of [`warm_up`](Self::warm_up) until its future has completed or is dropped, whether or not all pages
    /// were stored.
    ///
    /// ```
    /// use actix_web::{HttpResponse, get};
    /// use cache_page::PageCache;
    ///
    /// #[get("/ready")]
    /// async fn ready(cache: PageCache) -> HttpResponse {
    ///     if cache.is_warm() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() }.finish()
    /// }
    /// # let _ = ready;
    /// ```
    #[must_use]
    pub fn is_warm(&self) -> bool {
        self.inner.warm_ups.progress(self.clock().now()).is_none()
    }

    /// Returns how far the [warm-ups](Self::warm_up) are that are running. `None` if none is.
    #[must_use]
    pub fn warm_up_progress(&self) -> Option<WarmUpProgress> {
        self.inner.warm_ups.progress(self.clock().now())
    }
}

impl WarmUp {
    /// Adds the pages of a sitemap, or of the sitemaps of a sitemap index, for example `/sitemap.xml`.
    ///
    /// It is requested as the pages are, and may have up to 50 MiB and 50,000 URLs (sitemaps.org). Of its URLs, those of the site are
    /// requested.
    pub fn sitemap(mut self, url: impl Into<String>) -> Self {
        self.sitemaps.push(url.into());
        self
    }

    /// Sets how many pages are requested at the same time. Defaults to 8. Zero counts as one.
    pub fn concurrency(mut self, pages: usize) -> Self {
        self.settings.concurrency = pages.max(1);
        self
    }

    /// Sets how long a page may take. Defaults to 30 seconds. A page that takes longer has failed, as one that streams without an end.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.settings.timeout = time;
        self
    }

    /// Adds a header to all requests: one that selects a variant (`accept-language`), or that a proxy adds and pages vary by.
    ///
    /// For a site with `https`, the requests have `X-Forwarded-Proto: https`, as from a proxy.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.settings.headers.push((name, value));
        self
    }

    /// Sends the requests through an App of this process, which has this cache. The server need not have started.
    ///
    /// The pages run in the thread of the caller. What fails is logged, and is in the summary: no failure stops the warm-up. A page
    /// has failed if its status is 400 or above, or if it was not stored.
    pub async fn through<A, S, B>(self, app: A) -> WarmUpSummary
    where
        A: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>, Error = Error>,
        S::InitError: Debug,
        B: MessageBody,
    {
        let target = AppTarget::new(app).await;
        self.run(&target).await
    }

    /// Sends the requests to a server at this address, for example `127.0.0.1:8080`, over HTTP without TLS.
    ///
    /// As [`through`](Self::through) otherwise. Whether a page was stored is known only if the server sends the
    /// [`Cache-Status`](crate::PageCacheBuilder::cache_status) header.
    pub async fn from_server(self, address: impl Into<String>) -> WarmUpSummary {
        let target = ServerTarget::new(address.into());
        self.run(&target).await
    }

    async fn run(self, target: &impl target::Target) -> WarmUpSummary {
        let Self { cache, pages, sitemaps, settings, running } = self;
        wait_for_remote_store(&cache).await;
        match Site::parse(&settings.site) {
            Ok(_) if !cache.is_enabled() => {}
            Ok(site) => run(cache.clock(), &site, &settings, target, (pages, sitemaps), &running).await,
            Err(reason) => running.record_failure(&settings.site, reason),
        }
        running.summary(cache.clock().now())
    }
}

/// Waits until the remote store is available, for at most `MAX_REMOTE_WAIT`: pages that are filled before are not stored there, and are
/// not kept in memory.
async fn wait_for_remote_store(cache: &PageCache) {
    let deadline = Instant::now() + MAX_REMOTE_WAIT;
    let is_waiting = |cache: &PageCache| cache.remote().is_some_and(|remote| !remote.is_available());
    while cache.with_named().any(is_waiting) {
        if Instant::now() >= deadline {
            tracing::warn!(target: "cache_page", "the warm-up begins although the remote store is unavailable");
            return;
        }
        sleep(REMOTE_INTERVAL).await;
    }
}
