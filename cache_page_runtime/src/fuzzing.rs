//! Entry points for the fuzz targets in `fuzz/`, compiled only with `--cfg fuzzing`. They contain no logic.

#![allow(missing_docs)]

use std::ops::Range;

use actix_web::{
    HttpRequest,
    http::{
        Method, StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
};

use crate::{
    KeyBuilder,
    http::{Representation, Selection, cache_control, cookies, vary},
    key::{KeyBuf, push_variant_values},
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

/// Returns the part of a variant key that contains the values of these request headers.
#[must_use]
pub fn variant_values(names: &[HeaderName], request: &HeaderMap) -> Vec<u8> {
    let mut key = KeyBuf::new();
    push_variant_values(&mut key, names, request);
    key.as_slice().to_vec()
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
