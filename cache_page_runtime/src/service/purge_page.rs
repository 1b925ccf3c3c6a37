//! A handler that purges: the runtime of `#[purge_page]` and of `#[cache_page(uncached)]`.

use std::{fmt, future::Future};

use actix_web::{HttpRequest, HttpResponse, Responder};

use super::{
    group_invalidation::{self, Announcement},
    request::UseUncachedToCallThis as Request,
};
use crate::{
    cache::{PageCache, PurgeFuture},
    http::cache_groups::CACHE_GROUP_INVALIDATION,
    policy::PageControl,
    purge::{
        PurgeError, PurgeMode, PurgeSelector,
        parse::to_tag,
        tag::{TagError, assert_tags, expand, expand_path, is_template},
    },
    time::rate_limit::RateLimit,
};

/// What `#[purge_page(…)]` says about one handler.
pub struct PurgePolicy {
    handler: &'static str,
    tags: &'static [&'static str],
    paths: &'static [&'static str],
    refill: bool,
    cache: Option<&'static str>,
    warnings: RateLimit,
}

impl PurgePolicy {
    /// Creates a policy that purges nothing, for the handler of this name.
    #[must_use]
    pub const fn new(handler: &'static str) -> Self {
        Self { handler, tags: &[], paths: &[], refill: false, cache: None, warnings: RateLimit::new() }
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

    /// Has the [refiller](PageCache::refiller) of the cache refill the hottest of the purged pages.
    #[must_use]
    pub const fn refill(mut self, enabled: bool) -> Self {
        self.refill = enabled;
        self
    }

    /// Purges the cache of this name only.
    #[must_use]
    pub const fn cache(mut self, name: &'static str) -> Self {
        self.cache = Some(name);
        self
    }

    /// Returns the cache of a request's App that this purges.
    fn cache_of<'r>(&self, request: &'r HttpRequest) -> Option<&'r PageCache> {
        let app_cache = PageCache::of(request).unwrap_or_else(|| PageCache::global());
        let Some(name) = self.cache else { return Some(app_cache) };
        let cache = app_cache.named(name);
        if cache.is_none() {
            self.warn(
                app_cache,
                format_args!("outdated pages may still be served: there is no cache named {name:?}"),
            );
        }
        cache
    }

    /// Returns an error if the route of a request lacks a parameter that a tag or a path refers to. No value that a client sends for
    /// a parameter causes this error.
    fn check_parameters(&self, request: &HttpRequest) -> Result<(), TagError> {
        let tags = self.tags.iter().map(|tag| expand(tag, request));
        let paths = self.paths.iter().map(|path| expand_path(path, request));
        let mut errors = tags.chain(paths).filter_map(Result::err);
        errors.find(|error| matches!(error, TagError::UnknownParameter { .. })).map_or(Ok(()), Err)
    }

    /// Returns what is to be purged after a request.
    fn selectors(&self, cache: &PageCache, request: &HttpRequest) -> Vec<PurgeSelector> {
        let tags = self.tags.iter().map(|tag| to_tag(&expand(tag, request)?));
        let paths = self.paths.iter().map(|path| Ok(PurgeSelector::Path(expand_path(path, request)?)));
        // An invalid tag does not keep the others from being purged.
        let warn = |error: &PurgeError| {
            self.warn(cache, format_args!("outdated pages may still be served: {error}"));
        };
        tags.chain(paths).filter_map(|selector| selector.inspect_err(warn).ok()).collect()
    }

    fn purge(&self, cache: &PageCache, selector: &PurgeSelector) -> PurgeFuture {
        let purge = cache.purge(PurgeMode::Remove, selector);
        if self.refill { purge.refill() } else { purge }
    }

    /// Purges after a successful response, and names the purged tags in it, if that is configured.
    async fn purge_and_announce(&self, request: &HttpRequest, response: &mut HttpResponse) {
        let Some(cache) = self.cache_of(request) else { return };
        let selectors = self.selectors(cache, request);
        // All start before the first `await`: local memory is purged if the client disconnects there.
        let mut purges: Vec<_> = selectors.iter().map(|selector| self.purge(cache, selector)).collect();
        let status = response.status();
        purges.extend(group_invalidation::purge_named(cache, request, status, response.headers()));
        for purge in purges {
            // A failure is logged, and retried: the handler itself has succeeded.
            let _ = purge.await;
        }
        let tags = selectors.iter().filter_map(|selector| match selector {
            PurgeSelector::Tag(tag) => Some(tag.as_str()),
            _ => None,
        });
        match group_invalidation::announce(cache, request, status, tags) {
            Announcement::None => {}
            Announcement::Value(value) => response.headers_mut().append(CACHE_GROUP_INVALIDATION, value),
            Announcement::TooLong => self.warn(
                cache,
                format_args!(
                    "outdated pages may still be served: the tags are too long for `{CACHE_GROUP_INVALIDATION}`, which is not sent"
                ),
            ),
        }
    }

    fn warn(&self, cache: &PageCache, message: fmt::Arguments<'_>) {
        if self.warnings.is_due(cache.clock().now()) {
            tracing::error!(target: "cache_page", handler = self.handler, "{message}");
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
            let Self(request, policy) = *self;
            let Some(cache) = policy.cache_of(request) else { return };
            for selector in policy.selectors(cache, request) {
                policy.purge(cache, &selector).detach();
            }
        }
    }
}

impl Request {
    /// Runs a handler that writes. If it succeeds (2xx, 3xx), purges what it changed before the response is sent, so that the
    /// client sees the change with its next request.
    ///
    /// If the route lacks a parameter that is needed for that, the handler is not run: after a write, only a line in the log would say
    /// that outdated pages stay.
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
            if let Err(error) = policy.check_parameters(request) {
                let cache = PageCache::of(request).unwrap_or_else(|| PageCache::global());
                let message = format_args!("the handler is not run, because it could not purge: {error}");
                policy.warn(cache, message);
                return HttpResponse::InternalServerError().finish();
            }
            let guard = PurgeOnDrop(request, policy);
            let mut response = handler.await.respond_to(request).map_into_boxed_body();
            std::mem::forget(guard);
            if response.status().is_success() || response.status().is_redirection() {
                policy.purge_and_announce(request, &mut response).await;
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
