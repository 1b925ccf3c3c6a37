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

#[actix_web::test]
async fn response_with_content_range_is_not_stored() {
    for lifetime in ["public", "s-maxage=60"] {
        let headers = [("content-range", "bytes 0-3/10"), ("cache-control", lifetime)];
        assert_never_stored(ok_with(&headers), Reason::Status).await;
    }
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
