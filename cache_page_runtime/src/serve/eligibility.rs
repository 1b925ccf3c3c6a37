//! Whether a request may use the cache, before anything is added to its key.

use actix_web::HttpRequest;

use crate::{
    cache::PageCache, http::storability::check_method, outcome::Reason, policy::HandlerPolicy,
    time::instant::Instant,
};

/// Checks what does not depend on the handler's arguments. `is_known` is whether the App has the cache that the policy names.
pub(super) fn check_request(
    request: &HttpRequest,
    policy: &HandlerPolicy,
    cache: &PageCache,
    is_known: bool,
) -> Result<(), Reason> {
    check_method(request.method())?;
    if !cache.is_enabled() {
        Err(Reason::Disabled)
    } else if !is_known {
        log_unknown_cache(policy, cache.clock().now());
        Err(Reason::UnknownCache)
    } else if policy.bypasses(request) {
        Err(Reason::BypassIf)
    } else {
        Ok(())
    }
}

/// Logs that a handler which was never called for `GET` is called for a method that changes something, at most once a minute.
///
/// A route attribute above `#[cache_page]` is expanded first, so the macro cannot reject its method.
#[cold]
pub(super) fn log_unsafe_method(request: &HttpRequest, policy: &HandlerPolicy, now: Instant) {
    if !policy.has_cached_request() && !request.method().is_safe() {
        policy.log_error(
            now,
            format_args!(
                "responses to {} are never stored, and the handler was not called for GET yet; \
                 if it only handles {0}, remove `#[cache_page]`",
                request.method()
            ),
        );
    }
}

/// Logs that the cache which the policy names does not exist, at most once a minute.
#[cold]
fn log_unknown_cache(policy: &HandlerPolicy, now: Instant) {
    let name = policy.cache_name().unwrap_or_default();
    policy.log_error(
        now,
        format_args!(
            "there is no cache named \"{name}\", so its responses are not stored; \
             add it to the App's cache: `PageCache::builder().named_cache(\"{name}\", …)`"
        ),
    );
}
