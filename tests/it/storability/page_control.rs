//! What a handler decides about storing by its `PageControl`.

use std::{collections::BTreeSet, time::Duration};

use actix_web::{
    Error, HttpResponse,
    http::header::{DNT, HeaderName, HeaderValue},
};
use cache_page::{Outcome, PageControl, Reason, cache_page};

use crate::support::{Call, Crowd, Origin, TestApp};

#[cache_page(60)]
async fn page(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

#[cache_page(uncached)]
async fn uncached(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

async fn plain(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

const TEN_MINUTES: Duration = Duration::from_secs(600);

#[actix_web::test]
async fn control_ttl_does_not_store_what_the_response_forbids() {
    for (name, value, reason) in [
        ("cache-control", "private", Reason::Private),
        ("cache-control", "no-store", Reason::NoStore),
        ("cache-control", "no-cache", Reason::NoCache),
        ("set-cookie", "id=1", Reason::SetCookie),
        ("vary", "*", Reason::Vary),
    ] {
        let handler = move |call: &Call| {
            call.control().ttl(TEN_MINUTES).tag("a");
            let mut response = HttpResponse::Ok().finish();
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
            response
        };
        let app = TestApp::builder().route("/", page).handler(handler).start().await;
        app.get("/").await.assert_not_stored(reason).assert_fwd("miss");
    }
}

#[actix_web::test]
async fn control_no_store_neither_stores_nor_shares_the_response() {
    let handler = |call: &Call| {
        call.control().ttl(TEN_MINUTES).no_store();
        HttpResponse::Ok().body(format!("page {}", call.run))
    };
    let app = TestApp::builder().route("/", page).handler(handler).paused().start().await;
    let crowd = Crowd::send(app.get("/").times(5)).await;
    assert_eq!(app.runs(), 1);
    app.resume().await;
    let mut bodies = BTreeSet::new();
    for response in crowd.responses().await {
        response.assert_not_stored(Reason::NoStore).assert_fwd("miss");
        bodies.insert(response.text().to_owned());
    }
    assert_eq!((bodies.len(), app.count(Outcome::NotStored(Reason::NoStore)), app.pages()), (5, 5, 0));
}

fn with_all_options(call: &Call) -> HttpResponse {
    assert_eq!(call.control().validators(), None);
    call.control().ttl(TEN_MINUTES).tag("").tag("a").vary_on(DNT);
    HttpResponse::Ok().finish()
}

async fn app_with_all_options() -> TestApp {
    TestApp::builder()
        .route("/page", page)
        .route("/plain", plain)
        .route("/uncached", uncached)
        .handler(with_all_options)
        .start()
        .await
}

#[actix_web::test]
async fn control_has_no_effect_in_a_handler_that_is_not_cached() {
    let app = app_with_all_options().await;
    for uri in ["/plain", "/uncached"] {
        for _ in 0..2 {
            app.get(uri).await.assert_status(200).assert_no_header("cache-status").assert_no_header("vary");
        }
    }
    assert_eq!((app.runs(), app.pages()), (4, 0));
}

#[actix_web::test]
async fn control_has_no_effect_on_a_post_request() {
    let app = app_with_all_options().await;
    let response = app.post("/page").await;
    response.assert_bypass(Reason::Method).assert_fwd("method").assert_no_header("vary");
    assert_eq!(app.pages(), 0);
}
