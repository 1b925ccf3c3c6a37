//! What is added to a kept page: what caches further down, and the client's own, may do with it.

use std::time::SystemTime;

use actix_web::http::header::{CACHE_CONTROL, DATE, ETAG, HeaderMap, HeaderName, HeaderValue, VARY};
use smallvec::SmallVec;

use crate::{
    http::{CachingHeaders, etag, header_cache, vary},
    key::KeyParts,
    page::ResponseHead,
};

/// There are no more than these: `Date`, `Cache-Control`, `ETag` and `Vary`.
pub(crate) type GeneratedHeaders = SmallVec<[(HeaderName, HeaderValue); 4]>;

/// `max_age` is for clients and caches further down; `credentials` are those that an open page is not for.
pub(crate) fn describe(
    head: ResponseHead<'_>,
    said: &CachingHeaders,
    body: Option<&[u8]>,
    date: SystemTime,
    max_age: Option<&HeaderValue>,
    cover: &KeyParts,
    credentials: &[HeaderName],
) -> GeneratedHeaders {
    let headers = head.headers;
    let mut added = GeneratedHeaders::new();
    if !said.has_date {
        added.extend(header_cache::date(date).map(|date| (DATE, date)));
    }
    if !said.has_cache_control {
        // Caches further down, browsers among them, know one page a URL. What is in the key beside the URL is unknown to
        // them: they must ask before they show one visitor's page to the next.
        let said = match (cover.has_private_value(), said.has_expires) {
            (true, false) => Some(HeaderValue::from_static("private, no-cache")),
            (true, true) => Some(HeaderValue::from_static("private")),
            (false, false) => max_age.cloned(),
            (false, true) => None,
        };
        added.extend(said.map(|said| (CACHE_CONTROL, said)));
    }
    if !said.has_etag && head.status.is_success() {
        added.extend(body.and_then(etag::weak_from_body).map(|etag| (ETAG, etag)));
    }
    added.extend(vary_line(headers, said.has_vary, cover.vary_names().chain(credentials)));
    added
}

/// `Vary` with the names that it does not have yet, if there are any.
///
/// On one line with what the handler said: middleware that adds to `Vary` may know the first line only, and drop the others.
fn vary_line<'n>(
    headers: &HeaderMap,
    is_said: bool,
    names: impl Iterator<Item = &'n HeaderName>,
) -> Option<(HeaderName, HeaderValue)> {
    let mut added: SmallVec<[&HeaderName; 16]> = SmallVec::new();
    for name in names {
        let is_there = is_said && vary::contains(headers, name) || added.contains(&name);
        if !is_there {
            added.push(name);
        }
    }
    if added.is_empty() && !(is_said && headers.get_all(VARY).count() > 1) {
        return None;
    }
    if let ([name], false) = (&*added, is_said) {
        return Some((VARY, HeaderValue::from_name((*name).clone())));
    }
    let said = headers.get_all(VARY).map(HeaderValue::as_bytes).filter(|line| !line.is_empty());
    let line: Vec<&[u8]> = said.chain(added.iter().map(|name| name.as_str().as_bytes())).collect();
    Some((VARY, HeaderValue::from_bytes(&line.join(&b", "[..])).ok()?))
}
