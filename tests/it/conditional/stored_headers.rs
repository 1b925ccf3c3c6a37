//! A client that is sent 304 goes on with the response that it has. It must not miss that only the headers have changed.

use std::time::SystemTime;

use actix_web::{HttpResponse, http::header::HttpDate};
use cache_page::PageCacheMiddleware;

use super::revalidation::{KEPT_ON_ERROR, app as revalidating_app};
use crate::support::{Backend, TestApp, TestAppBuilder, ok_with};

const CHANGES: [(&str, &str, &str); 7] = [
    ("content-security-policy", "default-src *", "default-src 'self'"),
    ("content-type", "text/plain", "text/html"),
    ("x-frame-options", "SAMEORIGIN", "DENY"),
    ("access-control-allow-origin", "https://a.example", "https://b.example"),
    ("link", "</a.css>; rel=preload", "</b.css>; rel=preload"),
    ("vary", "accept", "accept, dnt"),
    ("x-own", "1", "2"),
];

fn middleware() -> TestAppBuilder {
    TestApp::builder().uncached().wrap(|| PageCacheMiddleware::new(60))
}

/// Browsers take some headers from no 304, whatever it says, so the tag has to change.
#[actix_web::test]
async fn changed_header_is_sent_although_the_body_is_the_same() {
    for builder in [TestApp::builder, middleware] {
        for (name, old, new) in CHANGES {
            let app = builder().handler(ok_with(&[(name, old)])).start().await;
            let etag = app.get("/").await.header("etag").unwrap();
            app.get("/").header("if-none-match", &etag).await.assert_status(304);
            app.set_handler(ok_with(&[(name, new)]));
            app.cache().purge_all().await.unwrap();
            for request in [app.get("/"), app.get("/"), app.head("/")] {
                let response = request.header("if-none-match", &etag).await;
                response.assert_status(200);
                // The middleware adds to `Vary`.
                assert!(response.header(name).is_some_and(|value| value.starts_with(new)), "{response:?}");
                assert_ne!(response.header("etag"), Some(etag.clone()), "{response:?}");
            }
        }
    }
}

#[actix_web::test]
async fn header_that_was_added_or_removed_changes_the_tag() {
    let with: &[(&str, &str)] = &[("x-own", "1"), ("x-own", "2")];
    for (old, new) in [(&[][..], with), (with, &[]), (with, &with[..1]), (with, &[with[1], with[0]])] {
        let app = TestApp::with_handler(ok_with(old)).await;
        let etag = app.get("/").await.header("etag").unwrap();
        app.set_handler(ok_with(new));
        app.advance(60);
        app.get("/").header("if-none-match", &etag).await.assert_stored().assert_status(200);
    }
}

/// A page that another run generates without a change is the one that the client has.
#[actix_web::test]
async fn times_and_lifetimes_do_not_change_the_tag() {
    let app = TestApp::with_handler(|call| {
        let now = HttpDate::from(SystemTime::now()).to_string();
        let max_age = format!("max-age={}", 10 + call.run);
        HttpResponse::Ok()
            .insert_header(("cache-control", max_age))
            .insert_header(("last-modified", now))
            .body("page")
    })
    .await;
    let etag = app.get("/").await.header("etag").unwrap();
    for run in 2..4 {
        app.advance(60);
        let response = app.get("/").header("if-none-match", &etag).await;
        response.assert_stored().assert_status(304).assert_header("etag", &etag);
        response.assert_header("cache-control", &format!("max-age={}", 10 + run));
        assert_eq!(app.runs(), run);
    }
}

/// The handler's own tag may stand for the body alone.
#[actix_web::test]
async fn not_modified_under_the_handlers_tag_has_the_new_headers() {
    let etag = ("etag", "\"v1\"");
    for (name, old, new) in CHANGES {
        let app = TestApp::with_handler(ok_with(&[etag, (name, old)])).await;
        app.get("/").await.assert_stored();
        app.set_handler(ok_with(&[etag, (name, new)]));
        app.cache().purge_all().await.unwrap();
        for request in [app.get("/"), app.get("/"), app.head("/")] {
            let response = request.header("if-none-match", "\"v1\"").await;
            response.assert_status(304).assert_header(name, new);
        }
    }
}

