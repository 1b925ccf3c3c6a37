//! Responses that bypass the cache or are not stored: a proxy that stores responses without `Cache-Control` for a second must not show
//! that of one visitor to the next.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::HeaderName},
    web,
};
use cache_page::{PageCache, PageCacheMiddleware, PageControl, Reason, cache_page};

use crate::support::{Crowd, Origin, TestApp, TestAppBuilder, TestResponse, ok_with};

fn visitor(request: &HttpRequest) -> Option<&str> {
    request.headers().get("x-visitor")?.to_str().ok()
}

/// Shows whom it is for. The path of the request chooses the response.
#[cache_page(60, vary_by = visitor, cache = "small")]
async fn private(#[unkeyed] request: HttpRequest, kind: web::Path<String>) -> HttpResponse {
    let status = if *kind == "missing" { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let length = if *kind == "long" { 2_000 } else { 1 };
    HttpResponse::build(status).body(visitor(&request).unwrap_or_default().repeat(length))
}

#[cache_page(60, max_body = 3, vary = ["accept-language"])]
async fn public(kind: web::Path<String>, control: PageControl) -> HttpResponse {
    if *kind == "no-store" {
        control.no_store();
    }
    let status = if *kind == "missing" { StatusCode::NOT_FOUND } else { StatusCode::OK };
    HttpResponse::build(status).body("page")
}

#[cache_page(60, bypass_if = |request| request.headers().contains_key("x-preview"))]
async fn with_bypass(kind: web::Path<String>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    match &**kind {
        "missing" => response.status(StatusCode::NOT_FOUND),
        "expires" => response.insert_header(("expires", "Tue, 15 Nov 2094 12:45:26 GMT")),
        "own" => response.insert_header(("cache-control", "max-age=5")).insert_header(("set-cookie", "a=b")),
        _ => &mut response,
    };
    response.body("page")
}

fn site() -> TestAppBuilder {
    let small = || PageCache::builder().max_body(1_000).build();
    TestApp::builder()
        .cache(|cache| cache.named_cache("small", small()))
        .route("/private/{kind}", private)
        .route("/public/{kind}", public)
        .route("/with-bypass/{kind}", with_bypass)
}

const PRIVATE: &str = "private, no-cache";
const LOGIN: &str = "cookie, authorization";

#[track_caller]
fn assert_private(response: &TestResponse) {
    response.assert_header("cache-control", PRIVATE);
}

/// Whatever keeps it from being stored.
#[actix_web::test]
async fn private_response_is_private_without_being_stored() {
    let app = site().start().await;
    let by = |uri: &str, name| app.get(uri).header("x-visitor", name);
    assert_private(by("/private/missing", "a").await.assert_not_stored(Reason::Status));
    assert_private(by("/private/long", "a").await.assert_not_stored(Reason::BodyTooLarge));
    assert_private(
        by(&format!("/private/{}", "x".repeat(9_000)), "a").await.assert_bypass(Reason::KeyTooLong),
    );
    assert_private(app.head("/private/short").header("x-visitor", "a").await.assert_not_stored(Reason::Head));
    let unknown = TestApp::builder().route("/private/{kind}", private).start().await;
    let response = unknown.get("/private/short").header("x-visitor", "a").await;
    assert_private(response.assert_bypass(Reason::UnknownCache));
}

#[cache_page(60, max_body = 3, vary_by = visitor)]
async fn slow(#[unkeyed] request: HttpRequest, origin: Origin) -> String {
    format!("{} {}", origin.pass().await, visitor(&request).unwrap_or_default())
}

#[actix_web::test]
async fn private_response_that_is_shared_in_flight_is_private() {
    let app = TestApp::builder().route("/", slow).paused().start().await;
    let crowd = Crowd::send(app.get("/").header("x-visitor", "alice").times(2)).await;
    app.finish(1).await;
    for response in crowd.responses().await {
        assert_private(response.assert_body("1 alice"));
    }
}

/// It depends on nothing but the headers that it names.
#[actix_web::test]
async fn public_response_is_left_to_downstream_caches() {
    let app = site().start().await;
    for (path, reason) in [("/public/long", Reason::BodyTooLarge), ("/public/missing", Reason::Status)] {
        let response = app.get(path).await;
        response.assert_not_stored(reason).assert_no_header("cache-control");
        response.assert_header("vary", "accept-language");
    }
}

#[actix_web::test]
async fn response_that_is_to_be_stored_nowhere_is_private() {
    assert_private(site().start().await.get("/public/no-store").await.assert_not_stored(Reason::NoStore));
    for (name, reason) in [("set-cookie", Reason::SetCookie), ("x-csrf-token", Reason::UserSpecificHeader)] {
        let app = TestApp::with_handler(ok_with(&[(name, "secret")])).await;
        assert_private(app.get("/").await.assert_not_stored(reason));
    }
}

#[actix_web::test]
async fn bypass_if_is_told_downstream() {
    let app = site().start().await;
    app.get("/with-bypass/a").await.assert_stored().assert_header("vary", LOGIN);
    let preview = app.get("/with-bypass/a").header("x-preview", "1").await;
    assert_private(preview.assert_bypass(Reason::BypassIf).assert_header("vary", LOGIN));
    let missing = app.get("/with-bypass/missing").await;
    missing.assert_not_stored(Reason::Status).assert_header("cache-control", "no-cache");
    missing.assert_header("vary", LOGIN);
}

#[actix_web::test]
async fn caching_headers_of_the_handler_stay() {
    let app = site().start().await;
    let own = app.get("/with-bypass/own").header("x-preview", "1").await;
    own.assert_bypass(Reason::BypassIf).assert_header("cache-control", "max-age=5");
    // Its lifetime is for the visitor's browser.
    let expires = app.get("/with-bypass/expires").header("x-preview", "1").await;
    expires.assert_bypass(Reason::BypassIf).assert_header("cache-control", "private");
}

#[actix_web::test]
async fn what_bypasses_a_middleware_is_private() {
    let badge = HeaderName::from_static("x-badge");
    let app = TestApp::builder()
        .uncached()
        .cache(|cache| cache.credential_header(badge))
        .wrap(|| PageCacheMiddleware::new(60))
        .start()
        .await;
    let login = "cookie, authorization, x-badge";
    for name in ["cookie", "x-badge", "x-api-key"] {
        let response = app.get("/").header(name, "alice").await;
        assert_private(response.assert_bypass(Reason::Credentials).assert_header("vary", login));
    }
    let with_body = app.get("/").body("for me").await;
    assert_private(with_body.assert_bypass(Reason::Body).assert_header("vary", login));
    app.post("/").await.assert_bypass(Reason::Method).assert_no_header("cache-control");
}

#[cache_page(60)]
async fn for_all(origin: Origin) -> String {
    origin.count().to_string()
}

#[cache_page(uncached)]
async fn uncached(request: HttpRequest) -> String {
    request.headers().get("cookie").map(|cookie| cookie.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// A handler that reads no credentials has one page for all, and says so itself.
#[actix_web::test]
async fn cached_handler_inside_a_middleware_knows_more() {
    let app = TestApp::builder()
        .route("/for-all", for_all)
        .route("/uncached", uncached)
        .wrap(|| PageCacheMiddleware::new(60))
        .start()
        .await;
    for _ in 0..2 {
        let page = app.get("/for-all").header("cookie", "a").await;
        page.assert_header("cache-control", "max-age=60").assert_no_header("vary").assert_body("1");
    }
    assert_private(app.get("/uncached").header("cookie", "a").await.assert_header("vary", LOGIN));
    app.get("/uncached").await.assert_no_header("cache-control");
}

/// Nobody who does not ask for it may be answered with it.
#[actix_web::test]
async fn answer_to_only_if_cached_is_stored_nowhere() {
    let app = TestApp::builder().cache(|cache| cache.honor_request_cache_control(true)).start().await;
    let response = app.get("/").header("cache-control", "only-if-cached").await;
    response.assert_status(504).assert_header("cache-control", "no-store");
}
