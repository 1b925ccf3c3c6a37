//! What of a response is stored and sent again on a hit.

use actix_web::HttpResponse;

use crate::support::{Call, TestApp};

fn with_many_headers(_: &Call) -> HttpResponse {
    HttpResponse::Ok()
        .append_header(("x-unknown", "b"))
        .append_header(("x-unknown", "a"))
        .append_header(("x-unknown", "b"))
        .append_header(("x-empty", ""))
        .append_header(("link", "<a>; rel=x, <b>; rel=\"y, z\""))
        .append_header(("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"))
        .append_header(("etag", "\"own\""))
        .append_header(("cache-control", "public , max-age=7"))
        .body(vec![0_u8, 255, 10, 13])
}

#[actix_web::test]
async fn hit_has_the_headers_and_the_body_of_the_stored_response() {
    let app = TestApp::with_handler(with_many_headers).await;
    let (first, hit) = (app.get("/").await, app.get("/").await);
    first.assert_stored();
    hit.assert_hit().assert_body(&first.body);
    assert_eq!(hit.stored_headers(), first.stored_headers());
}

#[actix_web::test]
async fn hit_has_the_values_of_the_handler_in_their_order() {
    let app = TestApp::with_handler(with_many_headers).await;
    app.get("/").await;
    let hit = app.get("/").await;
    hit.assert_header("x-unknown", "b, a, b").assert_header("x-empty", "");
    hit.assert_header("cache-control", "public , max-age=7").assert_header("etag", "\"own\"");
}

/// They are connection-specific (RFC 9110 7.6.1), for the client of a proxy, or about the length of one message.
const NOT_STORED: [&str; 12] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-authentication-info",
    "content-length",
    "x-hop",
    "x-hop-too",
];

fn with_connection_headers(_: &Call) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for name in NOT_STORED {
        response.append_header((name, if name == "connection" { "close, X-Hop ,x-hop-too" } else { "x" }));
    }
    response.append_header(("x-end", "end-to-end")).body("page")
}

#[actix_web::test]
async fn connection_headers_are_not_stored() {
    let app = TestApp::with_handler(with_connection_headers).await;
    app.get("/").await.assert_stored();
    let hit = app.get("/").await;
    hit.assert_hit().assert_header("x-end", "end-to-end");
    for name in NOT_STORED {
        hit.assert_no_header(name);
    }
}

#[actix_web::test]
async fn connection_headers_are_sent_to_the_client_of_the_fill() {
    let app = TestApp::with_handler(with_connection_headers).await;
    app.get("/").await.assert_stored().assert_header("x-hop", "x");
}

#[actix_web::test]
async fn reason_phrase_of_the_handler_is_stored() {
    let app = TestApp::with_handler(|_| HttpResponse::Ok().reason("Fine By Me").finish()).await;
    for _ in 0..2 {
        let response = app.get("/").call().await;
        assert_eq!(response.response().head().reason(), "Fine By Me");
    }
    assert_eq!(app.runs(), 1);
}
