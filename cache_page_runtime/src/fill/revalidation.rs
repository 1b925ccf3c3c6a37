//! A handler that answers 304 to the validators of the stored response that it refreshes (RFC 9111 4.3.4).

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{
            CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName,
            HeaderValue, LAST_MODIFIED,
        },
    },
};

use crate::{
    http::etag,
    policy::{Overrides, Validators},
    store::Entry,
};

/// Returns the response that a 304 confirms, with the headers of the 304, or `None` if the handler's response is not a 304 to
/// these validators. The tags of the stored response are added to `overrides`.
///
/// `validators` are those that the handler has read from its `PageControl`. Without them, a 304 answers the conditional headers of
/// the client, which may have another version of the page; the stored body would be taken for unchanged by mistake.
pub(crate) fn apply_not_modified(
    response: &HttpResponse,
    entry: &Entry,
    validators: &Validators,
    overrides: Option<&mut Overrides>,
) -> Option<HttpResponse> {
    if response.status() != StatusCode::NOT_MODIFIED || !validators_match(response.headers(), validators) {
        return None;
    }
    // A handler that made no body has not tagged it either.
    if let Some(overrides) = overrides {
        let missing: Vec<_> = entry.purge_keys().tags().filter(|tag| !overrides.has_tag(tag.key)).collect();
        overrides.tags.extend(missing);
    }
    let mut full = entry.page.to_original_response();
    // The response is as new as the 304, unless that carries another date.
    full.headers_mut().remove(DATE);
    // The generated tag stands for the headers too, so it is generated again, though the 304 repeats it.
    let has_generated_etag = entry.page.has_generated_etag();
    let stays = |name: &HeaderName| describes_body(name) || has_generated_etag && *name == ETAG;
    let updates = |name: &HeaderName| !stays(name);
    for name in response.headers().keys().filter(|name| updates(name)) {
        full.headers_mut().remove(name);
    }
    for (name, value) in response.headers().iter().filter(|(name, _)| updates(name)) {
        full.headers_mut().append(name.clone(), value.clone());
    }
    Some(full)
}

/// Returns whether a header describes the stored body, and is stored with it (RFC 9111 3.2).
fn describes_body(name: &HeaderName) -> bool {
    [CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE].contains(name)
}

/// Returns whether the validators of a 304, where it has any, are those of the stored response.
fn validators_match(headers: &HeaderMap, validators: &Validators) -> bool {
    let matches = |sent: Option<&HeaderValue>, stored: Option<&HeaderValue>| match (sent, stored) {
        // Weak comparison: the stored body is used as a whole.
        (Some(sent), Some(stored)) => etag::weak_eq(sent, stored),
        (sent, _) => sent.is_none(),
    };
    matches(headers.get(ETAG), validators.etag())
        && matches(headers.get(LAST_MODIFIED), validators.last_modified())
}
