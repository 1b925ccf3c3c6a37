//! A cache on moka that is written by hand and does for a hit what this cache does.
//!
//! The key has the host, the URL and a header of the request; a page has a lifetime, `Date`, `ETag` and `Vary`; a hit is answered with
//! `Age` and `Cache-Status`, and with 304 where `If-None-Match` allows it. It coalesces, purges and counts nothing, and does not look
//! at what a response says about storing it.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::MessageBody as _,
    http::{
        StatusCode,
        header::{
            AGE, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, HOST, HeaderName, HeaderValue,
            HttpDate, IF_NONE_MATCH, VARY,
        },
    },
    web::Bytes,
};
use moka::sync::Cache;

pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

pub(crate) struct EqualCache {
    pages: Cache<Vec<u8>, Arc<StoredPage>>,
    /// The header of the request that is in the key.
    vary: HeaderName,
    ttl: Duration,
}

struct StoredPage {
    headers: Vec<(HeaderName, HeaderValue)>,
    etag: HeaderValue,
    body: Bytes,
    stored: Instant,
}

impl EqualCache {
    pub(crate) fn new(vary: HeaderName, ttl: Duration) -> Self {
        Self { pages: Cache::new(100_000), vary, ttl }
    }

    /// Returns the stored response to a request, or that of the handler, which it stores if the status is 200.
    pub(crate) fn respond(
        &self,
        request: &HttpRequest,
        handler: impl FnOnce() -> HttpResponse,
    ) -> HttpResponse {
        let key = self.key(request);
        if let Some(page) = self.pages.get(key.as_slice()) {
            let age = page.stored.elapsed();
            if age < self.ttl {
                return page.to_response(request, age, self.ttl);
            }
        }
        let response = handler();
        if response.status() != StatusCode::OK {
            return response;
        }
        let Some(page) = StoredPage::new(response, self) else {
            return HttpResponse::InternalServerError().finish();
        };
        let page = Arc::new(page);
        self.pages.insert(key, Arc::clone(&page));
        let mut response = page.to_response(request, Duration::ZERO, self.ttl);
        let headers = response.headers_mut();
        headers.insert(CACHE_STATUS, HeaderValue::from_static("by_hand; fwd=miss; stored"));
        headers.remove(AGE);
        response
    }

    /// Returns the parts of the key, of which none can contain the end of a line.
    fn key(&self, request: &HttpRequest) -> Vec<u8> {
        let headers = request.headers();
        let host = headers.get(HOST).map_or(&b""[..], HeaderValue::as_bytes);
        let url = request.uri().path_and_query().map_or("", |url| url.as_str());
        let mut key = Vec::with_capacity(128);
        key.extend(host.iter().map(u8::to_ascii_lowercase));
        key.push(b'\n');
        key.extend_from_slice(url.as_bytes());
        for value in headers.get_all(&self.vary) {
            key.push(b'\n');
            key.extend_from_slice(value.as_bytes());
        }
        key
    }
}

impl StoredPage {
    /// Returns the page that a response is stored as, or `None` if its body is a stream.
    fn new(response: HttpResponse, cache: &EqualCache) -> Option<Self> {
        let (head, body) = response.into_parts();
        let body = body.try_into_bytes().ok()?;
        let mut headers: Vec<_> =
            head.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let is_set = |name: HeaderName| head.headers().contains_key(name);
        if !is_set(CACHE_CONTROL) {
            headers.push((CACHE_CONTROL, value(&format!("max-age={}", cache.ttl.as_secs()))));
        }
        if !is_set(DATE) {
            headers.push((DATE, value(&HttpDate::from(SystemTime::now()).to_string())));
        }
        headers.push((VARY, value(cache.vary.as_str())));
        let etag = head.headers().get(ETAG).cloned().unwrap_or_else(|| {
            let mut hasher = DefaultHasher::new();
            body.hash(&mut hasher);
            value(&format!("\"{:x}\"", hasher.finish()))
        });
        if !is_set(ETAG) {
            headers.push((ETAG, etag.clone()));
        }
        Some(Self { headers, etag, body, stored: Instant::now() })
    }

    fn to_response(&self, request: &HttpRequest, age: Duration, ttl: Duration) -> HttpResponse {
        let is_not_modified = self.is_known_to(request);
        let status = if is_not_modified { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        let mut response = HttpResponse::build(status);
        for (name, value) in &self.headers {
            if !is_not_modified || (name != CONTENT_TYPE && name != CONTENT_LENGTH) {
                response.append_header((name.clone(), value.clone()));
            }
        }
        let (age, ttl) = (age.as_secs(), (ttl - age).as_secs());
        response.append_header((AGE, HeaderValue::from(age)));
        response.append_header((CACHE_STATUS, value(&format!("by_hand; hit; ttl={ttl}"))));
        if is_not_modified { response.finish() } else { response.body(self.body.clone()) }
    }

    /// Returns whether a tag of `If-None-Match` is that of the page, by the weak comparison.
    fn is_known_to(&self, request: &HttpRequest) -> bool {
        let etag = strong(self.etag.as_bytes());
        request.headers().get_all(IF_NONE_MATCH).any(|value| {
            let mut tags = value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            tags.any(|tag| tag == b"*" || strong(tag) == etag)
        })
    }
}

/// Returns an entity tag without the prefix of weak ones.
fn strong(tag: &[u8]) -> &[u8] {
    tag.strip_prefix(b"W/").unwrap_or(tag)
}

/// Returns the value of a header from text that is valid in one.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
