//! `HEAD` requests, which run the services inside as `GET`.

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    http::Method,
    web::{self, Bytes, ServiceConfig},
};
use cache_page::{Outcome, PageCacheMiddleware, Reason, cache_page};
use futures_util::stream;

use super::around_for_a_minute;
use crate::support::{Crowd, Origin, TestApp, TestAppBuilder};

async fn page(request: HttpRequest, origin: Origin) -> String {
    format!("{} {} {:?}", origin.count(), request.method(), request.headers().get("range"))
}

#[cache_page(300)]
async fn own(origin: Origin, method: Method) -> String {
    format!("{} {method}", origin.count())
}

async fn endless() -> HttpResponse {
    let chunks = stream::repeat_with(|| Ok::<_, actix_web::Error>(Bytes::from_static(b"data: \n\n")));
    HttpResponse::Ok().content_type("text/event-stream").streaming(chunks)
}

async fn session(origin: Origin) -> impl Responder {
    HttpResponse::Ok().insert_header(("set-cookie", "id=1")).body(format!("page {}", origin.count()))
}

fn routes(config: &mut ServiceConfig) {
    config
        .route("/page", web::get().to(page))
        .route("/own", web::get().to(own))
        .route("/session", web::get().to(session))
        .route("/endless", web::get().to(endless));
}

fn site() -> TestAppBuilder {
    around_for_a_minute().configure(routes)
}

/// A monitor asks again and again.
#[actix_web::test]
async fn head_requests_cost_one_run_per_ttl() {
    let app = site().start().await;
    app.head("/page").await.assert_stored().assert_status(200);
    for _ in 0..20 {
        app.head("/page").await.assert_hit().assert_status(200);
    }
    // It is the page of a GET.
    app.get("/page").await.assert_hit().assert_body("1 GET None");
    app.advance(60);
    app.head("/page").await.assert_stored();
    assert_eq!(app.runs(), 2);
}

#[actix_web::test]
async fn response_to_head_has_the_headers_of_a_get_and_no_body() {
    let app = site().serve();
    for run in 1..3 {
        let head = app.head("/page").await;
        head.assert_status(200).assert_body("").assert_header("content-length", "10");
        let get = app.get("/page").await;
        get.assert_hit().assert_body(format!("{run} GET None")).assert_header("content-length", "10");
        assert_eq!(head.stored_headers(), get.stored_headers());
        app.cache().purge_all().await.unwrap();
    }
    // Not stored, and so not a hit.
    for run in 3..5 {
        let head = app.head("/session").await;
        head.assert_not_stored(Reason::SetCookie).assert_body("").assert_header("content-length", "6");
        assert_eq!(app.runs(), run);
    }
}

/// The client waits for the next response on the same connection.
#[actix_web::test]
async fn head_of_an_endless_stream_is_answered() {
    let app = site().serve();
    for _ in 0..2 {
        app.head("/endless").await.assert_not_stored(Reason::EventStream).assert_body("");
    }
}

#[actix_web::test]
async fn head_does_not_select_a_range() {
    let app = site().start().await;
    app.head("/page").header("range", "bytes=0-1").await.assert_stored().assert_status(200);
    app.get("/page").await.assert_hit().assert_body("1 GET None");
}

#[actix_web::test]
async fn head_is_answered_with_304_on_a_miss_as_on_a_hit() {
    let app = site().start().await;
    for outcome in [Outcome::Stored, Outcome::Hit] {
        let response = app.head("/page").header("if-none-match", "*").await;
        response.assert_outcome(outcome).assert_status(304);
    }
}

#[actix_web::test]
async fn cached_handler_inside_fills_for_a_head() {
    let app = site().start().await;
    app.head("/own").await.assert_stored().assert_ttl(300);
    app.get("/own").await.assert_hit().assert_body("1 GET");
}

#[actix_web::test]
async fn head_and_get_are_coalesced() {
    let app = around_for_a_minute().paused().start().await;
    let crowd = Crowd::send([app.head("/"), app.get("/"), app.head("/"), app.get("/")]).await;
    assert_eq!(app.waiting().len(), 1);
    app.finish(1).await;
    let responses = crowd.responses().await;
    responses[1].assert_collapsed().assert_body("page 1");
    responses[2].assert_collapsed().assert_status(200);
    assert_eq!(app.runs(), 1);
}

/// It is what the App would answer without the middleware.
#[actix_web::test]
async fn head_that_bypasses_the_cache_stays_a_head() {
    let app = site().route("/any", page).start().await;
    let response = app.head("/any").header("cookie", "a").await;
    response.assert_bypass(Reason::Credentials).assert_body("1 HEAD None");
    let disabled = TestApp::builder()
        .cache(|cache| cache.enabled(false))
        .route("/any", page)
        .wrap(|| PageCacheMiddleware::new(60))
        .start()
        .await;
    disabled.head("/any").await.assert_bypass(Reason::Disabled).assert_body("1 HEAD None");
}
