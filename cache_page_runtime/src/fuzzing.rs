//! Entry points for the fuzz targets in `fuzz/`, compiled only with `--cfg fuzzing`. They contain no logic.

#![allow(missing_docs)]

use std::ops::Range;

use actix_web::{
    HttpRequest,
    http::{
        Method, StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    web::{Bytes, BytesMut},
};

use crate::{
    KeyBuilder,
    http::{
        CookieRule, PreferredCodings, QueryRule, Representation, Selection, TagHeader, TargetedCacheControl,
        accept_encoding, cache_control, cache_groups, content_coding, cookies, no_vary_search, vary,
    },
    key::{KeyBuf, push_variant_values},
    remote::{self, Frame},
};

/// Returns the key that `push` builds, or `None` if it is too long.
pub fn key(request: &HttpRequest, push: impl FnOnce(&mut KeyBuilder<'_>)) -> Option<Vec<u8>> {
    let mut key = KeyBuilder::new(request);
    push(&mut key);
    key.parts.key().map(|key| key.as_bytes().to_vec())
}

/// Returns the values of a cookie that the key contains.
#[must_use]
pub fn cookie_values(request: &HttpRequest, name: &str) -> Vec<Vec<u8>> {
    cookies::values(request.headers(), name).map(<[u8]>::to_vec).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheControl {
    pub no_store: bool,
    pub no_cache: bool,
    pub private: bool,
    pub max_age: Option<u64>,
    pub s_maxage: Option<u64>,
}

#[must_use]
pub fn cache_control(values: &[HeaderValue]) -> CacheControl {
    let parsed = cache_control::CacheControl::parse(values);
    CacheControl {
        no_store: parsed.no_store,
        no_cache: parsed.no_cache,
        private: parsed.private,
        max_age: parsed.max_age,
        s_maxage: parsed.s_maxage,
    }
}

/// Returns the names in `Vary`, or `None` if the response may vary by anything.
#[must_use]
pub fn vary_names(response: &HeaderMap) -> Option<Vec<HeaderName>> {
    vary::unkeyed(response, |_| false).map(|names| names.to_vec())
}

/// Returns the part of a variant key that contains the values of these request headers, or `None` if it is too long.
#[must_use]
pub fn variant_values(names: &[HeaderName], request: &HeaderMap) -> Option<Vec<u8>> {
    let mut key = KeyBuf::new();
    push_variant_values(&mut key, names, request, &[]);
    (!key.is_too_long()).then(|| key.as_slice().to_vec())
}

/// Returns the status of the response to a `GET`, and the range of the body if it is partial.
#[must_use]
pub fn select(
    etag: Option<&HeaderValue>,
    last_modified: Option<&HeaderValue>,
    body_len: usize,
    request: &HeaderMap,
) -> (u16, Option<Range<usize>>) {
    let representation = Representation {
        status: StatusCode::OK,
        etag,
        last_modified,
        date: None,
        body_len,
        accepts_ranges: true,
        content_type: None,
        is_encoded: false,
        is_encodable: false,
    };
    match representation.select(&Method::GET, request) {
        Selection::Full => (200, None),
        Selection::Partial(range) => (206, Some(range)),
        Selection::NotModified => (304, None),
        Selection::PreconditionFailed => (412, None),
        Selection::Unsatisfiable => (416, None),
    }
}

/// Returns whether no cookie of a request identifies its client, except for those with these names.
#[must_use]
pub fn has_no_session(request: &HttpRequest, keyed: &[&str]) -> bool {
    CookieRule::default().is_anonymous(request.headers(), keyed)
}

/// Returns whether a cookie with this name identifies a client.
#[must_use]
pub fn identifies(cookie: &str) -> bool {
    CookieRule::default().identifies(cookie)
}

/// Returns the cookies that services inside the middleware see, or `None` if they see all of them.
#[must_use]
pub fn common_cookies(request: &HttpRequest, keyed: &[&str]) -> Option<Vec<u8>> {
    cookies::common_field(request.headers(), keyed)
}

/// Returns the codings that a client prefers, the best ones first.
#[must_use]
pub fn preferred_codings(request: &HeaderMap) -> Vec<&'static str> {
    PreferredCodings::of_request(request).as_slice().iter().map(|coding| coding.name()).collect()
}

#[must_use]
pub fn accepts_coding(request: &HeaderMap, coding: &HeaderValue) -> bool {
    content_coding::accepts(request, std::iter::once(coding))
}

/// Returns the normal form of `Accept-Encoding`, or `None` if it has that form.
#[must_use]
pub fn normal_codings(request: &HeaderMap) -> Option<HeaderValue> {
    accept_encoding::normalized(request)
}

/// Returns the groups that `Cache-Groups` lists.
#[must_use]
pub fn groups(values: &[HeaderValue]) -> Vec<String> {
    cache_groups::parse(values).into_iter().map(Into::into).collect()
}

/// Returns the value of `Cache-Groups` for these tags, unless it is too long.
#[must_use]
pub fn groups_value(tags: &[String]) -> Option<HeaderValue> {
    TagHeader::CacheGroups.value(tags.iter().map(String::as_str), 3072)
}

/// Returns whether a targeted field is well-formed, and its tags.
#[must_use]
pub fn targeted_tags(values: &[HeaderValue]) -> Option<Vec<String>> {
    TargetedCacheControl::parse(values).ok().map(|parsed| parsed.tags)
}

const RULES: [QueryRule; 4] = [
    QueryRule::Only(&["page", "q"]),
    QueryRule::Only(&[]),
    QueryRule::Except(&["utm_*", "ref", "a b"]),
    QueryRule::Except(&[]),
];

/// Returns the value of `No-Vary-Search` for one of four rules.
#[must_use]
pub fn no_vary_search(rule: u8) -> Option<HeaderValue> {
    no_vary_search::value(RULES[usize::from(rule % 4)])
}

/// Returns the parameters of a query that are in the key, by one of four rules.
#[must_use]
pub fn keyed_parameters(rule: u8, query: &str) -> Vec<(String, String)> {
    let selected = RULES[usize::from(rule % 4)].select(query).into_iter().flatten();
    selected.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// Decodes an entry of a remote store or a disk. Returns its tags, or the names of request headers that it has.
#[must_use]
pub fn decode_entry(bytes: &[u8], key: &[u8]) -> Option<Vec<String>> {
    match remote::decode(&Bytes::copy_from_slice(bytes), key).ok()? {
        Frame::VaryNames(names) => Some(names.iter().map(ToString::to_string).collect()),
        Frame::Page(decoded) => Some(decoded.tags),
        Frame::EncodedBody(_) => Some(Vec::new()),
    }
}

/// Encodes an entry with the names of request headers.
#[must_use]
pub fn encode_entry(key: &[u8], names: &[HeaderName]) -> Vec<u8> {
    remote::encode_vary_names(key, names)
}

/// Returns the replies of a Redis server that were read in pieces, up to the first one that is malformed. Of each reply, returns its kind,
/// and its values.
#[cfg(feature = "redis")]
#[must_use]
pub fn redis_replies<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> Vec<(char, Vec<Option<Bytes>>)> {
    use remote::redis_reply::{Reply, take_reply};

    let (mut read, mut replies) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        read.extend_from_slice(piece);
        loop {
            match take_reply(&mut read) {
                Ok(Some(Reply::Text(text))) => replies.push(('$', vec![Some(text)])),
                Ok(Some(Reply::Error(text))) => replies.push(('-', vec![Some(text)])),
                Ok(Some(Reply::Values(values))) => replies.push(('*', values.into_vec())),
                Ok(None) => break,
                Err(_) => return replies,
            }
        }
    }
    replies
}
