//! What a request costs in instructions, against a plain handler that returns the same status, headers and body.
//!
//! `cargo xtask bench instructions` runs this under callgrind, which counts the same every time. By itself it only answers
//! `requests` requests of one kind: `instructions KIND REQUESTS`.

use std::{
    future::{Ready, ready},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use actix_web::{
    App, FromRequest, HttpRequest, HttpResponse,
    dev::{Payload, Service as _},
    get,
    http::header::{
        ACCEPT_LANGUAGE, AGE, CACHE_CONTROL, CONTENT_TYPE, COOKIE, DATE, ETAG, HeaderName, HeaderValue,
        IF_NONE_MATCH, VARY,
    },
    test::{TestRequest, init_service},
    web::{self, Bytes},
};
use cache_page::{
    KeyBuilder, KeyInput, PageCache, cache_page,
    remote::{
        BoxFuture, ChangeBatch, Cursor, GetRequest, GetResponse, Id, LeaseStatus, PurgeRequest, PutRequest,
        PutResult, ReleaseReason, RemoteStore,
    },
};
use dashmap::DashMap;

const BODY: &str = "Hello World";
const ETAG_OF_BODY: &str = "\"e32323ea3c5a7a2f\"";

/// A header that every page depends on, so that `Vary` is there.
struct Language;

impl FromRequest for Language {
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self))
    }
}

impl KeyInput for Language {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header("accept-language");
    }
}

#[get("/plain")]
async fn plain(_language: Language) -> HttpResponse {
    plain_page()
}

fn plain_page() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")))
        .insert_header((CACHE_CONTROL, HeaderValue::from_static("max-age=60")))
        .insert_header((ETAG, HeaderValue::from_static(ETAG_OF_BODY)))
        .insert_header((DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT")))
        .insert_header((AGE, HeaderValue::from_static("0")))
        .insert_header((VARY, HeaderValue::from_static("accept-language")))
        .insert_header((
            HeaderName::from_static("cache-status"),
            HeaderValue::from_static("cache_page; hit; ttl=60"),
        ))
        .body(BODY)
}

/// The same, as it is usually written.
#[get("/plain-text")]
async fn plain_text(_language: Language) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header(("cache-control", "max-age=60"))
        .insert_header(("etag", ETAG_OF_BODY))
        .insert_header(("date", "Sun, 06 Nov 1994 08:49:37 GMT"))
        .insert_header(("age", "0"))
        .insert_header(("vary", "accept-language"))
        .insert_header(("cache-status", "cache_page; hit; ttl=60"))
        .body(BODY)
}

fn page() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((ETAG, ETAG_OF_BODY))
        .body(BODY)
}

#[get("/cached")]
#[cache_page(60)]
async fn cached(_language: Language) -> HttpResponse {
    page()
}

/// The same without the attribute.
#[get("/bare")]
async fn bare(_language: Language) -> HttpResponse {
    page()
}

/// It may read any header, so that a request with a cookie passes it by.
#[get("/open")]
#[cache_page(60)]
async fn open(_language: Language, _request: HttpRequest) -> HttpResponse {
    page()
}

/// What users write by hand: what was sent, by the URL.
struct Sent {
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Sent {
    fn page() -> Arc<Self> {
        let page = plain_page();
        let headers = page.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Arc::new(Self { headers, body: Bytes::from_static(BODY.as_bytes()) })
    }

    fn send(&self) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        for (name, value) in &self.headers {
            response.insert_header((name.clone(), value.clone()));
        }
        response.body(self.body.clone())
    }
}

#[get("/dashmap")]
async fn by_dashmap(
    _language: Language,
    sent: web::Data<DashMap<String, Arc<Sent>>>,
    request: HttpRequest,
) -> HttpResponse {
    let key = request.uri().to_string();
    if let Some(page) = sent.get(&key).map(|page| Arc::clone(&page)) {
        return page.send();
    }
    sent.insert(key, Sent::page());
    page()
}

#[get("/moka")]
async fn by_moka(
    _language: Language,
    sent: web::Data<moka::sync::Cache<String, Arc<Sent>>>,
    request: HttpRequest,
) -> HttpResponse {
    let key = request.uri().to_string();
    if let Some(page) = sent.get(&key) {
        return page.send();
    }
    sent.insert(key, Sent::page());
    page()
}

