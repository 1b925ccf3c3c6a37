//! Headers that the cache adds to a stored response for downstream caches.
//!
//! A response that may not be stored gets none of them. The headers that the handler has sent are not changed, except that `Vary`
//! is extended.

use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, DATE, ETAG, HeaderMap, HeaderName, HeaderValue, VARY,
};
use smallvec::SmallVec;

use super::{admission::Admission, context::Context};
use crate::{
    http::{CredentialHeaders, credentials::VARY_NAMES, etag, header_cache, vary},
    page::ResponseHead,
};

/// The generated headers of one response: at most `Date`, `Cache-Control`, `ETag` and `Vary`.
pub(crate) type GeneratedHeaders = SmallVec<[(HeaderName, HeaderValue); 4]>;

static VARY_OF_ENCODED: HeaderName = ACCEPT_ENCODING;

/// Returns the headers that the handler did not send itself. `body` is `None` where it is not known yet.
pub(crate) fn generate(
    head: ResponseHead<'_>,
    body: Option<&[u8]>,
    admission: &Admission,
    context: &Context,
) -> GeneratedHeaders {
    let sent = &admission.headers;
    let mut generated = GeneratedHeaders::new();
    if !sent.has_date {
        generated.extend(header_cache::date(admission.date).map(|date| (DATE, date)));
    }
    if !sent.has_cache_control {
        let value = cache_control(admission, context);
        generated.extend(value.map(|value| (CACHE_CONTROL, value)));
    }
    if !sent.has_etag && head.status.is_success() {
        let etag =
            body.and_then(|body| etag::weak_from_response(head.status.as_u16(), head.stored_headers(), body));
        generated.extend(etag.map(|etag| (ETAG, etag)));
    }
    // An anonymous-only page is for requests without credentials: browsers and CDNs must not send it to others either.
    let credentials = context.credentials().into_iter().flat_map(CredentialHeaders::vary_names);
    // This cache reads `Accept-Encoding` without `Vary`; others do not.
    let encoding = sent.has_content_encoding.then_some(&VARY_OF_ENCODED);
    let names = context.key.vary_names().chain(credentials).chain(encoding);
    generated.extend(vary_field(head.headers, sent.has_vary, names));
    generated
}

/// Downstream caches, browsers included, know one response per URL. Where the key has a value that they do not know, they must
/// revalidate before they show the response of one visitor to the next. So must they where a visitor may have logged in since.
fn cache_control(admission: &Admission, context: &Context) -> Option<HeaderValue> {
    let has_expires = admission.headers.has_expires;
    if context.key.has_private_value() {
        return Some(HeaderValue::from_static(if has_expires { "private" } else { "private, no-cache" }));
    }
    if has_expires {
        return None;
    }
    if context.key.is_anonymous() && !context.policy.has_browser_ttl() {
        return Some(HeaderValue::from_static("no-cache"));
    }
    admission.max_age.clone()
}

/// Adds headers to a response that bypasses a page for anonymous visitors, so that no downstream cache sends it to another visitor.
pub(crate) fn add_for_one_visitor(headers: &mut HeaderMap) {
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    let is_sent = headers.contains_key(VARY);
    if let Some((name, value)) = vary_field(headers, is_sent, VARY_NAMES.iter()) {
        headers.insert(name, value);
    }
}

/// Returns `Vary` with the names that it lacks, if it lacks any.
///
/// All names are on one line with those of the handler: middleware that adds to `Vary`, such as actix-cors, may read the first line
/// only, and drop the others.
fn vary_field<'n>(
    headers: &HeaderMap,
    is_sent: bool,
    names: impl Iterator<Item = &'n HeaderName>,
) -> Option<(HeaderName, HeaderValue)> {
    let mut missing: SmallVec<[&HeaderName; 16]> = SmallVec::new();
    for name in names {
        let is_present = is_sent && vary::contains(headers, name) || missing.contains(&name);
        if !is_present {
            missing.push(name);
        }
    }
    if missing.is_empty() && !(is_sent && headers.get_all(VARY).count() > 1) {
        return None;
    }
    if let ([name], false) = (&*missing, is_sent) {
        return Some((VARY, HeaderValue::from_name((*name).clone())));
    }
    let sent = headers.get_all(VARY).map(HeaderValue::as_bytes).filter(|value| !value.is_empty());
    let members: Vec<&[u8]> = sent.chain(missing.iter().map(|name| name.as_str().as_bytes())).collect();
    Some((VARY, HeaderValue::from_bytes(&members.join(&b", "[..])).ok()?))
}

/// Adds the generated headers to the response that the client gets.
pub(crate) fn add(headers: &mut HeaderMap, generated: GeneratedHeaders) {
    headers.reserve(generated.len() + 1);
    for (name, value) in generated {
        headers.insert(name, value);
    }
}
