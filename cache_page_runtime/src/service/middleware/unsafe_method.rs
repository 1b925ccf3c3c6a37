//! Invalidation by a successful request with an unsafe method (RFC 9111 4.4).

use actix_web::{
    body::MessageBody,
    dev::ServiceResponse,
    http::header::{CONTENT_LOCATION, LOCATION},
};

use crate::{
    cache::PageCache,
    http::RequestOrigin,
    purge::{
        PurgeMode,
        parse::{referred_to, to_path},
    },
    service::group_invalidation,
};

/// Purges the pages of the request's path, and those that the response names on the same origin, by URL or by group.
pub(super) async fn purge_changed<B: MessageBody>(
    app_cache: &PageCache,
    path: &str,
    response: &ServiceResponse<B>,
) {
    if !(response.status().is_success() || response.status().is_redirection()) {
        return;
    }
    let (request, headers) = (response.request(), response.headers());
    let origin = RequestOrigin::of(request);
    let references =
        [LOCATION, CONTENT_LOCATION].into_iter().filter_map(|name| headers.get(name)?.to_str().ok());
    let named = references.filter_map(|reference| referred_to(reference, path, &origin));
    // A scope inside may have a cache of its own.
    let inner_cache = PageCache::of(request).filter(|inner| !inner.is_same(app_cache));
    let caches = || inner_cache.into_iter().chain([app_cache]);
    let purge_groups = |cache| group_invalidation::purge_named(cache, request, response.status(), headers);
    let mut purges: Vec<_> = caches().flat_map(purge_groups).collect();
    // A request target that is not a path, such as `*`, has no pages.
    for selector in named.chain(to_path(path).ok()) {
        let purge = |cache: &PageCache| cache.purge(PurgeMode::Remove, &selector);
        purges.extend(caches().map(purge));
    }
    for purge in purges {
        // A failure is logged and retried: the request itself has succeeded.
        let _ = purge.await;
    }
}
