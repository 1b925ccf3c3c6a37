//! Which responses a middleware stores.

use std::sync::atomic::{AtomicU64, Ordering};

use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue, SET_COOKIE},
    middleware::{Next as NextService, from_fn},
    web,
};
use cache_page::{Outcome, PageCacheMiddleware, Reason};

use super::{around, around_for_a_minute};
use crate::support::{BodySource, Next, TestApp, TestAppBuilder};

/// An application with a resource for `POST`, and the router's own responses to everything else.
fn routed(app: TestAppBuilder) -> TestAppBuilder {
    app.configure(|config| {
        config.service(web::resource("/post").route(web::post().to(async || "posted")));
        config.default_service(web::to(async || HttpResponse::NotFound()));
    })
}

#[actix_web::test]
async fn response_of_the_router_is_not_stored() {
    let app = routed(around_for_a_minute()).start().await;
    for (uri, code) in [("/nothing", 404), ("/post", 405)] {
        for _ in 0..2 {
            app.get(uri).await.assert_not_stored(Reason::Status).assert_status(code);
        }
    }
    assert_eq!(app.pages(), 0);
}

#[actix_web::test]
async fn response_of_the_router_is_stored_if_its_status_is() {
    let app = routed(around(|| PageCacheMiddleware::new(60).statuses(&[404, 405]))).start().await;
    for (uri, code) in [("/nothing", 404), ("/post", 405)] {
        app.get(uri).await.assert_stored().assert_status(code);
        app.get(uri).await.assert_hit().assert_status(code);
    }
    assert_eq!(app.pages(), 2);
}

async fn set_cookie(
    request: ServiceRequest,
    next: NextService<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    static COOKIES: AtomicU64 = AtomicU64::new(0);
    let mut response = next.call(request).await?;
    let cookie = format!("csrf={}; HttpOnly", COOKIES.fetch_add(1, Ordering::SeqCst));
    response.headers_mut().append(SET_COOKIE, HeaderValue::from_str(&cookie).unwrap());
    Ok(response)
}

#[actix_web::test]
async fn cookie_of_an_inner_middleware_is_never_replayed() {
    let app = TestApp::builder()
        .uncached()
        .wrap(|| from_fn(set_cookie))
        .wrap(|| PageCacheMiddleware::new(None))
        .start()
        .await;
    for number in 0..4 {
        let response = app.get("/").await;
        response.assert_not_stored(Reason::SetCookie).assert_fwd("miss");
        response.assert_header("set-cookie", &format!("csrf={number}; HttpOnly"));
    }
    assert_eq!(app.pages(), 0);
}

/// Headers that middleware inside adds to each response.
const ABOUT_ONE_REQUEST: [&str; 8] = [
    "x-request-id",
    "x-correlation-id",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "ratelimit",
    "server-timing",
    "traceparent",
    "x-response-time",
];

async fn describe_request(
    request: ServiceRequest,
    next: NextService<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut response = next.call(request).await?;
    for name in ABOUT_ONE_REQUEST {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static("of the miss"));
    }
    Ok(response)
}

#[actix_web::test]
async fn header_about_one_request_from_inside_is_not_replayed() {
    let app = TestApp::builder()
        .uncached()
        .wrap(|| from_fn(describe_request))
        .wrap(|| PageCacheMiddleware::new(60))
        .start()
        .await;
    let (miss, hit) = (app.get("/").await, app.get("/").await);
    miss.assert_stored();
    hit.assert_hit().assert_body(&miss.body);
    for name in ABOUT_ONE_REQUEST {
        miss.assert_header(name, "of the miss");
        hit.assert_no_header(name);
    }
}

#[actix_web::test]
async fn streamed_body_is_passed_on_and_stored_at_its_end() {
    let source = BodySource::new();
    let body = source.clone();
    let app = around_for_a_minute().handler(move |_| HttpResponse::Ok().body(body.body())).start().await;
    let (head, mut body) = app.get("/").stream().await;
    head.assert_not_stored(Reason::Streamed).assert_fwd("miss");
    for chunk in ["one ", "two"] {
        source.push(chunk);
        assert_eq!(body.next(), Next::Chunk(chunk.to_owned()));
        assert_eq!((body.next(), app.pages()), (Next::Pending, 0));
    }
    source.finish();
    assert_eq!(body.next(), Next::End);
    assert_eq!((app.pages(), app.count(Outcome::Stored)), (1, 1));
    app.get("/").await.assert_hit().assert_body("one two");
    assert_eq!(app.runs(), 1);
}

const HANDSHAKE: &[(&str, &str)] = &[("connection", "upgrade"), ("upgrade", "websocket")];

fn switch_protocols() -> HttpResponse {
    HttpResponse::SwitchingProtocols()
        .insert_header(("upgrade", "websocket"))
        .insert_header(("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
        .upgrade("websocket")
        .finish()
}

/// Whether or not the request asks for it.
#[actix_web::test]
async fn switch_of_protocols_is_never_stored() {
    let app = around(|| PageCacheMiddleware::new(60).statuses(&[200]))
        .handler(|_| switch_protocols())
        .start()
        .await;
    let expected =
        [(HANDSHAKE, Outcome::Bypass(Reason::Upgrade)), (&[], Outcome::NotStored(Reason::Upgrade))];
    for (headers, outcome) in expected {
        for _ in 0..3 {
            app.get("/").headers(headers).await.assert_outcome(outcome).assert_status(101);
        }
    }
    assert_eq!((app.runs(), app.pages()), (6, 0));
}

#[actix_web::test]
async fn websocket_handshake_bypasses_a_stored_page() {
    let app = around_for_a_minute()
        .handler(|call| match call.header_values("upgrade").is_empty() {
            true => HttpResponse::Ok().body("page"),
            false => switch_protocols(),
        })
        .start()
        .await;
    for _ in 0..2 {
        app.get("/").await.assert_body("page");
        app.get("/").headers(HANDSHAKE).await.assert_bypass(Reason::Upgrade).assert_status(101);
    }
    app.get("/").await.assert_hit();
}
