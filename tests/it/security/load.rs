//! Requests that are sent to make handlers run or memory grow.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use actix_web::{HttpRequest, HttpResponse};
use cache_page::{Reason, cache_page};

use crate::support::{TestApp, ok_with};

#[actix_web::test]
async fn request_header_cannot_disable_the_cache() {
    let wishes: [&[(&str, &str)]; 16] = [
        &[("cache-control", "no-cache")],
        &[("cache-control", "no-store")],
        &[("cache-control", "max-age=0")],
        &[("cache-control", "only-if-cached")],
        &[("pragma", "no-cache")],
        &[("authorization", "Bearer bogus")],
        &[("proxy-authorization", "Basic bogus")],
        &[("cookie", "session=bogus")],
        &[("x-api-key", "bogus")],
        &[("range", "bytes=0-0")],
        &[("range", "bytes=9-")],
        &[("range", "bytes=0-0,2-2"), ("if-range", "\"bogus\"")],
        &[("if-match", "\"bogus\"")],
        &[("if-none-match", "\"bogus\"")],
        &[("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT")],
        &[("expect", "100-continue"), ("upgrade", "websocket"), ("connection", "upgrade")],
    ];
    for headers in wishes {
        let app = TestApp::with_handler(ok_with(&[])).await;
        app.get("/").headers(headers).await.assert_stored();
        app.get("/").headers(headers).await.assert_hit();
        app.get("/").await.assert_hit().assert_status(200).assert_body("page");
        assert_eq!(app.runs(), 1, "{headers:?}");
    }
}

#[actix_web::test]
async fn requests_with_credentials_do_not_evict_an_anonymous_page() {
    #[cache_page(60)]
    async fn page(#[anonymous] _request: HttpRequest) -> &'static str {
        "page"
    }
    let app = TestApp::builder().route("/", page).start().await;
    app.get("/").await.assert_stored();
    let bytes = app.cache().stats().bytes();
    for number in 0..100 {
        let request = app.get("/").header("cookie", format!("session={number}"));
        request.await.assert_bypass(Reason::Credentials);
    }
    assert_eq!((app.pages(), app.cache().stats().bytes()), (1, bytes));
    app.get("/").await.assert_hit();
}

/// The first query is longer than the server reads, the second longer than a key.
#[actix_web::test]
async fn query_of_ten_megabytes_stores_nothing() {
    let app = TestApp::builder().serve();
    app.get("/").await.assert_stored();
    let bytes = app.cache().stats().bytes();
    for (length, is_refused) in [(10_000_000, true), (60_000, false)] {
        if is_refused {
            let response = send_and_read(&app, length);
            let text = response.as_deref().unwrap_or_default();
            assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{length}: {text}");
        } else {
            app.get(&format!("/?{}", "x".repeat(length))).await.assert_bypass(Reason::KeyTooLong);
        }
        assert_eq!((app.pages(), app.cache().stats().bytes()), (1, bytes), "{length}");
    }
    app.get("/").await.assert_hit();
}

/// Sends a query of this length. The server may close the connection before it has read all of it.
fn send_and_read(app: &TestApp, length: usize) -> Option<String> {
    let mut stream = TcpStream::connect(app.address()).unwrap();
    let query = "x".repeat(length);
    write!(stream, "GET /?{query} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").ok()?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).ok()?;
    Some(String::from_utf8_lossy(&response).into_owned())
}

/// Each part of a request that selects a page has a new value each time.
#[actix_web::test]
async fn keys_that_never_repeat_stay_within_the_budget() {
    const BUDGET: usize = 200_000;
    let app = TestApp::builder()
        .cache(|cache| cache.max_bytes(BUDGET))
        .handler(ok_with(&[("vary", "accept, x-long")]))
        .start()
        .await;
    let long = "x".repeat(5000);
    for number in 0..1000 {
        let number = number.to_string();
        let (path, host) = (format!("/{number}"), format!("{number}.example"));
        for (uri, header, value) in [
            (path.as_str(), "x-a", ""),
            ("/", "host", &host),
            ("/", "x-forwarded-host", &host),
            ("/", "accept", &number),
            ("/", "x-long", &format!("{long}{number}")),
        ] {
            app.get(uri).header(header, value).await.assert_body("page");
        }
        let bytes = app.cache().stats().bytes();
        assert!(bytes <= BUDGET, "{bytes}");
    }
    assert!((1..BUDGET / 256).contains(&app.pages()), "{}", app.pages());
}

/// Stores a page in one language, and requests it in a thousand that nobody speaks.
async fn app_with_invented_variants() -> TestApp {
    let app = TestApp::with_handler(ok_with(&[("vary", "accept-language")])).await;
    app.get("/").header("accept-language", "en").await.assert_stored();
    for number in 0..1000 {
        app.get("/").header("accept-language", number.to_string()).await.assert_miss();
    }
    app
}

#[actix_web::test]
async fn invented_variants_do_not_evict_the_first_one() {
    let app = app_with_invented_variants().await;
    app.get("/").header("accept-language", "en").await.assert_hit();
}

/// Clients that invent values meanwhile do not keep the cache from learning one that is spoken.
#[actix_web::test]
async fn invented_variants_do_not_keep_others_out() {
    let app = app_with_invented_variants().await;
    app.get("/").header("accept-language", "de").await.assert_stored();
    for number in 1000..2000 {
        if number % 10 == 0 {
            app.get("/").header("accept-language", "de").await.assert_hit();
        }
        app.get("/").header("accept-language", number.to_string()).await.assert_stored();
    }
    assert_eq!(app.pages(), 64);
}

#[actix_web::test]
async fn page_over_a_limit_is_sent_in_full() {
    let body = "x".repeat(11);
    for (limit, app) in [
        ("max_body", TestApp::builder().cache(|cache| cache.max_body(10))),
        ("max_bytes", TestApp::builder().cache(|cache| cache.max_bytes(10))),
    ] {
        let sent = body.clone();
        let app = app.handler(move |_| HttpResponse::Ok().body(sent.clone())).start().await;
        for request in [app.get("/"), app.get("/").header("range", "bytes=0-1")] {
            let response = request.await;
            response.assert_status(200).assert_body(&body);
            response.assert_not_stored(Reason::BodyTooLarge).assert_fwd("miss");
        }
        assert_eq!((app.runs(), app.cache().stats().bytes()), (2, 0), "{limit}");
    }
}
