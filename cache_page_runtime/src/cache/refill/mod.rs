//! Refilling purged pages before visitors request them.

mod queue;

use std::{fmt::Debug, time::Duration};

use actix_http::Request;
use actix_service::{IntoServiceFactory, ServiceFactory};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{AppConfig, ServiceResponse},
    http::header::HOST,
};
use futures_util::future::join_all;
use http::header::{HeaderName, HeaderValue};
use tokio::time::sleep;

pub(super) use self::queue::RefillQueue;
use super::{
    page_cache::PageCache,
    warm_up::requests::{AppTarget, PageRequest, X_FORWARDED_PROTO, fetch_page},
};
use crate::{key::KeyedUrl, purge::LocalSelector, store::Listing};

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

const DEFAULT_CONCURRENCY: usize = 2;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// How many pages of one purge are refilled.
const MAX_PAGES: usize = 100;
/// Among how many pages the hottest are looked for.
const MAX_EXAMINED: usize = 2000;

/// How long a page waits for the remote store to execute purges, which would purge the new page too.
const MAX_PURGE_WAIT: Duration = Duration::from_secs(2);
const PURGE_INTERVAL: Duration = Duration::from_millis(5);

/// Refills pages that were purged with [`PurgeFuture::refill`](crate::PurgeFuture::refill). Created by [`PageCache::refiller`].
#[derive(Debug)]
#[must_use = "a refiller does nothing until `through` is awaited"]
pub struct Refiller {
    cache: PageCache,
    headers: Vec<(HeaderName, HeaderValue)>,
    concurrency: usize,
    timeout: Duration,
}

/// # Refill after a purge
impl PageCache {
    /// Refills pages after a purge, so that no visitor waits for them.
    ///
    /// A purge asks for it with [`refill`](crate::PurgeFuture::refill). Of the purged pages in the memory of this process, those with most hits
    /// are requested: at most 100 of each purge, which are looked for among about 2,000. They have the URL that they had, and no cookies and other headers of visitors. So a page
    /// that varies by a request header is made for requests without the header.
    ///
    /// ```
    /// use actix_web::{App, HttpResponse, get, post, rt};
    /// use cache_page::{PageCache, PurgeError, cache_page};
    ///
    /// #[get("/posts")]
    /// #[cache_page(600, tags = ["posts"])]
    /// async fn posts() -> &'static str {
    ///     "All posts"
    /// }
    ///
    /// #[post("/posts")]
    /// async fn create(cache: PageCache) -> Result<HttpResponse, PurgeError> {
    ///     cache.purge_tag("posts").refill().await?;
    ///     Ok(HttpResponse::Created().finish())
    /// }
    ///
    /// # #[actix_web::main]
    /// # async fn main() {
    /// let cache = PageCache::builder().build();
    /// let app_cache = cache.clone();
    /// let app = move || App::new().app_data(app_cache.clone()).service(posts).service(create);
    ///
    /// // Beside `HttpServer::new(app)`, in the same thread.
    /// rt::spawn(cache.refiller().through(app()));
    /// # }
    /// ```
    #[doc(alias("refresh", "regenerate"))]
    pub fn refiller(&self) -> Refiller {
        Refiller {
            cache: self.clone(),
            headers: Vec::new(),
            concurrency: DEFAULT_CONCURRENCY,
            timeout: DEFAULT_TIMEOUT,
        }
    }

    /// Returns the URLs of the hottest pages that a purge is about to select, if they can be refilled.
    pub(super) fn hottest_urls(&self, selector: &LocalSelector) -> Vec<KeyedUrl> {
        if !self.inner.refills.has_refiller() {
            return Vec::new();
        }
        let (now, mut listing, mut examined) = (self.clock().now(), Listing::of(selector.clone()), 0);
        let mut found: Vec<(u8, KeyedUrl)> = Vec::new();
        while let Some(entries) = self.store().next_entries(&mut listing, now)
            && examined < MAX_EXAMINED
        {
            examined += entries.len().max(1);
            found.extend(entries.iter().filter_map(|entry| Some((entry.recent_hits(), entry.url()?))));
        }
        found.sort_by_key(|(hits, _)| std::cmp::Reverse(*hits));
        found.truncate(MAX_PAGES);
        found.into_iter().map(|(_, url)| url).collect()
    }