#[get("/uncached")]
#[cache_page(60)]
async fn uncached(_language: Language) -> HttpResponse {
    let mut response = page();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A shared tier in which there is nothing: hits come from memory.
#[derive(Debug)]
struct Quiet;

impl RemoteStore for Quiet {
    fn get(&self, _: GetRequest) -> BoxFuture<'_, GetResponse> {
        Box::pin(ready(Ok(GetResponse { entry: None, lease: LeaseStatus::Acquired })))
    }

    fn put(&self, _: PutRequest) -> BoxFuture<'_, PutResult> {
        Box::pin(ready(Ok(PutResult::Stored)))
    }

    fn release(&self, _: Id, _: Id, _: ReleaseReason) -> BoxFuture<'_, ()> {
        Box::pin(ready(Ok(())))
    }

    fn purge(&self, _: PurgeRequest) -> BoxFuture<'_, ()> {
        Box::pin(ready(Ok(())))
    }

    fn poll_changes(&self, after: Option<Cursor>, wait: Duration) -> BoxFuture<'_, ChangeBatch> {
        Box::pin(async move {
            let complete = after.is_some();
            if complete {
                tokio::time::sleep(wait).await;
            }
            Ok(ChangeBatch { complete, changes: Vec::new(), cursor: Cursor(Vec::new()), sequence: 1 })
        })
    }
}

/// One that trusts its memory, with a tier behind it.
async fn cache_with_tier() -> PageCache {
    let cache =
        PageCache::builder().remote_store(Quiet).key_prefix("bench").max_purge_lag(Duration::from_secs(3600));
    let cache = cache.build();
    while !cache.stats().remote().is_some_and(|shared| shared.is_available) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    cache
}

#[actix_web::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_default();
    let Some(requests) = arguments.next().and_then(|number| number.parse::<u32>().ok()) else {
        // What `cargo bench` passes is no kind.
        eprintln!(
            "usage: instructions nothing|plain|plain-text|moka|dashmap|hit|hit-tier|304|bypass|refused|bare|miss|new-nothing REQUESTS (`cargo xtask bench instructions` compares them)"
        );
        return ExitCode::SUCCESS;
    };
    // One route an App: what is looked for first is found first.
    let path = match kind.as_str() {
        "plain" => "/plain",
        "plain-text" => "/plain-text",
        "refused" => "/uncached",
        "bare" => "/bare",
        "bypass" => "/open",
        "moka" => "/moka",
        "dashmap" => "/dashmap",
        _ => "/cached",
    };
    let cache = if kind == "hit-tier" { cache_with_tier().await } else { PageCache::new() };
    let app = App::new().app_data(cache).configure(|config| {
        match path {
            "/plain" => config.service(plain),
            "/plain-text" => config.service(plain_text),
            "/uncached" => config.service(uncached),
            "/bare" => config.service(bare),
            "/open" => config.service(open),
            "/moka" => config
                .app_data(web::Data::new(moka::sync::Cache::<String, Arc<Sent>>::new(1000)))
                .service(by_moka),
            "/dashmap" => {
                config.app_data(web::Data::new(DashMap::<String, Arc<Sent>>::new())).service(by_dashmap)
            }
            _ => config.service(cached),
        };
    });
    let app = init_service(app).await;
    for number in 0..requests {
        // Pages that nobody asked for before, of which the first thousand digits are as long as the others.
        let new = format!("{path}?{}", 10_000 + number);
        let uri = if matches!(kind.as_str(), "bare" | "miss" | "new-nothing") { &new } else { path };
        let request = TestRequest::get().uri(uri).insert_header((ACCEPT_LANGUAGE, "en"));
        let request = match kind.as_str() {
            "304" => request.insert_header((IF_NONE_MATCH, ETAG_OF_BODY)),
            "bypass" => request.insert_header((COOKIE, ETAG_OF_BODY)),
            _ => request.insert_header(("x-none-match", ETAG_OF_BODY)),
        };
        let request = request.to_request();
        if !kind.ends_with("nothing") {
            let response = app.call(request).await;
            assert!(response.is_ok_and(|response| response.headers().len() > 1));
        }
    }
    // The pages stay: that they are dropped in the end is no request's business.
    std::process::exit(0)
}
