//! Instructions per request, compared with a plain handler that returns the same status, headers and body.
//!
//! `cargo xtask bench instructions` runs this under callgrind, whose counts are repeatable. `instructions KIND REQUESTS` handles
//! requests of one kind. `plain:KIND` is a handler without a cache that answers the same requests with the same bytes, and `floor:KIND`
//! does so with as little as the types of actix-web allow: the least that a hit can cost. `moka-equal:KIND` is a cache that is written
//! by hand and does what a hit does, for `hit`, `304` and `miss`.

use std::{
    future::{Ready, ready},
    process::ExitCode,
    sync::OnceLock,
    time::Duration,
};

use actix_web::{
    App, FromRequest, HttpRequest, HttpResponse,
    body::{BoxBody, None as NoBody, to_bytes},
    dev::{Payload, Service as _},
    get,
    http::{
        StatusCode,
        header::{
            ACCEPT_ENCODING, ACCEPT_LANGUAGE, AGE, CACHE_CONTROL, CONTENT_TYPE, COOKIE, DATE, ETAG,
            HeaderName, HeaderValue, IF_NONE_MATCH, VARY,
        },
    },
    test::{TestRequest, init_service},
    web::{self, Bytes},
};
use cache_page::{KeyBuilder, KeyInput, PageCache, cache_page};

#[path = "support/by_hand.rs"]
mod by_hand;
#[path = "support/by_url.rs"]
mod by_url;
#[path = "support/empty_store.rs"]
mod empty_store;

use by_hand::{CACHE_STATUS, EqualCache};
use empty_store::cache_with_remote_store;

const BODY: &str = "Hello World";
const ETAG_OF_BODY: &str = "\"e32323ea3c5a7a2f\"";

/// Varies by a request header, so that responses have `Vary`.
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
        .insert_header((CACHE_STATUS, HeaderValue::from_static("cache_page; hit; ttl=60")))
        .body(BODY)
}

/// The same response with headers from strings.
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

/// The response of the handlers. Its header values are ready, as those of the plain handlers are.
fn page() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")))
        .insert_header((ETAG, HeaderValue::from_static(ETAG_OF_BODY)))
        .body(BODY)
}

#[get("/cached")]
#[cache_page(60)]
async fn cached(_language: Language) -> HttpResponse {
    page()
}

/// The handler of [`cached`] without the attribute.
#[get("/bare")]
async fn bare(_language: Language) -> HttpResponse {
    page()
}

/// What a browser sends, and a proxy adds.
const BROWSER: [(&str, &str); 19] = [
    ("host", "www.example.com"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("referer", "https://www.example.com/"),
    ("dnt", "1"),
    ("upgrade-insecure-requests", "1"),
    ("sec-ch-ua", "\"Chromium\";v=\"140\""),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", "\"Linux\""),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-user", "?1"),
    ("priority", "u=0, i"),
    ("x-forwarded-for", "192.0.2.1"),
    ("x-forwarded-proto", "https"),
    ("x-real-ip", "192.0.2.1"),
    ("x-request-id", "6f1f6a2c"),
];

/// An anonymous-only page, which requests with a cookie bypass.
#[get("/anon")]
#[cache_page(60)]
async fn anonymous_only(_language: Language, #[anonymous] _request: HttpRequest) -> HttpResponse {
    page()
}

/// What the plain handler sends: the response of the cache to the same request.
static RESPONSE: OnceLock<PlainResponse> = OnceLock::new();

struct PlainResponse {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    /// Whether it is sent without a builder, as a page is.
    is_floor: bool,
}

/// Sends precomputed headers. It takes the arguments of the handler that it is compared with.
fn plain_response() -> HttpResponse {
    let Some(PlainResponse { status, headers, body, is_floor }) = RESPONSE.get() else {
        return HttpResponse::InternalServerError().finish();
    };
    if *is_floor {
        let body = if body.is_empty() { BoxBody::new(NoBody::new()) } else { BoxBody::new(body.clone()) };
        let mut response = HttpResponse::with_body(*status, body);
        let sent = response.headers_mut();
        headers.iter().for_each(|(name, value)| sent.append(name.clone(), value.clone()));
        return response;
    }
    let mut response = HttpResponse::build(*status);
    for (name, value) in headers {
        response.insert_header((name.clone(), value.clone()));
    }
    match body.is_empty() {
        true => response.finish(),
        false => response.body(body.clone()),
    }
}

#[get("/cached")]
async fn plain_cached(_language: Language) -> HttpResponse {
    plain_response()
}

#[get("/no-store")]
async fn plain_not_stored(_language: Language) -> HttpResponse {
    plain_response()
}

#[get("/anon")]
async fn plain_anonymous(_language: Language, _request: HttpRequest) -> HttpResponse {
    plain_response()
}

/// Records the response of the cache to the second request of a kind, or to the first one for a miss.
async fn record_response(kind: &str, path: &str) {
    let app =
        App::new().app_data(PageCache::new()).service(cached).service(not_stored).service(anonymous_only);
    let app = init_service(app).await;
    let mut responses = Vec::new();
    for _ in 0..2 {
        let Ok(response) = app.call(request(kind, path).to_request()).await else { return };
        let status = response.status();
        let headers = response.headers().iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let body = to_bytes(response.into_body()).await.unwrap_or_default();
        responses.push(PlainResponse { status, headers, body, is_floor: kind.starts_with("floor:") });
    }
    let is_miss = compared_kind(kind) == Some("miss");
    let response = if is_miss { responses.into_iter().next() } else { responses.pop() };
    response.map(|response| RESPONSE.set(response).is_ok());
}

