//! TTLs that the handler sets for one response by `PageControl::ttl`.

use std::time::Duration;

use actix_web::{
    Error, HttpResponse,
    error::{ErrorBadGateway, ErrorGone, ErrorInternalServerError, ErrorNotFound, InternalError},
    http::StatusCode,
};
use cache_page::{PageControl, Reason, cache_page};

use crate::support::{Call, Origin, TestApp};

const PAGE: &str = "/page";
const BRIEF_DOWNSTREAM: &str = "/brief-downstream";
const REFRESHED: &str = "/refreshed";

#[cache_page(60)]
async fn page(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

#[cache_page(60, browser_ttl = 10)]
async fn brief_downstream(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

#[cache_page(60, stale_while_revalidate = 30)]
async fn refreshed(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

async fn app(handler: impl Fn(&Call) -> HttpResponse + Send + Sync + 'static) -> TestApp {
    TestApp::builder()
        .route(PAGE, page)
        .route(BRIEF_DOWNSTREAM, brief_downstream)
        .route(REFRESHED, refreshed)
        .handler(handler)
        .start()
        .await
}

/// Returns a handler that sets this TTL.
fn page_for(ttl: impl Into<Option<Duration>>) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    let ttl = ttl.into();
    move |call| {
        call.control().ttl(ttl);
        HttpResponse::Ok().body(format!("page {}", call.run))
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[actix_web::test]
async fn control_ttl_overrides_that_of_the_attribute() {
    for ttl in [5, 600] {
        let app = app(page_for(seconds(ttl))).await;
        app.get(PAGE).await.assert_stored().assert_fwd("miss").assert_ttl(ttl as i64);
        app.advance_by(seconds(ttl) - Duration::from_nanos(1));
        app.get(PAGE).await.assert_hit();
        app.advance_by(Duration::from_nanos(1));
        app.get(PAGE).await.assert_stored();
    }
}

#[actix_web::test]
async fn control_ttl_is_sent_downstream() {
    for ttl in [5, 600] {
        let app = app(page_for(seconds(ttl))).await;
        app.get(PAGE).await.assert_header("cache-control", &format!("max-age={ttl}"));
    }
}

#[actix_web::test]
async fn control_ttl_does_not_change_the_browser_ttl() {
    for ttl in [5, 600] {
        let app = app(page_for(seconds(ttl))).await;
        app.get(BRIEF_DOWNSTREAM).await.assert_ttl(ttl as i64).assert_header("cache-control", "max-age=10");
    }
}

#[actix_web::test]
async fn control_ttl_of_none_stores_without_expiry() {
    let app = app(page_for(None)).await;
    let response = app.get(PAGE).await;
    response.assert_stored().assert_fwd("miss").assert_ttl(None);
    response.assert_header("cache-control", "no-cache");
    app.advance(100 * 365 * 24 * 60 * 60);
    app.get(PAGE).await.assert_hit();
}

#[actix_web::test]
async fn control_ttl_of_zero_stores_nothing() {
    for uri in [PAGE, REFRESHED] {
        let app = app(page_for(Duration::ZERO)).await;
        for _ in 0..2 {
            let response = app.get(uri).await;
            response.assert_not_stored(Reason::Expired).assert_fwd("miss").assert_no_header("cache-control");
        }
        assert_eq!(app.pages(), 0, "{uri}");
    }
}

/// The response's lifetime is for all caches, the control's is for this one.
#[actix_web::test]
async fn control_ttl_overrides_the_lifetime_of_the_response() {
    for cache_control in ["max-age=5", "max-age=5, s-maxage=7", "max-age=0", "s-maxage=0"] {
        let app = app(move |call| {
            call.control().ttl(seconds(100));
            HttpResponse::Ok().insert_header(("cache-control", cache_control)).finish()
        })
        .await;
        let response = app.get(PAGE).await;
        response.assert_stored().assert_fwd("miss").assert_ttl(100);
        response.assert_header("cache-control", cache_control);
    }
}

#[actix_web::test]
async fn control_ttl_stores_every_status_that_may_be_stored() {
    for (status, is_stored) in
        [(404, true), (302, true), (503, true), (206, false), (304, false), (412, false)]
    {
        let app = app(move |call| {
            call.control().ttl(seconds(5));
            HttpResponse::build(StatusCode::from_u16(status).unwrap()).finish()
        })
        .await;
        let response = app.get(PAGE).await;
        assert_eq!(response.is_stored(), is_stored, "{response:?}");
    }
}

/// Returns a handler that sets a TTL, then fails.
fn error_for(ttl: u64, error: fn(&'static str) -> Error) -> impl Fn(&Call) -> Result<HttpResponse, Error> {
    move |call| {
        call.control().ttl(seconds(ttl));
        Err(error("fails on purpose"))
    }
}

/// The handler set it for the page that it was about to make.
#[actix_web::test]
async fn control_ttl_does_not_apply_to_a_failure() {
    for error in [ErrorInternalServerError as fn(_) -> Error, ErrorBadGateway, |_| redirecting()] {
        let app = app(page_for(None)).await;
        app.set_handler(error_for(600, error));
        for _ in 0..2 {
            app.get(PAGE).await.assert_not_stored(Reason::Status).assert_fwd("miss");
        }
    }
}

/// An error that redirects to a login page.
fn redirecting() -> Error {
    let response = HttpResponse::Found().insert_header(("location", "/login")).finish();
    InternalError::from_response("not logged in", response).into()
}

#[actix_web::test]
async fn control_ttl_applies_to_a_client_error() {
    for (error, status) in [(ErrorNotFound as fn(_) -> Error, 404), (ErrorGone, 410)] {
        let app = app(page_for(None)).await;
        app.set_handler(error_for(5, error));
        app.get(PAGE).await.assert_stored().assert_ttl(5).assert_status(status);
        app.advance(4);
        app.get(PAGE).await.assert_hit().assert_status(status).assert_body("fails on purpose");
        app.advance(1);
        app.get(PAGE).await.assert_stored();
    }
}

#[actix_web::test]
async fn control_ttl_of_zero_does_not_store_an_error() {
    let app = app(page_for(None)).await;
    app.set_handler(error_for(0, ErrorNotFound));
    app.get(PAGE).await.assert_not_stored(Reason::Expired);
}