    /// Has the refillers fill pages again.
    pub(super) fn refill(&self, urls: Vec<KeyedUrl>) {
        self.inner.refills.add(urls);
    }
}

impl Refiller {
    /// Sets how many pages are made at the same time. Defaults to 2. Zero counts as one.
    pub fn concurrency(mut self, pages: usize) -> Self {
        self.concurrency = pages.max(1);
        self
    }

    /// Sets how long a page may take. Defaults to 30 seconds.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = time;
        self
    }

    /// Adds a header to all requests, which a proxy adds and pages vary by. The requests have `Host` as the purged page's request had it,
    /// and `X-Forwarded-Host` and `X-Forwarded-Proto` where these have set the host or the scheme.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Requests purged pages through an App of this process, which has this cache, until the future is dropped: it does not complete.
    ///
    /// The handlers run in the thread of the caller. A page that fails is logged and left to its visitors.
    pub async fn through<A, S, B>(self, app: A)
    where
        A: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>, Error = Error>,
        S::InitError: Debug,
        B: MessageBody,
    {
        let _registration = Registration::new(&self.cache);
        let target = AppTarget::new(app).await;
        let refill_pages = || async {
            loop {
                let url = self.cache.inner.refills.next().await;
                self.wait_for_purges().await;
                let request = PageRequest { path: &url.path_and_query, headers: &self.headers_of(&url) };
                let clock = self.cache.clock();
                let result = fetch_page(&target, request, clock, self.timeout).await;
                // Its query may have a secret.
                let page = url.path_and_query.split('?').next();
                match result {
                    Ok(()) => tracing::debug!(target: "cache_page", page, "a purged page was refilled"),
                    Err(reason) => {
                        tracing::warn!(target: "cache_page", page, reason, "a purged page was not refilled");
                    }
                }
            }
        };
        join_all((0..self.concurrency).map(|_| refill_pages())).await;
    }

    /// Returns the headers that lead to the same URL: `Host` as it was, and what a proxy adds if the scheme or the host differ from it.
    fn headers_of(&self, url: &KeyedUrl) -> Vec<(HeaderName, HeaderValue)> {
        let header =
            |name: &HeaderName, value: &str| Some((name.clone(), HeaderValue::from_str(value).ok()?));
        let host_lines = url.host_lines.iter().filter_map(|line| header(&HOST, line));
        let is_forwarded = url.host_lines.first() != Some(&url.host);
        let forwarded_host = is_forwarded.then(|| header(&X_FORWARDED_HOST, &url.host)).flatten();
        let https = (url.scheme == "https").then(|| header(&X_FORWARDED_PROTO, "https")).flatten();
        host_lines.chain(forwarded_host).chain(https).chain(self.headers.iter().cloned()).collect()
    }

    /// Waits until the remote store has executed the purges of this process, because it rejects pages that were made before.
    async fn wait_for_purges(&self) {
        let Some(remote) = self.cache.remote() else { return };
        let deadline = tokio::time::Instant::now() + MAX_PURGE_WAIT;
        while remote.pending_purges() > 0 && tokio::time::Instant::now() < deadline {
            sleep(PURGE_INTERVAL).await;
        }
    }
}

/// A refiller that is running.
struct Registration<'c>(&'c PageCache);

impl<'c> Registration<'c> {
    fn new(cache: &'c PageCache) -> Self {
        cache.inner.refills.add_refiller();
        Self(cache)
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.0.inner.refills.remove_refiller();
    }
}
