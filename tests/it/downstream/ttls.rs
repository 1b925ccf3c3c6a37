//! `browser_ttl` and `cdn_ttl`.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use cache_page::{PageCacheMiddleware, Policy, Reason, cache_page};

use crate::support::TestApp;

const HOUR: u64 = 60 * 60;
const SHARED: Policy = Policy::new(60).cdn_ttl(Duration::from_secs(7));

#[cache_page(60, cdn_ttl = 300)]
async fn plain() -> &'static str {
    "page"
}

#[cache_page(60, cdn_ttl = "5m", browser_ttl = 10)]
async fn both() -> &'static str {
    "page"
}

#[cache_page(60, cdn_ttl = HOUR, tags = ["all"])]
async fn tagged() -> &'static str {
    "page"
}

#[cache_page(60, browser_ttl = 10, tags = ["all"])]
async fn tagged_for_browsers() -> &'static str {
    "page"
}

#[cache_page(None, cdn_ttl = 300)]
async fn without_expiry() -> &'static str {
    "page"
}

#[cache_page(policy = SHARED)]
async fn by_policy() -> &'static str {
    "page"
}

#[cache_page(60, cdn_ttl = 0)]
async fn zero() -> &'static str {
    "page"
}

#[cache_page(60, cdn_ttl = 300)]
async fn anonymous(#[anonymous] _request: HttpRequest) -> &'static str {
    "page"
}

#[cache_page(60, cdn_ttl = 300, bypass_if = |request| request.headers().contains_key("x-preview"))]
async fn with_bypass() -> &'static str {
    "page"
}

#[cache_page(60, cdn_ttl = 300, browser_ttl = 10, vary_by = HttpRequest::path)]
async fn private() -> &'static str {
    "page"
}

#[cache_page(60, cdn_ttl = 300)]
async fn explicit() -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "max-age=50")).body("page")
}

async fn app() -> TestApp {
    TestApp::builder()
        .route("/plain", plain)
        .route("/both", both)
        .route("/tagged", tagged)
        .route("/tagged-for-browsers", tagged_for_browsers)
        .route("/without-expiry", without_expiry)
        .route("/by-policy", by_policy)
        .route("/zero", zero)
        .route("/anonymous", anonymous)
        .route("/with-bypass", with_bypass)
        .route("/private", private)
        .route("/explicit", explicit)
        .start()
        .await
}

#[actix_web::test]
async fn cdn_ttl_is_the_s_maxage_unless_the_page_is_private() {
    let app = app().await;
    for (path, cache_control) in [
        ("/plain", "max-age=60, s-maxage=300"),
        ("/both", "max-age=10, s-maxage=300"),
        ("/tagged", "max-age=0, s-maxage=3600"),
        ("/tagged-for-browsers", "max-age=10"),
        ("/without-expiry", "max-age=0, s-maxage=300"),
        ("/by-policy", "max-age=60, s-maxage=7"),
        ("/zero", "max-age=60, s-maxage=0"),
        ("/anonymous", "max-age=0, s-maxage=300"),
        ("/private", "private, no-cache"),
        ("/explicit", "max-age=50"),
    ] {
        app.get(path).await.assert_stored().assert_header("cache-control", cache_control);
        app.get(path).await.assert_hit().assert_header("cache-control", cache_control);
    }
}

#[actix_web::test]
async fn cdn_ttl_is_not_sent_to_those_who_bypass_the_page() {
    let app = app().await;
    for (path, header, reason) in
        [("/anonymous", "cookie", Reason::Credentials), ("/with-bypass", "x-preview", Reason::BypassIf)]
    {
        let response = app.get(path).header(header, "a").await;
        response.assert_bypass(reason).assert_header("cache-control", "private, no-cache");
        response.assert_header("vary", "cookie, authorization");
        app.get(path).await.assert_header("vary", "cookie, authorization");
    }
}

#[actix_web::test]
async fn cdn_ttl_does_not_change_the_ttl_of_the_cache() {
    let app = app().await;
    app.get("/plain").await.assert_stored().assert_ttl(60);
    app.advance(60);
    app.get("/plain").await.assert_stored();
}

#[actix_web::test]
async fn middleware_sends_the_cdn_ttl() {
    let middleware = || PageCacheMiddleware::new(60).cdn_ttl(Duration::from_secs(300));
    let app = TestApp::builder().uncached().wrap(middleware).start().await;
    app.get("/").await.assert_stored().assert_header("cache-control", "max-age=0, s-maxage=300");
    let response = app.get("/").header("authorization", "a").await;
    response.assert_header("cache-control", "private, no-cache");
}
