//! `If-None-Match`, `If-Modified-Since`, and the 304 that answers them.

use std::time::{Duration, SystemTime};

use actix_web::{
    HttpResponse,
    error::InternalError,
    http::{StatusCode, header::HttpDate},
};
use cache_page::Outcome;

use super::{BEFORE, CHANGED, Handler, on_miss_and_hit, tagged, untagged};
use crate::support::{Call, TestApp, TestResponse, pipeline};

#[actix_web::test]
async fn conditions_are_evaluated_on_a_miss_as_on_a_hit() {
    let handlers: [Handler; 2] = [tagged, untagged];
    for handler in handlers {
        let etag = on_miss_and_hit(handler, &[]).await[0].header("etag").unwrap();
        let (weak, strong) = (format!("W/{}", etag.trim_start_matches("W/")), etag.trim_start_matches("W/"));
        let list = format!("\"other\", {weak} , W/\"third\"");
        for (headers, status) in [
            (&[("if-none-match", etag.as_str())][..], 304),
            (&[("if-none-match", &weak)], 304),
            (&[("if-none-match", strong)], 304),
            (&[("if-none-match", &list)], 304),
            (&[("if-none-match", "\"other\""), ("if-none-match", &etag)], 304),
            (&[("if-none-match", "*")], 304),
            (&[("if-none-match", "\"other\"")], 200),
            (&[("if-none-match", "")], 200),
            (&[("if-none-match", "junk")], 200),
            (&[("if-none-match", "\"other\""), ("if-modified-since", CHANGED)], 200),
            (&[("if-none-match", &etag), ("if-modified-since", BEFORE)], 304),
            (&[("if-modified-since", CHANGED)], 304),
            (&[("if-modified-since", BEFORE)], 200),
            (&[("if-modified-since", "Sunday, 06-Nov-94 08:49:37 GMT")], 304),
            (&[("if-modified-since", "yesterday")], 200),
        ] {
            for response in on_miss_and_hit(handler, headers).await {
                response.assert_status(status).assert_body(if status == 304 { "" } else { "0123456789" });
            }
        }
    }
}

#[actix_web::test]
async fn page_without_last_modified_is_compared_by_its_date() {
    let app = TestApp::new().await;
    let date = app.get("/").await.header("date").unwrap();
    app.advance(30);
    let second = SystemTime::from(date.parse::<HttpDate>().unwrap()) - Duration::from_secs(1);
    let earlier = HttpDate::from(second).to_string();
    app.get("/").header("if-modified-since", &date).await.assert_status(304);
    app.get("/").header("if-modified-since", &earlier).await.assert_status(200);
    assert_eq!(app.runs(), 1);
}

#[actix_web::test]
async fn conditions_and_ranges_apply_only_to_a_page_that_is_200() {
    for status in [StatusCode::MOVED_PERMANENTLY, StatusCode::NOT_FOUND] {
        let app = TestApp::with_handler(move |_| {
            HttpResponse::build(status)
                .insert_header(("etag", "\"v1\""))
                .insert_header(("cache-control", "max-age=9"))
                .body("page")
        })
        .await;
        for (name, value) in [("if-none-match", "\"v1\""), ("if-none-match", "*"), ("range", "bytes=0-1")] {
            for _ in 0..2 {
                app.get("/").header(name, value).await.assert_status(status.as_u16()).assert_body("page");
            }
        }
    }
}

/// The page of [`with_all_headers`] is encoded.
const ACCEPT_BR: [(&str, &str); 1] = [("accept-encoding", "br")];

fn with_all_headers(_: &Call) -> HttpResponse {
    let expires = HttpDate::from(SystemTime::now() + Duration::from_secs(600)).to_string();
    HttpResponse::Ok()
        .insert_header(("cache-control", "public, max-age=600"))
        .insert_header(("content-digest", "sha-256=:x:"))
        .insert_header(("content-encoding", "br"))
        .insert_header(("content-language", "en"))
        .insert_header(("content-location", "/page.en"))
        .insert_header(("content-type", "text/plain"))
        .insert_header(("etag", "\"v1\""))
        .insert_header(("expires", expires))
        .insert_header(("last-modified", CHANGED))
        .insert_header(("link", "</style.css>; rel=preload"))
        .insert_header(("vary", "accept-language"))
        .insert_header(("x-own", "1"))
        .body("page")
}

fn assert_is_304_of(response: &TestResponse, page: &TestResponse) {
    response.assert_status(304).assert_body("");
    let is_about_the_body =
        |name: &str| ["connection", "content-digest", "content-encoding", "content-length"].contains(&name);
    let expected = page.stored_headers().into_iter().filter(|(name, _)| !is_about_the_body(name));
    assert_eq!(response.stored_headers(), expected.collect::<Vec<_>>(), "{response:?}");
    assert!(response.header("age").is_some() && response.header("cache-status").is_some(), "{response:?}");
}

#[actix_web::test]
async fn not_modified_response_has_all_headers_that_may_differ() {
    let app = TestApp::with_handler(with_all_headers).await;
    let page = app.get("/").headers(&ACCEPT_BR).await;
    for request in [app.get("/").headers(&ACCEPT_BR), app.head("/").headers(&ACCEPT_BR)] {
        assert_is_304_of(&request.header("if-none-match", "\"v1\"").await, &page);
    }
    let app = TestApp::new().await;
    app.get("/").await;
    let response = app.get("/").header("if-none-match", "*").await;
    response.assert_status(304);
    assert_eq!(
        response.header_names(),
        ["accept-ranges", "age", "cache-control", "cache-status", "date", "etag"]
    );
}

#[actix_web::test]
async fn not_modified_response_counts_as_revalidated() {
    let app = TestApp::with_handler(tagged).await;
    app.get("/").await;
    for request in [app.get("/"), app.head("/")] {
        request.header("if-none-match", "\"v1\"").await.assert_hit();
    }
    let counts = [Outcome::Stored, Outcome::Hit, Outcome::Revalidated].map(|outcome| app.count(outcome));
    assert_eq!(counts, [1, 0, 2]);
}

#[actix_web::test]
async fn not_modified_response_has_no_body_on_a_socket() {
    let app = TestApp::builder().handler(with_all_headers).serve();
    let page = app.get("/").headers(&ACCEPT_BR).await;
    // A body would be read as the next response of the connection. The last response closes it, which adds a header.
    let responses =
        pipeline(&app.get("/").headers(&ACCEPT_BR).header("if-none-match", "\"v1\"").times(3)).await;
    responses[..2].iter().for_each(|response| assert_is_304_of(response, &page));
}

#[actix_web::test]
async fn not_modified_response_keeps_the_extensions_of_the_handler() {
    let app = TestApp::with_handler(|call| {
        let mut response = tagged(call);
        response.extensions_mut().insert("left by the handler");
        response
    })
    .await;
    let response = app.get("/").header("if-none-match", "\"v1\"").call().await;
    assert_eq!(response.status(), 304);
    assert_eq!(response.response().extensions().get::<&str>(), Some(&"left by the handler"));
}

/// Middleware around it may handle the error.
#[actix_web::test]
async fn error_of_the_handler_is_not_replaced_by_a_304() {
    let app = TestApp::with_handler(|_| {
        let mut stored = HttpResponse::Ok();
        stored.insert_header(("cache-control", "max-age=60")).insert_header(("etag", "\"v1\""));
        HttpResponse::from_error(InternalError::from_response("failed", stored.body("0123456789")))
    })
    .await;
    let response = app.get("/").header("if-none-match", "\"v1\"").call().await;
    assert_eq!((response.status().as_u16(), response.response().error().is_some()), (200, true));
}
