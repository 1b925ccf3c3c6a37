//! A handler that purges: the runtime of `#[purge_page]` and of `#[cache_page(uncached)]`.

use std::{fmt, future::Future};

use actix_web::{HttpRequest, HttpResponse, Responder};

use super::request::UseUncachedToCallThis as Request;
use crate::{
    cache::{PageCache, PurgeFuture},
    policy::PageControl,
    purge::{
        PurgeError, PurgeMode, PurgeSelector,
        parse::to_tag,
        tag::{assert_tags, expand, expand_path, is_template},
    },
    time::rate_limit::RateLimit,
};

/// What `#[purge_page(…)]` says about one handler.
pub struct PurgePolicy {
    handler: &'static str,
    tags: &'static [&'static str],
    paths: &'static [&'static str],
    cache: Option<&'static str>,
    warnings: RateLimit,
}

impl PurgePolicy {
    /// Creates a policy that purges nothing, for the handler of this name.
    #[must_use]
    pub const fn new(handler: &'static str) -> Self {
        Self { handler, tags: &[], paths: &[], cache: None, warnings: RateLimit::new() }
    }

    /// Purges the pages with these tags.
    ///
    /// # Panics
    ///
    /// If one of them is not a valid tag.
    #[must_use]
    #[track_caller]
    pub const fn tags(mut self, tags: &'static [&'static str]) -> Self {
        assert_tags(tags);
        self.tags = tags;
        self
    }

    /// Purges the pages of these paths.
    ///
    /// # Panics
    ///
    /// If one of them does not begin with a slash, or is not a valid template.
    #[must_use]
    #[track_caller]
    pub const fn paths(mut self, paths: &'static [&'static str]) -> Self {
        let mut index = 0;
        while index < paths.len() {
            assert!(
                matches!(paths[index].as_bytes(), [b'/', ..]),
                "a path begins with a slash: \"/posts/{{id}}\""
            );
            assert!(
                is_template(paths[index]),
                "braces enclose the name of a route parameter: \"/posts/{{id}}\""
            );
            index += 1;
        }
        self.paths = paths;
        self
    }

    /// Purges the cache of this name only.
    #[must_use]
    pub const fn cache(mut self, name: &'static str) -> Self {
        self.cache = Some(name);
        self
    }

    /// Starts the purges for a request. Local memory is purged when this returns.
    fn purge(&self, request: &HttpRequest) -> Vec<PurgeFuture> {
        let app_cache = PageCache::of(request).unwrap_or_else(|| PageCache::global());
        let cache = match self.cache {
            None => Some(app_cache),
            Some(name) => app_cache.named(name),
        };
        let Some(cache) = cache else {
            let name = self.cache.unwrap_or_default();
            self.warn(app_cache, format_args!("there is no cache named {name:?}"));
            return Vec::new();
        };
        let tags = self.tags.iter().map(|tag| to_tag(&expand(tag, request)?));
        let paths = self.paths.iter().map(|path| Ok(PurgeSelector::Path(expand_path(path, request)?)));
        let purge = |selector: Result<PurgeSelector, PurgeError>| match selector {
            Ok(selector) => Some(cache.purge(PurgeMode::Remove, &selector)),
            // An invalid tag does not keep the others from being purged.
            Err(error) => {
                self.warn(cache, format_args!("{error}"));
                None
            }
        };
        tags.chain(paths).filter_map(purge).collect()
    }

    fn warn(&self, cache: &PageCache, error: fmt::Arguments<'_>) {
        if self.warnings.is_due(cache.clock().now()) {
            tracing::error!(
                target: "cache_page",
                handler = self.handler,
                "outdated pages may still be served: {error}"
            );
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

/// Purges when a handler is dropped because its client disconnected: it may have written by then.
///
/// An unnecessary purge costs one fill, and only a client that the handler's extractors have accepted can cause it. A handler that
/// panics has failed like one that responds with an error, so nothing is purged.
struct PurgeOnDrop<'r>(&'r HttpRequest, &'static PurgePolicy);

impl Drop for PurgeOnDrop<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.1.purge(self.0).into_iter().for_each(PurgeFuture::detach);
        }
    }
}

impl Request {
    /// Runs a handler that writes. If it succeeds (2xx, 3xx), purges what it changed before the response is sent, so that the
    /// client sees the change with its next request.
    // Not an `async fn`: a handler whose output is no `Responder` is then one error, not a second one at the `await`.
    #[allow(clippy::manual_async_fn)]
    pub fn purge_after<F>(
        &self,
        policy: &'static PurgePolicy,
        handler: F,
    ) -> impl Future<Output = HttpResponse>
    where
        F: Future,
        F::Output: Responder,
    {
        async move {
            let request = self.http();
            let guard = PurgeOnDrop(request, policy);
            let response = handler.await.respond_to(request).map_into_boxed_body();
            std::mem::forget(guard);
            if response.status().is_success() || response.status().is_redirection() {
                for purge in policy.purge(request) {
                    // A failure is logged, and retried: the handler itself has succeeded.
                    let _ = purge.await;
                }
            }
            response
        }
    }

    /// Runs a handler whose response is not stored by a middleware around it.
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
