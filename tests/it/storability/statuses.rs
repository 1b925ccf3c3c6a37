//! Statuses that are stored with the TTL of the attribute, with an explicit lifetime, or never.

use actix_web::{HttpResponse, error::ErrorBadGateway, http::StatusCode};
use cache_page::Reason;

use super::assert_never_stored;
use crate::support::{Call, TestApp};

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}

#[actix_web::test]
async fn ttl_stores_only_200_301_and_308() {
    for code in 200..=599 {
        let app = TestApp::with_handler(move |_| HttpResponse::new(status(code))).await;
        let is_stored = [200, 301, 308].contains(&code);
        assert_eq!(app.get("/").await.is_stored(), is_stored, "{code}");
        let second = app.get("/").await;
        assert_eq!((second.is_hit(), second.status), (is_stored, code), "{code}");
    }
}

#[actix_web::test]
async fn explicit_lifetime_stores_every_status_that_may_be_stored() {
    for code in 200..=599 {
        let app = TestApp::with_handler(move |_| {
            HttpResponse::build(status(code)).insert_header(("cache-control", "s-maxage=5")).finish()
        })
        .await;
        let is_stored = ![206, 304, 412, 416, 417, 428, 429, 431, 511].contains(&code);
        assert_eq!(app.get("/").await.is_stored(), is_stored, "{code}");
        let second = app.get("/").await;
        assert_eq!((second.is_hit(), second.status), (is_stored, code), "{code}");
    }
}

/// Informational statuses, those that answer one request's conditions, and those of RFC 6585.
#[actix_web::test]
async fn status_that_may_not_be_stored_is_never_stored() {
    for code in [100, 102, 103, 199, 206, 304, 412, 416, 417, 428, 429, 431, 511] {
        let handler = move |_: &Call| {
            HttpResponse::build(status(code)).insert_header(("cache-control", "max-age=60")).finish()
        };
        assert_never_stored(handler, Reason::Status).await;
    }
}

#[actix_web::test]
async fn protocol_upgrade_is_not_stored() {
    assert_never_stored(|_: &Call| HttpResponse::Ok().upgrade("websocket").finish(), Reason::Upgrade).await;
    let switching = |_: &Call| HttpResponse::SwitchingProtocols().upgrade("websocket").finish();
    assert_never_stored(switching, Reason::Upgrade).await;
}

#[actix_web::test]
async fn handler_error_is_not_stored_and_reaches_the_middleware() {
    let app = TestApp::with_handler(|_| HttpResponse::from_error(ErrorBadGateway("down"))).await;
    for run in 1..=2 {
        let response = app.get("/").call().await;
        assert_eq!(response.response().error().map(ToString::to_string).as_deref(), Some("down"));
        assert_eq!((response.status().as_u16(), app.runs()), (502, run));
    }
}
