//! Response headers that are for one client, or about one request.

use actix_web::{HttpResponse, http::header::HeaderName};
use cache_page::{PageCacheMiddleware, Reason};

use crate::support::{BodySource, Call, Crowd, TestApp, TestAppBuilder, ok_with};

fn middleware() -> TestAppBuilder {
    TestApp::builder().uncached().wrap(|| PageCacheMiddleware::new(60))
}

const FORMS: [fn() -> TestAppBuilder; 2] = [TestApp::builder, middleware];

#[actix_web::test]
async fn response_that_hands_out_a_token_is_not_stored() {
    for name in [
        "authorization",
        "x-csrf-token",
        "x-csrftoken",
        "x-xsrf-token",
        "csrf-token",
        "x-auth-token",
        "x-access-token",
        "access-token",
        "x-refresh-token",
        "x-session-id",
        "x-session-token",
        "x-amz-security-token",
        "x-jwt-assertion",
        "x-api-key",
        "x-user-id",
    ] {
        for form in FORMS {
            let headers = [(name, "secret"), ("cache-control", "public, s-maxage=60")];
            let app = form().handler(ok_with(&headers)).start().await;
            for _ in 0..2 {
                let response = app.get("/").await;
                response.assert_not_stored(Reason::UserSpecificHeader).assert_header(name, "secret");
            }
            assert_eq!((app.runs(), app.pages()), (2, 0), "{name}");
        }
    }
}

#[actix_web::test]
async fn response_that_hands_out_a_token_is_not_shared_in_flight() {
    let handler = |call: &Call| {
        HttpResponse::Ok().insert_header(("x-csrf-token", call.run.to_string())).body(call.run.to_string())
    };
    let app = TestApp::builder().handler(handler).paused().start().await;
    let crowd = Crowd::send(app.get("/").times(3)).await;
    app.resume().await;
    let mut tokens: Vec<_> = crowd.responses().await.iter().map(|one| one.header("x-csrf-token")).collect();
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
}

const ABOUT_ONE_REQUEST: [&str; 16] = [
    "x-request-id",
    "request-id",
    "x-correlation-id",
    "x-trace-id",
    "x-amzn-requestid",
    "traceparent",
    "traceresponse",
    "x-b3-spanid",
    "server-timing",
    "x-response-time",
    "x-runtime",
    "ratelimit",
    "ratelimit-remaining",
    "x-ratelimit-limit",
    "x-ratelimit-reset",
    "x-rate-limit-remaining",
];

fn with_headers_about_the_request(call: &Call) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    for name in ABOUT_ONE_REQUEST {
        response.insert_header((name, call.run.to_string()));
    }
    response.insert_header(("x-own", "1")).body("page")
}

#[actix_web::test]
async fn header_about_one_request_is_not_replayed() {
    for form in FORMS {
        let app = form().handler(with_headers_about_the_request).start().await;
        let first = app.get("/").await;
        first.assert_stored();
        let etag = first.header("etag").unwrap();
        for request in [
            app.get("/"),
            app.get("/").header("if-none-match", &etag),
            app.get("/").header("range", "bytes=0-0"),
        ] {
            let hit = request.await;
            hit.assert_hit().assert_header("x-own", "1");
            for name in ABOUT_ONE_REQUEST {
                hit.assert_no_header(name);
                first.assert_header(name, "1");
            }
        }
    }
}

/// The page is the same, whatever the number of the request that it was made for.
#[actix_web::test]
async fn header_about_one_request_does_not_change_the_tag() {
    let app = TestApp::with_handler(with_headers_about_the_request).await;
    let etag = app.get("/").await.header("etag").unwrap();
    app.advance(60);
    app.get("/").header("if-none-match", &etag).await.assert_stored().assert_status(304);
}

#[actix_web::test]
async fn header_about_one_request_is_not_sent_to_followers() {
    let app = TestApp::builder().handler(with_headers_about_the_request).paused().start().await;
    let crowd = Crowd::send(app.get("/").times(2)).await;
    app.resume().await;
    let responses = crowd.responses().await;
    responses[0].assert_stored().assert_header("x-request-id", "1");
    responses[1].assert_collapsed().assert_no_header("x-request-id").assert_no_header("server-timing");
}

#[actix_web::test]
async fn added_header_is_not_replayed() {
    for form in FORMS {
        let builder = form().cache(|cache| cache.per_request_header(HeaderName::from_static("x-served-in")));
        let app = builder.handler(ok_with(&[("X-Served-In", "5 ms"), ("x-own", "1")])).start().await;
        app.get("/").await.assert_stored().assert_header("x-served-in", "5 ms");
        app.get("/").await.assert_hit().assert_no_header("x-served-in").assert_header("x-own", "1");
    }
}

#[actix_web::test]
async fn header_about_one_request_of_a_stream_is_not_replayed() {
    let builder = TestApp::builder()
        .cache(|cache| cache.per_request_header(HeaderName::from_static("x-served-in")))
        .handler(|_: &Call| {
            let source = BodySource::new();
            source.push("page").finish();
            let mut response = HttpResponse::Ok();
            response.insert_header(("x-request-id", "1")).insert_header(("x-served-in", "5 ms"));
            response.body(source.body())
        });
    let app = builder.start().await;
    app.get("/").await.assert_header("x-request-id", "1").assert_body("page");
    app.get("/").await.assert_hit().assert_no_header("x-request-id").assert_no_header("x-served-in");
}