/// The browser blocks a cross-origin response whose 304 has no `Access-Control-Allow-Origin`.
#[actix_web::test]
async fn page_of_another_origin_is_not_confirmed() {
    let app = TestApp::with_handler(|call| {
        let mut response = HttpResponse::Ok();
        for origin in call.header_values("origin") {
            response.insert_header(("access-control-allow-origin", origin));
        }
        response.insert_header(("vary", "origin")).body("page")
    })
    .await;
    let same_origin = app.get("/").await.header("etag").unwrap();
    for _ in 0..2 {
        let response =
            app.get("/").header("origin", "https://a.example").header("if-none-match", &same_origin).await;
        response.assert_status(200).assert_header("access-control-allow-origin", "https://a.example");
        let etag = response.header("etag").unwrap();
        let response = app.get("/").header("origin", "https://a.example").header("if-none-match", etag).await;
        response.assert_status(304).assert_header("access-control-allow-origin", "https://a.example");
    }
}

#[actix_web::test]
async fn partial_response_has_the_new_headers() {
    let tagged = |value| ok_with(&[("etag", "\"v1\""), ("content-security-policy", value)]);
    let app = TestApp::with_handler(tagged("default-src *")).await;
    app.get("/").await.assert_stored();
    app.set_handler(tagged("default-src 'self'"));
    app.advance(60);
    for _ in 0..2 {
        let response = app.get("/").header("range", "bytes=1-2").header("if-range", "\"v1\"").await;
        response.assert_status(206).assert_body("ag");
        response.assert_header("content-security-policy", "default-src 'self'");
    }
}

/// Although the handler repeats the tag that was generated for the old headers.
#[actix_web::test]
async fn confirmed_page_with_another_header_has_another_tag() {
    let app = revalidating_app(|call| {
        let mut response = match call.control().validators() {
            Some(stored) => {
                HttpResponse::NotModified().insert_header(("etag", stored.etag().unwrap())).finish()
            }
            None => HttpResponse::Ok().body("page"),
        };
        let policy = ("content-security-policy", format!("default-src 'self' https://{}.example", call.run));
        response
            .headers_mut()
            .insert(actix_web::http::header::CONTENT_SECURITY_POLICY, policy.1.parse().unwrap());
        response
    })
    .await;
    let etag = app.get(KEPT_ON_ERROR).await.header("etag").unwrap();
    app.advance(60);
    let response = app.get(KEPT_ON_ERROR).header("if-none-match", &etag).await;
    response.assert_fwd_status(304).assert_status(200).assert_body("page");
    response.assert_header("content-security-policy", "default-src 'self' https://2.example");
    assert_ne!(response.header("etag"), Some(etag), "{response:?}");
}

/// Two processes that make the same page without each other have the same tag, whatever the order of their headers.
#[actix_web::test]
async fn processes_generate_the_same_tag() {
    let headers: Vec<(String, String)> = (0..20).map(|n| (format!("x-{n}"), format!("value {n}"))).collect();
    let lines: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let reversed: Vec<_> = lines.iter().rev().copied().collect();
    let etag = TestApp::with_handler(ok_with(&lines)).await.get("/").await.header("etag");
    let backend = Backend::new();
    let one = TestApp::builder().remote(&backend).handler(ok_with(&reversed)).start().await;
    let other = TestApp::builder().remote(&backend).handler(ok_with(&lines)).start().await;
    one.wait_available().await;
    other.wait_available().await;
    let filled = one.fill(one.get("/")).await;
    assert_eq!(filled.header("etag"), etag);
    let response = other.get("/").header("if-none-match", etag.unwrap()).await;
    response.assert_hit().assert_status(304).assert_header("x-7", "value 7");
    assert_eq!((one.runs(), other.runs()), (1, 0));
}
