//! The requests of a warm-up.

use std::cell::RefCell;

use actix_web::http::header::HOST;
use futures_util::future::join_all;
use http::header::{HeaderName, HeaderValue};

use super::{
    progress::{Running, WarmUpProgress},
    requests::{PageRequest, Target, X_FORWARDED_PROTO, fetch, fetch_page},
    settings::Settings,
    site::Site,
    sitemap::{self, Sitemap},
};
use crate::time::Clock;

/// Sends the requests of a warm-up.
struct WarmUpRun<'r, T> {
    clock: &'r Clock,
    site: &'r Site,
    settings: &'r Settings,
    headers: Vec<(HeaderName, HeaderValue)>,
    target: &'r T,
    running: &'r Running,
}

/// Requests the sitemaps, then all pages.
pub(super) async fn run(
    clock: &Clock,
    site: &Site,
    settings: &Settings,
    target: &impl Target,
    (mut pages, sitemaps): (Vec<String>, Vec<String>),
    running: &Running,
) {
    let run = WarmUpRun { clock, site, settings, headers: headers(site, settings), target, running };
    for sitemap in sitemaps {
        pages.extend(run.read_sitemap(sitemap).await);
    }
    running.add_pages(pages.len());
    tracing::info!(target: "cache_page", pages = pages.len(), "the warm-up begins");
    run.request_all(pages).await;
    let WarmUpProgress { done, failed, elapsed, .. } = running.progress(clock.now());
    tracing::info!(target: "cache_page", done, failed, ?elapsed, "the warm-up has ended");
}

fn headers(site: &Site, settings: &Settings) -> Vec<(HeaderName, HeaderValue)> {
    let host = HeaderValue::try_from(site.host()).ok();
    let https = site.is_https().then(|| (X_FORWARDED_PROTO, HeaderValue::from_static("https")));
    host.map(|host| (HOST, host)).into_iter().chain(https).chain(settings.headers.iter().cloned()).collect()
}

impl<T: Target> WarmUpRun<'_, T> {
    /// Returns the pages of a sitemap, or of those that an index lists.
    async fn read_sitemap(&self, sitemap: String) -> Vec<String> {
        let sitemaps = match self.fetch_sitemap(&sitemap).await {
            Some(Sitemap::Index(sitemaps)) => sitemaps,
            Some(Sitemap::Pages(pages)) => return pages,
            None => return Vec::new(),
        };
        let mut pages = Vec::new();
        for sitemap in sitemaps {
            // An index does not list another index.
            if let Some(Sitemap::Pages(more)) = self.fetch_sitemap(&sitemap).await {
                pages.extend(more);
            }
        }
        pages
    }

    async fn fetch_sitemap(&self, sitemap: &str) -> Option<Sitemap> {
        let mut xml = Vec::new();
        let mut is_too_long = false;
        let mut add = |part: &[u8]| {
            is_too_long |= xml.len() + part.len() > sitemap::MAX_BYTES;
            if !is_too_long {
                xml.extend_from_slice(part);
            }
        };
        let response = match self.site.path_of(sitemap) {
            Ok(path) => {
                let (request, timeout) = (self.request_of(&path), self.settings.timeout);
                fetch(self.target, request, self.clock, timeout, &mut add).await
            }
            Err(reason) => Err(reason),
        };
        let result = match response {
            Ok(response) if !response.status.is_success() => Err(response.status.to_string()),
            Ok(_) if is_too_long => Err("the sitemap is too long".to_owned()),
            Ok(_) => Ok(Sitemap::parse(&String::from_utf8_lossy(&xml))),
            Err(reason) => Err(reason),
        };
        result.map_err(|reason| self.running.record_failure(sitemap, reason)).ok()
    }

    async fn request_all(&self, pages: Vec<String>) {
        let step = (pages.len() / 10).max(1);
        let pages = RefCell::new(pages.into_iter().enumerate());
        let next = || pages.borrow_mut().next();
        let request_next = || async {
            while let Some((index, page)) = next() {
                if index > 0 && index % step == 0 {
                    let WarmUpProgress { pages, done, failed, .. } = self.running.progress(self.clock.now());
                    tracing::info!(target: "cache_page", pages, done, failed, "the warm-up goes on");
                }
                match self.request(&page).await {
                    Ok(()) => self.running.record_page(),
                    Err(reason) => self.running.record_failure(&page, reason),
                }
            }
        };
        join_all((0..self.settings.concurrency).map(|_| request_next())).await;
    }

    /// Requests a page.
    ///
    /// # Errors
    ///
    /// Fails with the reason why it is not stored.
    async fn request(&self, page: &str) -> Result<(), String> {
        let path = self.site.path_of(page)?;
        fetch_page(self.target, self.request_of(&path), self.clock, self.settings.timeout).await
    }

    fn request_of<'p>(&'p self, path: &'p str) -> PageRequest<'p> {
        PageRequest { path, headers: &self.headers }
    }
}
