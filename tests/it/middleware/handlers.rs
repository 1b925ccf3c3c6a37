//! Handlers within a middleware that have a cache of their own, or set the caching of their response.

use actix_web::{Error, HttpResponse, http::header::HeaderName};
use cache_page::{Outcome, PageCacheMiddleware, PageControl, Reason, cache_page};

use super::{around, around_for_a_minute, seconds};
use crate::support::{Crowd, Origin, TestApp, settle};

#[cache_page(300, name = "own", tags = ["own"])]
async fn own(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

async fn with_own() -> TestApp {
    around_for_a_minute().route("/own", own).start().await
}

#[actix_web::test]
async fn cached_handler_stores_its_response_itself() {
    let app = with_own().await;
    app.get("/own").await.assert_stored().assert_ttl(300).assert_no_header("vary");
    for ttl in [200, 100] {
        app.advance(100);
        app.get("/own").await.assert_hit().assert_ttl(ttl).assert_body("page 1");
    }
    app.advance(100);
    app.get("/own").await.assert_stored().assert_body("page 2");
    assert_eq!(app.pages(), 1);
}

#[actix_web::test]
async fn request_to_a_cached_handler_is_reported_and_counted_once() {
    let app = with_own().await;
    for number in 0..4 {
        let response = app.get("/own").await;
        assert_eq!(response.headers.get_all("cache-status").count(), 1, "{response:?}");
        assert_eq!(response.is_hit(), number > 0, "{response:?}");
    }
    let stats = app.cache().stats();
    assert_eq!((stats.requests(), stats.count(Outcome::Stored), stats.count(Outcome::Hit)), (4, 1, 3));
    assert_eq!(stats.handlers().map(|(name, _)| name).collect::<Vec<_>>(), ["own"]);
}

#[actix_web::test]
async fn credentials_do_not_bypass_a_cached_handler() {
    let app = with_own().await;
    app.get("/own").await.assert_stored();
    app.get("/own").header("cookie", "a=b").await.assert_hit().assert_ttl(300);
}

#[actix_web::test]
async fn page_of_a_cached_handler_is_purged_by_its_tag_and_its_name() {
    let app = with_own().await;
    app.get("/own").await.assert_body("page 1");
    assert_eq!(app.cache().purge_tag("own").await.unwrap().pages(), 1);
    app.get("/own").await.assert_body("page 2");
    assert_eq!(app.cache().purge_handler("own").await.unwrap().pages(), 1);
    app.get("/own").await.assert_body("page 3");
    app.advance(299);
    app.get("/own").await.assert_body("page 3");
    app.advance(1);
    app.get("/own").await.assert_body("page 4");
}

#[actix_web::test]
async fn concurrent_requests_run_a_cached_handler_once() {
    let app = around_for_a_minute().route("/own", own).paused().start().await;
    let crowd = Crowd::send(app.get("/own").times(5)).await;
    assert_eq!(app.waiting(), [1]);
    app.finish(1).await;
    for response in crowd.responses().await {
        response.assert_body("page 1");
        assert_eq!(response.headers.get_all("cache-status").count(), 1, "{response:?}");
    }
    assert_eq!((app.runs(), app.cache().stats().requests()), (1, 5));
}

#[cache_page(uncached)]
async fn uncached(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

async fn no_store(control: PageControl, origin: Origin) -> Result<HttpResponse, Error> {
    control.no_store();
    origin.respond().await
}

/// The stale windows have no effect either.
async fn with_exempt_handlers() -> TestApp {
    around(|| PageCacheMiddleware::new(60).stale_if_error(seconds(600)).stale_while_revalidate(seconds(60)))
        .route("/uncached", uncached)
        .route("/no-store", no_store)
        .start()
        .await
}

#[actix_web::test]
async fn uncached_handler_responds_as_without_a_middleware() {
    let app = with_exempt_handlers().await;
    for run in 1..4 {
        let response = app.get("/uncached").await;
        response.assert_body(format!("page {run}")).assert_no_header("cache-status");
        response.assert_no_header("etag").assert_no_header("cache-control");
    }
    assert_eq!((app.pages(), app.cache().stats().requests()), (0, 0));
}

#[actix_web::test]
async fn response_with_no_store_of_page_control_is_not_stored() {
    let app = with_exempt_handlers().await;
    for run in 1..4 {
        let response = app.get("/no-store").await;
        response.assert_not_stored(Reason::NoStore).assert_fwd("miss").assert_body(format!("page {run}"));
    }
    assert_eq!((app.pages(), app.cache().stats().requests()), (0, 3));
}

async fn controlling(control: PageControl, origin: Origin) -> Result<HttpResponse, Error> {
    control.ttl(seconds(300)).tag("controlled").vary_on(HeaderName::from_static("x-theme"));
    origin.respond().await
}

#[actix_web::test]
async fn page_control_of_a_handler_applies_to_the_middlewares_page() {
    let app = around_for_a_minute()
        .route("/", controlling)
        .handler(|call| HttpResponse::Ok().body(call.header_values("x-theme").concat()))
        .start()
        .await;
    for theme in ["dark", "light"] {
        let response = app.get("/").header("x-theme", theme).await;
        response.assert_stored().assert_ttl(300).assert_body(theme);
        assert!(response.header("vary").unwrap().contains("x-theme"), "{response:?}");
    }
    app.advance(299);
    for theme in ["dark", "light"] {
        app.get("/").header("x-theme", theme).await.assert_hit().assert_body(theme);
    }
    assert_eq!(app.cache().purge_tag("controlled").await.unwrap().pages(), 2);
}

async fn revalidating(control: PageControl, origin: Origin) -> HttpResponse {
    let run = origin.count();
    let Some(validators) = control.validators() else {
        return HttpResponse::Ok().insert_header(("etag", "\"a\"")).body(format!("page {run}"));
    };
    assert_eq!(validators.etag().unwrap(), "\"a\"");
    HttpResponse::NotModified().finish()
}

/// During the request that found the page stale, and in the background.
#[actix_web::test]
async fn not_modified_response_of_a_handler_refreshes_the_page() {
    let middlewares: [fn() -> PageCacheMiddleware; 2] = [
        || PageCacheMiddleware::new(60).stale_if_error(seconds(60)),
        || PageCacheMiddleware::new(60).stale_while_revalidate(seconds(60)),
    ];
    for middleware in middlewares {
        let app = around(middleware).route("/", revalidating).start().await;
        app.get("/").await.assert_stored();
        app.advance(60);
        app.get("/").await.assert_status(200).assert_body("page 1");
        settle().await;
        app.get("/").await.assert_hit().assert_ttl(60).assert_body("page 1");
        assert_eq!(app.runs(), 2);
    }
}
