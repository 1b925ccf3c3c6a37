//! `If-Match` and `If-Unmodified-Since` (RFC 9110 13.1.1, 13.1.4): the same answer on a hit as on a miss.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::HeaderValue},
};

use super::{BEFORE, CHANGED, Handler, on_miss_and_hit, tagged, untagged};
use crate::support::{Call, TestApp};

/// The handler, the headers of the request, and the status of the response.
type Case = (Handler, &'static [(&'static str, &'static str)], u16);

#[actix_web::test]
async fn preconditions_are_evaluated_on_a_miss_as_on_a_hit() {
    let cases: [Case; 13] = [
        (tagged, &[("if-match", "\"v1\"")], 200),
        (tagged, &[("if-match", "\"v0\", \"v1\"")], 200),
        (tagged, &[("if-match", "\"v0\""), ("if-match", "\"v1\"")], 200),
        (tagged, &[("if-match", "*")], 200),
        (untagged, &[("if-match", "*")], 200),
        (tagged, &[("if-match", "\"v0\"")], 412),
        (tagged, &[("if-match", "W/\"v1\"")], 412),
        (untagged, &[("if-match", "\"v1\"")], 412),
        (tagged, &[("if-unmodified-since", CHANGED)], 200),
        (tagged, &[("if-unmodified-since", "yesterday")], 200),
        (tagged, &[("if-unmodified-since", BEFORE)], 412),
        (tagged, &[("if-match", "\"v1\""), ("if-unmodified-since", BEFORE)], 200),
        (tagged, &[("if-match", "\"v0\""), ("if-none-match", "\"v1\"")], 412),
    ];
    for (handler, headers, status) in cases {
        for response in on_miss_and_hit(handler, headers).await {
            response.assert_status(status).assert_body(if status == 200 { "0123456789" } else { "" });
        }
    }
}

/// As `NamedFile` does.
fn evaluating(call: &Call) -> HttpResponse {
    match &*call.header_values("if-match") {
        [listed] if listed != "\"v1\"" => HttpResponse::new(StatusCode::PRECONDITION_FAILED),
        _ => tagged(call),
    }
}

#[actix_web::test]
async fn handler_that_evaluates_if_match_and_the_cache_agree() {
    let app = TestApp::with_handler(evaluating).await;
    let failing = || app.get("/").header("if-match", "\"other\"");
    failing().await.assert_status(412);
    app.get("/").await.assert_stored().assert_status(200);
    failing().await.assert_hit().assert_status(412);
    app.head("/").header("if-match", "\"other\"").await.assert_hit().assert_status(412);
    app.get("/").header("if-match", "\"v1\"").await.assert_hit().assert_status(200);
}

/// A precondition is about a page that exists (RFC 9110 13.2.1).
#[actix_web::test]
async fn precondition_is_ignored_if_the_page_is_an_error() {
    let app = TestApp::with_handler(|_| {
        HttpResponse::NotFound().insert_header(("cache-control", "max-age=9")).body("nothing")
    })
    .await;
    for _ in 0..2 {
        app.get("/").header("if-match", "\"v1\"").await.assert_status(404).assert_body("nothing");
    }
}

#[actix_web::test]
async fn failed_precondition_does_not_change_what_others_are_sent() {
    let app = TestApp::with_handler(tagged).await;
    app.get("/").header("if-match", "\"v0\"").await.assert_stored().assert_status(412);
    app.get("/").await.assert_hit().assert_status(200).assert_body("0123456789");
    assert_eq!(app.runs(), 1);
}

/// Scripts of another origin read the status only if the handler permits it.
#[actix_web::test]
async fn refusal_has_the_cors_headers_of_the_page() {
    let app = TestApp::with_handler(|call| {
        let mut response = tagged(call);
        for (name, value) in [
            ("access-control-allow-origin", "https://a.example"),
            ("vary", "origin"),
            ("cache-control", "max-age=60"),
        ] {
            response.headers_mut().insert(name.parse().unwrap(), HeaderValue::from_static(value));
        }
        response
    })
    .await;
    for (header, status) in [(("if-match", "\"v0\""), 412), (("range", "bytes=10-"), 416)] {
        for _ in 0..2 {
            let response = app.get("/").header(header.0, header.1).await;
            response.assert_status(status).assert_header("vary", "origin");
            response.assert_header("access-control-allow-origin", "https://a.example");
            // A downstream cache must not store it for others.
            response.assert_no_header("cache-control").assert_no_header("etag");
        }
    }
}
