//! What is called for requests that are answered without the handler.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use actix_web::HttpRequest;
use cache_page::{PageCacheMiddleware, Reason, cache_page};

use crate::support::{Crowd, Origin, TestApp, settle};

/// Defines a counter that a handler of one test calls.
macro_rules! counter {
    ($count:ident, $function:ident) => {
        static $count: AtomicU64 = AtomicU64::new(0);

        fn $function(_: &HttpRequest) {
            $count.fetch_add(1, Ordering::Relaxed);
        }
    };
}

counter!(VIEWS, count_view);

#[cache_page(60, on_hit = count_view)]
async fn counted(origin: Origin) -> String {
    origin.count().to_string()
}

#[actix_web::test]
async fn on_hit_is_called_for_each_request_without_a_run() {
    let app = TestApp::builder().route("/", counted).start().await;
    let page = app.get("/").await;
    page.assert_stored();
    assert_eq!(VIEWS.load(Ordering::Relaxed), 0);
    app.get("/").await.assert_hit();
    app.head("/").await.assert_hit();
    let tag = page.header("etag").expect("a generated tag");
    app.get("/").header("if-none-match", tag).await.assert_status(304);
    assert_eq!(VIEWS.load(Ordering::Relaxed), 3);
    app.post("/").await.assert_bypass(Reason::Method);
    assert_eq!(VIEWS.load(Ordering::Relaxed), 3);
}

counter!(STALE_VIEWS, count_stale_view);

#[cache_page(60, stale_while_revalidate = 30, on_hit = count_stale_view)]
async fn refreshed(origin: Origin) -> String {
    origin.count().to_string()
}

#[actix_web::test]
async fn on_hit_is_called_for_a_stale_page_and_not_for_its_refresh() {
    let app = TestApp::builder().route("/", refreshed).start().await;
    app.get("/").await.assert_stored();
    app.advance(60);
    app.get("/").await.assert_stale(Reason::StaleWhileRevalidate);
    settle().await;
    assert_eq!(STALE_VIEWS.load(Ordering::Relaxed), 1);
}

counter!(SITE_VIEWS, count_site_view);

#[actix_web::test]
async fn on_hit_of_a_middleware_is_called_for_followers() {
    let middleware = || PageCacheMiddleware::new(Duration::from_secs(60)).on_hit(count_site_view);
    let app = TestApp::builder().uncached().wrap(middleware).paused().start().await;
    let crowd = Crowd::send(app.get("/").times(5)).await;
    app.resume().await;
    crowd.responses().await;
    assert_eq!(app.runs(), 1);
    assert_eq!(SITE_VIEWS.load(Ordering::Relaxed), 4);
}
