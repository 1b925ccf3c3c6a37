//! A handler that writes: what `#[purge_page]` makes of it.

use std::{fmt, future::Future};

use actix_web::{HttpRequest, HttpResponse, Responder};

use crate::{
    cache::{page_cache::PageCache, purge::PurgeFuture},
    policy::PageControl,
    purge::{
        PurgeError, PurgeMode, PurgeSelector,
        parse::to_tag,
        tag::{assert_tags, expand, expand_path, is_template},
    },
    service::request::Request,
    time::rate_limit::RateLimit,
};

/// What `#[purge_page(…)]` says of one handler.
pub struct PurgePolicy {
    handler: &'static str,
    tags: &'static [&'static str],
    paths: &'static [&'static str],
    cache: Option<&'static str>,
    warned: RateLimit,
}

impl PurgePolicy {
    /// Nothing yet, for the handler of this name.
    #[must_use]
    pub const fn new(handler: &'static str) -> Self {
        Self { handler, tags: &[], paths: &[], cache: None, warned: RateLimit::new() }
    }

    /// Pages with these tags.
    ///
    /// # Panics
    ///
    /// If one of them cannot be a tag.
    #[must_use]
    #[track_caller]
    pub const fn tags(mut self, tags: &'static [&'static str]) -> Self {
        assert_tags(tags);
        self.tags = tags;
        self
    }

    /// Pages of these paths.
    ///
    /// # Panics
    ///
    /// If one of them does not begin with a slash.
    #[must_use]
    #[track_caller]
    pub const fn paths(mut self, paths: &'static [&'static str]) -> Self {
        let mut at = 0;
        while at < paths.len() {
            assert!(
                matches!(paths[at].as_bytes(), [b'/', ..]),
                "a path begins with a slash: \"/posts/{{id}}\""
            );
            assert!(
                is_template(paths[at]),
                "braces stand around the name of a route parameter: \"/posts/{{id}}\""
            );
            at += 1;
        }
        self.paths = paths;
        self
    }

    /// Pages in the cache of this name alone.
    #[must_use]
    pub const fn cache(mut self, name: &'static str) -> Self {
        self.cache = Some(name);
        self
    }

    /// What is waited for is the shared tier.
    fn run(&self, request: &HttpRequest) -> Vec<PurgeFuture> {
        let own = PageCache::of(request).unwrap_or_else(|| PageCache::process_wide());
        let cache = match self.cache {
            None => Some(own),
            Some(name) => own.named(name),
        };
        let Some(cache) = cache else {
            self.warn(own, format_args!("there is no cache of the name {:?}", self.cache.unwrap_or("")));
            return Vec::new();
        };
        let tags = self.tags.iter().map(|tag| to_tag(&expand(tag, request)?));
        let paths = self.paths.iter().map(|path| Ok(PurgeSelector::Path(expand_path(path, request)?)));
        let purge = |text: Result<PurgeSelector, PurgeError>| match text {
            Ok(text) => Some(cache.purge(PurgeMode::Remove, &text)),
            // One that cannot be does not keep the others from going.
            Err(mistake) => {
                self.warn(cache, format_args!("{mistake}"));
                None
            }
        };
        tags.chain(paths).filter_map(purge).collect()
    }

    fn warn(&self, cache: &PageCache, mistake: fmt::Arguments<'_>) {
        if self.warned.is_due(cache.clock().now()) {
            tracing::error!(target: "cache_page", handler = self.handler, "pages that it changed may still be sent: {mistake}");
        }
    }
}

impl fmt::Debug for PurgePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PurgePolicy")
            .field("tags", &self.tags)
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

/// A handler that does not come to its end because its client went away: what it wrote until then, nobody knows.
struct PurgeOnDrop<'r>(&'r HttpRequest, &'static PurgePolicy);

impl Drop for PurgeOnDrop<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.1.run(self.0).into_iter().for_each(PurgeFuture::detach);
        }
    }
}

impl Request {
    /// Runs a handler that writes, and purges what it changed if it succeeds (2xx, 3xx): before the response is sent, so that
    /// whoever gets it sees the change from then on.
    #[allow(clippy::manual_async_fn)]
    pub fn purging<F>(&self, purge: &'static PurgePolicy, handler: F) -> impl Future<Output = HttpResponse>
    where
        F: Future,
        F::Output: Responder,
    {
        async move {
            let unfinished = PurgeOnDrop(self.http(), purge);
            let response = handler.await.respond_to(self.http()).map_into_boxed_body();
            std::mem::forget(unfinished);
            if response.status().is_success() || response.status().is_redirection() {
                for purging in purge.run(self.http()) {
                    // Told in the log: what the handler wrote is written.
                    let _ = purging.await;
                }
            }
            response
        }
    }

    /// Runs a handler that nothing around it shall cache.
    #[allow(clippy::manual_async_fn)]
    pub fn uncached<F>(&self, handler: F) -> impl Future<Output = HttpResponse>
    where
        F: Future,
        F::Output: Responder,
    {
        async move {
            PageControl::claim_inside(self.http());
            handler.await.respond_to(self.http()).map_into_boxed_body()
        }
    }
}
