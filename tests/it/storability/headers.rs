//! Headers that make a response one visitor's, or that no cache can key.

use cache_page::Reason;

use super::{assert_header_never_stored, assert_never_stored};
use crate::support::{TestApp, ok_with};

#[actix_web::test]
async fn response_with_set_cookie_is_not_stored() {
    assert_header_never_stored("set-cookie", "id=1", Reason::SetCookie).await;
    let public = [("set-cookie", "id=1"), ("cache-control", "public, s-maxage=60")];
    assert_never_stored(ok_with(&public), Reason::SetCookie).await;
}

#[actix_web::test]
async fn response_with_a_csp_nonce_is_not_stored() {
    for (name, value) in [
        ("content-security-policy", "script-src 'nonce-4AEemGb0xJptoIGFP3Nd'"),
        ("content-security-policy-report-only", "script-src 'NONCE-x'"),
    ] {
        assert_header_never_stored(name, value, Reason::CspNonce).await;
    }
    let second_line = [
        ("content-security-policy", "default-src 'self'"),
        ("content-security-policy", "script-src 'nonce-x'"),
    ];
    assert_never_stored(ok_with(&second_line), Reason::CspNonce).await;
}

#[actix_web::test]
async fn response_with_a_user_specific_header_is_not_stored() {
    for (name, value) in [
        ("clear-site-data", "\"cookies\""),
        ("authentication-info", "nextnonce=\"x\""),
        ("set-cookie2", "id=1"),
        ("sec-websocket-accept", "x"),
    ] {
        for lifetime in ["public", "s-maxage=60"] {
            let headers = [(name, value), ("cache-control", lifetime)];
            assert_never_stored(ok_with(&headers), Reason::UserSpecificHeader).await;
        }
    }
}

/// It has a meaning in 206 and 416 only (RFC 9110 14.4). What the cache sends has a `Content-Range` of its own, or none.
#[actix_web::test]
async fn content_range_of_a_200_is_ignored() {
    let app = TestApp::with_handler(ok_with(&[("content-range", "bytes 0-3/10")])).await;
    app.get("/").await.assert_stored();
    app.get("/").await.assert_hit().assert_status(200).assert_body("page").assert_no_header("content-range");
    let part = app.get("/").header("range", "bytes=1-2").await;
    part.assert_status(206).assert_body("ag").assert_header("content-range", "bytes 1-2/4");
}

#[actix_web::test]
async fn response_that_varies_on_anything_is_not_stored() {
    for value in ["*", " * ", "accept, *", "not a name"] {
        assert_header_never_stored("vary", value, Reason::Vary).await;
    }
    for first in ["", "accept"] {
        assert_never_stored(ok_with(&[("vary", first), ("vary", "*")]), Reason::Vary).await;
    }
}

#[actix_web::test]
async fn event_stream_is_not_stored() {
    let value = "Text/Event-Stream; charset=utf-8";
    assert_header_never_stored("content-type", value, Reason::EventStream).await;
}

#[actix_web::test]
async fn response_that_is_not_stored_gets_no_headers() {
    let app = TestApp::with_handler(ok_with(&[("cache-control", "no-store"), ("x-own", "1")])).await;
    let response = app.get("/").await;
    response.assert_not_stored(Reason::NoStore);
    response.assert_header("cache-control", "no-store").assert_header("x-own", "1");
    assert_eq!(response.header_names(), ["cache-control", "cache-status", "x-own"], "{response:?}");
}
