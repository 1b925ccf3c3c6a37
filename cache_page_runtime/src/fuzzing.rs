//! The door for `fuzz/`, only there under `--cfg fuzzing`. It lets values in and out, and checks nothing itself.

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
    http::{Representation, Selection, cache_control, vary},
    key::{KeyBuf, push_variant_values},
};

/// The key of what is added to it.
pub fn key(request: &HttpRequest, add: impl FnOnce(&mut KeyBuilder<'_>)) -> Option<Vec<u8>> {
    let mut key = KeyBuilder::new(request);
    add(&mut key);
    key.parts.key().map(|key| key.as_bytes().to_vec())
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
pub fn cache_control(lines: &[HeaderValue]) -> CacheControl {
    let parsed = cache_control::CacheControl::parse(lines);
    CacheControl {
        no_store: parsed.no_store,
        no_cache: parsed.no_cache,
        private: parsed.private,
        max_age: parsed.max_age,
        s_maxage: parsed.s_maxage,
    }
}

/// The names in `Vary`; `None` is anything.
#[must_use]
pub fn vary(response: &HeaderMap) -> Option<Vec<HeaderName>> {
    vary::unkeyed(response, |_| false).map(|names| names.to_vec())
}

/// What a request says under these names, as it stands in a key.
#[must_use]
pub fn said(names: &[HeaderName], request: &HeaderMap) -> Vec<u8> {
    let mut key = KeyBuf::new();
    push_variant_values(&mut key, names, request);
    key.as_slice().to_vec()
}

/// The status and the part that answer a request for a page of so many bytes.
#[must_use]
pub fn conditional(
    etag: Option<&HeaderValue>,
    last_modified: Option<&HeaderValue>,
    length: usize,
    request: &HeaderMap,
) -> (u16, Option<Range<usize>>) {
    let representation = Representation {
        status: StatusCode::OK,
        etag,
        last_modified,
        date: None,
        body_len: length,
        accepts_ranges: true,
    };
    match representation.select(&Method::GET, request) {
        Selection::Full => (200, None),
        Selection::Partial(part) => (206, Some(part)),
        Selection::NotModified => (304, None),
        Selection::Unsatisfiable => (416, None),
    }
}
