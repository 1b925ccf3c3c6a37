//! Invalidation by a successful request with an unsafe method (RFC 9111 4.4).

use actix_web::{
    body::MessageBody,
    dev::ServiceResponse,
    http::{
        Method,
        header::{CONTENT_LOCATION, LOCATION},
    },
};

use crate::{
    cache::PageCache,
    http::RequestOrigin,
    purge::{
        PurgeMode,
        parse::{referred_to, to_path},
    },
};

/// Returns whether a method is safe (RFC 9110 9.2.1), so that its requests change nothing.
pub(super) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
        || matches!(method.as_str(), "QUERY" | "PROPFIND" | "REPORT" | "SEARCH")
}

/// Purges the pages of the request's path, and those that the response names on the same origin.
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
    let mut purges = Vec::new();
    // A request target that is not a path, such as `*`, has no pages.
    for selector in named.chain(to_path(path).ok()) {
        let purge = |cache: &PageCache| cache.purge(PurgeMode::Remove, &selector);
        purges.extend(inner_cache.into_iter().chain([app_cache]).map(purge));
    }
    for purge in purges {
        // A failure is logged and retried: the request itself has succeeded.
        let _ = purge.await;
    }
}
