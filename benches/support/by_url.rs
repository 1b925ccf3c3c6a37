//! Caches that are written by hand and keyed by the URL alone.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::{HeaderName, HeaderValue},
    web::{Bytes, Data},
};

use super::{BODY, Language, page, plain_page};

pub(crate) type DashMap = dashmap::DashMap<String, Arc<StoredResponse>>;
pub(crate) type Moka = moka::sync::Cache<String, Arc<StoredResponse>>;

/// A response in one of them.
pub(crate) struct StoredResponse {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl StoredResponse {
    fn new() -> Arc<Self> {
        let page = plain_page();
        let headers = page.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Arc::new(Self { headers, body: Bytes::from_static(BODY.as_bytes()) })
    }

    fn to_response(&self) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        response.body(self.body.clone())
    }
}

#[get("/dashmap")]
pub(crate) async fn dashmap_handler(
    _language: Language,
    cache: Data<DashMap>,
    request: HttpRequest,
) -> HttpResponse {
    let key = request.uri().to_string();
    if let Some(page) = cache.get(&key).map(|page| Arc::clone(&page)) {
        return page.to_response();
    }
    cache.insert(key, StoredResponse::new());
    page()
}

#[get("/moka")]
pub(crate) async fn moka_handler(
    _language: Language,
    cache: Data<Moka>,
    request: HttpRequest,
) -> HttpResponse {
    let key = request.uri().to_string();
    if let Some(page) = cache.get(&key) {
        return page.to_response();
    }
    cache.insert(key, StoredResponse::new());
    page()
}
