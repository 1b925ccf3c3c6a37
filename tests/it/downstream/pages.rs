//! Stored pages.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, http::header::HeaderName};
use cache_page::{PageCacheMiddleware, PageControl, Policy, cache_page};

use crate::support::{Origin, TestApp, TestAppBuilder};

const TAGGED: Policy = Policy::new(60).tags(&["all"]);

#[cache_page(60)]
async fn plain() -> &'static str {
    "page"
}

#[cache_page(60, tags = ["all"])]
async fn tagged() -> &'static str {
    "page"
}

#[cache_page(policy = TAGGED)]
async fn tagged_by_policy() -> &'static str {
    "page"
}

#[cache_page(60)]
async fn tagged_by_control(control: PageControl) -> &'static str {
    control.tag("all");
    "page"
}

#[cache_page(60)]
async fn tagged_by_field() -> HttpResponse {
    HttpResponse::Ok().insert_header((FIELD, "tags=(\"all\")")).body("page")
}

#[cache_page(60, tags = ["all"], stale_while_revalidate = "5m", stale_if_error = "1h")]
async fn tagged_and_stale() -> &'static str {
    "page"
}

#[cache_page(None)]
async fn without_expiry() -> &'static str {
    "page"
}

#[cache_page(60)]
async fn without_expiry_by_control(control: PageControl) -> &'static str {
    control.ttl(None::<Duration>);
    "page"
}

#[cache_page(60, bypass_if = |request| request.headers().contains_key("x-preview"))]
async fn with_bypass() -> &'static str {
    "page"
}

#[cache_page(60)]
async fn anonymous_request(#[anonymous] _request: HttpRequest) -> &'static str {
    "page"
}

#[cache_page(60, tags = ["all"])]
async fn anonymous_and_tagged(#[anonymous] _request: HttpRequest) -> &'static str {
    "page"
}

#[cache_page(60, tags = ["all"], vary_by = HttpRequest::path)]
async fn private_and_tagged() -> &'static str {
    "page"
}

const FIELD: HeaderName = HeaderName::from_static("x-page-cache");

fn site() -> TestAppBuilder {
    TestApp::builder()
        .cache(|cache| cache.targeted_cache_control(FIELD))
        .route("/plain", plain)
        .route("/tagged", tagged)
        .route("/tagged-by-policy", tagged_by_policy)
        .route("/tagged-by-control", tagged_by_control)
        .route("/tagged-by-field", tagged_by_field)
        .route("/tagged-and-stale", tagged_and_stale)
        .route("/without-expiry", without_expiry)
        .route("/without-expiry-by-control", without_expiry_by_control)
        .route("/with-bypass", with_bypass)
        .route("/anonymous-request", anonymous_request)
        .route("/anonymous-and-tagged", anonymous_and_tagged)
        .route("/private-and-tagged", private_and_tagged)
}

const NONE: Option<&str> = None;
const LOGIN: Option<&str> = Some("cookie, authorization");

/// The same on a miss and on a hit.
#[actix_web::test]
async fn page_is_sent_with_what_downstream_caches_may_do() {
    let app = site().start().await;
    for (path, cache_control, vary) in [
        ("/plain", "max-age=60", NONE),
        ("/tagged", "no-cache", NONE),
        ("/tagged-by-policy", "no-cache", NONE),
        ("/tagged-by-control", "no-cache", NONE),
        ("/tagged-by-field", "no-cache", NONE),
        ("/tagged-and-stale", "no-cache", NONE),
        ("/without-expiry", "no-cache", NONE),
        ("/without-expiry-by-control", "no-cache", NONE),
        ("/with-bypass", "no-cache", LOGIN),
        ("/anonymous-request", "max-age=0, s-maxage=60", LOGIN),
        ("/anonymous-and-tagged", "no-cache", LOGIN),
        ("/private-and-tagged", "private, no-cache", NONE),
    ] {
        app.get(path).await.assert_stored().assert_header("cache-control", cache_control);
        let hit = app.get(path).await;
        hit.assert_hit().assert_header("cache-control", cache_control);
        assert_eq!(hit.header("vary").as_deref(), vary, "{hit:?}");
    }
}

/// A write through it purges the page, also from an application without tags.
#[actix_web::test]
async fn page_of_a_middleware_is_revalidated() {
    let app = TestApp::builder().uncached().wrap(|| PageCacheMiddleware::new(60)).start().await;
    for _ in 0..2 {
        let page = app.get("/").await;
        page.assert_header("cache-control", "no-cache").assert_header("vary", "cookie, authorization");
    }
}

/// The browser asks with the tag that it was sent, and a purge changes the answer.
#[actix_web::test]
async fn browser_shows_a_purged_page_at_once() {
    let app = TestApp::builder().route("/", shown).start().await;
    let page = app.get("/").await;
    let etag = page.assert_header("cache-control", "no-cache").header("etag").unwrap();
    let again = app.get("/").header("if-none-match", &etag).await;
    again.assert_status(304).assert_header("cache-control", "no-cache");
    app.cache().purge_tag("all").await.unwrap();
    app.get("/").header("if-none-match", &etag).await.assert_status(200).assert_body("2");
}

#[cache_page(60, tags = ["all"])]
async fn shown(origin: Origin) -> String {
    origin.count().to_string()
}

/// A proxy cannot ask the predicate, so it must ask the server.
#[actix_web::test]
async fn predicate_for_credentials_is_not_left_to_shared_caches() {
    let is_known = |request: &HttpRequest| request.peer_addr().is_some();
    let app = site().cache(|cache| cache.credential_if(is_known)).start().await;
    app.get("/anonymous-request").await.assert_stored().assert_header("cache-control", "no-cache");
}

#[actix_web::test]
async fn added_credential_header_is_named_for_every_login() {
    let badge = HeaderName::from_static("x-badge");
    let app = site().cache(|cache| cache.credential_header(badge)).start().await;
    for path in ["/with-bypass", "/anonymous-request"] {
        app.get(path).await.assert_header("vary", "cookie, authorization, x-badge");
    }
}

/// nginx does not store a response whose `Vary` is longer than 128 bytes, nor one with `no-cache`.
#[actix_web::test]
async fn anonymous_page_can_be_stored_by_nginx() {
    let app = site().start().await;
    let page = app.get("/anonymous-request").await;
    assert!(page.header("vary").unwrap().len() <= 42, "{page:?}");
    assert!(page.header("cache-control").unwrap().contains("s-maxage=60"), "{page:?}");
}
