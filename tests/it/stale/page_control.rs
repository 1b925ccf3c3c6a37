//! What a handler decides about stale pages by its `PageControl`.

use std::time::Duration;

use actix_web::{Error, HttpResponse};
use cache_page::{PageControl, Reason, cache_page};

use super::status;
use crate::support::{Call, Origin, TestApp, settle};

const REFRESHED: &str = "/refreshed";
const KEPT_ON_ERROR: &str = "/kept-on-error";
const PLAIN: &str = "/plain";

#[cache_page(60, stale_while_revalidate = 30)]
async fn refreshed(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

#[cache_page(60, stale_if_error = 300)]
async fn kept_on_error(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

#[cache_page(60)]
async fn plain(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

async fn app() -> TestApp {
    TestApp::builder()
        .route(REFRESHED, refreshed)
        .route(KEPT_ON_ERROR, kept_on_error)
        .route(PLAIN, plain)
        .start()
        .await
}

fn page(call: &Call) -> HttpResponse {
    HttpResponse::Ok().body(format!("page {}", call.run))
}

/// It may be what must not be sent any more.
#[actix_web::test]
async fn control_no_store_removes_the_stale_page() {
    for uri in [KEPT_ON_ERROR, REFRESHED] {
        let app = app().await;
        app.get(uri).await.assert_stored();
        app.set_handler(|call| {
            call.control().no_store();
            page(call)
        });
        app.advance(60);
        app.get(uri).await;
        settle().await;
        assert_eq!((app.runs(), app.pages()), (2, 0), "{uri}");
        app.set_handler(status(500));
        assert_eq!(app.get(uri).await.status, 500, "{uri}");
    }
}

/// The page is fresh for 10 seconds, and may be served stale for 5 more.
fn with_a_short_window(call: &Call) -> HttpResponse {
    call.control().stale_while_revalidate(Duration::from_secs(5)).ttl(Duration::from_secs(10));
    page(call)
}

async fn app_with_a_short_window() -> TestApp {
    let app = app().await;
    app.set_handler(with_a_short_window);
    app
}

#[actix_web::test]
async fn control_overrides_the_stale_window_of_the_attribute() {
    let app = app_with_a_short_window().await;
    app.get(REFRESHED).await.assert_stored().assert_ttl(10);
    app.advance(15);
    app.get(REFRESHED).await.assert_stored().assert_fwd("stale").assert_ttl(10).assert_body("page 2");
}

#[actix_web::test]
async fn control_of_a_background_refresh_applies_to_the_new_page() {
    let app = app_with_a_short_window().await;
    app.get(REFRESHED).await;
    app.advance(10);
    app.get(REFRESHED).await.assert_stale(Reason::StaleWhileRevalidate).assert_body("page 1");
    settle().await;
    app.get(REFRESHED).await.assert_hit().assert_ttl(10).assert_body("page 2");
    app.advance(15);
    app.get(REFRESHED).await.assert_stored().assert_fwd("stale").assert_ttl(10).assert_body("page 3");
}

/// Only a handler with that option can run in the background.
#[actix_web::test]
async fn control_enables_no_background_refresh_without_the_option() {
    let app = app_with_a_short_window().await;
    app.get(PLAIN).await.assert_stored();
    app.advance(10);
    app.get(PLAIN).await.assert_stored().assert_body("page 2");
}

#[actix_web::test]
async fn tags_of_a_background_refresh_replace_the_old_ones() {
    let app = app().await;
    app.set_handler(|call| {
        call.control().tag(format!("run {}", call.run));
        page(call)
    });
    app.get(REFRESHED).await;
    app.advance(60);
    app.get(REFRESHED).await;
    settle().await;
    for (tag, expected) in [("run 1", 0), ("run 2", 1)] {
        assert_eq!(app.cache().purge_tag(tag).await.unwrap().pages(), expected, "{tag}");
    }
}
