//! The groups that a response invalidates (RFC 9875 3).

use actix_web::{
    HttpRequest,
    http::{
        StatusCode,
        header::{HeaderMap, HeaderValue},
    },
};

use crate::{
    cache::{PageCache, PurgeFuture},
    http::{
        RequestOrigin, TagHeader,
        cache_groups::{self, CACHE_GROUP_INVALIDATION},
        method::is_safe,
        tag_header::MAX_TAG_BYTES,
    },
    purge::{PurgeMode, PurgeSelector, group},
};

/// Returns whether a response may invalidate anything: that to a request which may have changed something, and has not failed.
fn may_invalidate(request: &HttpRequest, status: StatusCode) -> bool {
    !is_safe(request.method()) && (status.is_success() || status.is_redirection())
}

/// Starts the purges of the groups that a response names, on the origin of its request, if this cache honors them.
pub(super) fn purge_named(
    cache: &PageCache,
    request: &HttpRequest,
    status: StatusCode,
    headers: &HeaderMap,
) -> Vec<PurgeFuture> {
    let honors = cache.with_named().any(PageCache::honors_cache_groups);
    if !honors || !headers.contains_key(CACHE_GROUP_INVALIDATION) || !may_invalidate(request, status) {
        return Vec::new();
    }
    let origin = RequestOrigin::of(request);
    let groups = cache_groups::parse(headers.get_all(CACHE_GROUP_INVALIDATION));
    let purge = |group: &str| {
        let selector = PurgeSelector::Tag(group::tag_name(group, &origin));
        cache.purge(PurgeMode::Remove, &selector)
    };
    groups.iter().map(|group| purge(group)).collect()
}

/// The value that names the tags which a handler has purged.
pub(super) enum Announcement {
    /// Nothing is to be announced.
    None,
    Value(HeaderValue),
    TooLong,
}

/// Returns the value of `Cache-Group-Invalidation` for the tags that were purged after a response, if this cache sends groups.
pub(super) fn announce<'t>(
    cache: &PageCache,
    request: &HttpRequest,
    status: StatusCode,
    tags: impl Iterator<Item = &'t str>,
) -> Announcement {
    let mut tags = tags.peekable();
    if !cache.tag_headers().contains(&TagHeader::CacheGroups)
        || !may_invalidate(request, status)
        || tags.peek().is_none()
    {
        return Announcement::None;
    }
    match TagHeader::CacheGroups.value(tags, MAX_TAG_BYTES) {
        Some(value) => Announcement::Value(value),
        None => Announcement::TooLong,
    }
}