/// Returns the kind whose requests a plain handler or the other cache answers.
fn compared_kind(kind: &str) -> Option<&str> {
    ["plain:", "floor:", "moka-equal:"].into_iter().find_map(|prefix| kind.strip_prefix(prefix))
}

/// A request of a kind, without what [`compared_kind`] removes.
fn request(kind: &str, uri: &str) -> TestRequest {
    let request = TestRequest::get().uri(uri).insert_header((ACCEPT_LANGUAGE, "en"));
    match compared_kind(kind).unwrap_or(kind) {
        "304" => request.insert_header((IF_NONE_MATCH, ETAG_OF_BODY)),
        "bypass" => request.insert_header((COOKIE, ETAG_OF_BODY)),
        "identity" | "br" | "zstd" | "gzip" => request.insert_header((ACCEPT_ENCODING, kind)),
        "hit-anonymous" | "browser-nothing" => BROWSER.into_iter().fold(request, TestRequest::insert_header),
        _ => request.insert_header(("x-none-match", ETAG_OF_BODY)),
    }
}

#[get("/cached")]
async fn moka_equal(_language: Language, cache: web::Data<EqualCache>, request: HttpRequest) -> HttpResponse {
    cache.respond(&request, page)
}

#[get("/no-store")]
#[cache_page(60)]
async fn not_stored(_language: Language) -> HttpResponse {
    let mut response = page();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A page of 1,500 bytes, which is encoded when it is first requested in a coding.
#[get("/encoded")]
#[cache_page(60)]
async fn encoded(_language: Language) -> HttpResponse {
    let body = "<p>Hello World, in text that is like other text.</p>\n".repeat(29);
    HttpResponse::Ok().content_type("text/html; charset=utf-8").insert_header((ETAG, ETAG_OF_BODY)).body(body)
}

#[actix_web::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_default();
    let Some(requests) = arguments.next().and_then(|number| number.parse::<u32>().ok()) else {
        // `cargo bench` passes other arguments.
        eprintln!(
            "usage: instructions nothing|plain|plain-text|moka|dashmap|hit|hit-remote|304|bypass|not-stored|bare|miss|new-nothing|hit-anonymous|browser-nothing|hit-scope|hit-inspector|miss-inspector|plain:KIND|floor:KIND|moka-equal:KIND|identity|br|zstd|gzip REQUESTS (`cargo xtask bench instructions` compares them)"
        );
        return ExitCode::SUCCESS;
    };
    // The App has one route, so that all kinds are routed alike.
    let path = match compared_kind(&kind).unwrap_or(&kind) {
        "plain" => "/plain",
        "plain-text" => "/plain-text",
        "not-stored" => "/no-store",
        "bare" => "/bare",
        "bypass" | "hit-anonymous" | "browser-nothing" => "/anon",
        "identity" | "br" | "zstd" | "gzip" => "/encoded",
        "moka" => "/moka",
        "dashmap" => "/dashmap",
        _ => "/cached",
    };
    let cache = match path {
        _ if kind == "hit-remote" => cache_with_remote_store().await,
        "/encoded" => PageCache::builder().compress(cfg!(feature = "compress-all")).build(),
        _ => PageCache::new(),
    };
    let is_equal = kind.starts_with("moka-equal:");
    let is_plain = compared_kind(&kind).is_some() && !is_equal;
    if is_plain {
        record_response(&kind, path).await;
    }
    #[cfg(feature = "inspector")]
    let inspected = cache.clone();
    let app = App::new().app_data(cache).configure(|config| {
        match path {
            "/cached" if is_equal => config
                .app_data(web::Data::new(EqualCache::new(ACCEPT_LANGUAGE, Duration::from_secs(60))))
                .service(moka_equal),
            "/cached" if is_plain => config.service(plain_cached),
            "/no-store" if is_plain => config.service(plain_not_stored),
            "/anon" if is_plain => config.service(plain_anonymous),
            "/plain" => config.service(plain),
            "/plain-text" => config.service(plain_text),
            "/no-store" => config.service(not_stored),
            "/bare" => config.service(bare),
            "/encoded" => config.service(encoded),
            "/anon" => config.service(anonymous_only),
            "/moka" => config.app_data(web::Data::new(by_url::Moka::new(1000))).service(by_url::moka_handler),
            "/dashmap" => {
                config.app_data(web::Data::new(by_url::DashMap::new())).service(by_url::dashmap_handler)
            }
            _ => config.service(cached),
        };
        if kind == "hit-scope" {
            config.service(web::scope("/cache"));
        }
        #[cfg(feature = "inspector")]
        if kind.ends_with("-inspector") {
            config.service(inspected.inspector("/cache"));
        }
    });
    let app = init_service(app).await;
    for number in 0..requests {
        // A URL that was not requested before. All of them have the same length.
        let new_uri = format!("{path}?{}", 10_000 + number);
        let is_new = matches!(
            compared_kind(&kind).unwrap_or(&kind),
            "bare" | "miss" | "miss-inspector" | "new-nothing"
        );
        let uri = if is_new { &new_uri } else { path };
        let request = request(&kind, uri).to_request();
        if !kind.ends_with("nothing") {
            let response = app.call(request).await;
            assert!(response.is_ok_and(|response| response.headers().len() > 1));
        }
    }
    // Exits without dropping the pages, which would count.
    std::process::exit(0)
}
