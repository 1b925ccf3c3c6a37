//! The assertions that `cache_page::testing` offers to users.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use actix_web::{HttpRequest, dev::ServiceResponse};
use cache_page::{
    CacheStatusHeader, PageCacheMiddleware, cache_page,
    testing::{CacheStatus, assert_hit, assert_miss, assert_stale},
};

use super::builder;
use crate::support::{Origin, TestApp, TestRequest, settle};

#[cache_page(60, stale_while_revalidate = 30)]
async fn news(origin: Origin) -> String {
    format!("news {}", origin.count())
}

#[actix_web::test]
async fn lifetime_of_a_page_can_be_asserted() {
    let app = TestApp::builder().route("/news", news).start().await;
    let news = async || app.get("/news").call().await;
    assert_miss!(news().await);
    app.advance(59);
    assert_hit!(news().await, "one second before it expires");
    app.advance(1);
    assert_stale!(news().await);
    settle().await;
    assert_hit!(&news().await);
    app.advance(90);
    assert_miss!(news().await, "after {} seconds", 90);
}

#[actix_web::test]
async fn outcomes_of_a_middleware_can_be_asserted() {
    let app = TestApp::builder()
        .uncached()
        .wrap(|| PageCacheMiddleware::new(60).stale_while_revalidate(Duration::from_secs(30)))
        .start()
        .await;
    let send = async |request: TestRequest| request.call().await;
    assert_miss!(send(app.get("/")).await);
    assert_hit!(send(app.get("/")).await);
    assert_miss!(send(app.get("/").header("cookie", "a=b")).await);
    app.advance(60);
    assert_stale!(send(app.get("/")).await);
    settle().await;
    assert_hit!(send(app.get("/")).await);
    assert_miss!(send(app.post("/")).await);
    assert_miss!(send(app.get("/")).await, "a write purges the page");
}

#[actix_web::test]
async fn not_modified_response_is_a_hit() {
    let app = builder().start().await;
    app.get("/plain").await.assert_stored();
    assert_hit!(app.get("/plain").header("if-none-match", "*").call().await);
}

/// Returns the message of the panic.
fn failure(assert: impl Fn()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(assert)).expect_err("the assertion fails");
    panic.downcast_ref::<String>().expect("a message with arguments").clone()
}

#[actix_web::test]
async fn failed_assertion_shows_the_outcome_and_the_header() {
    let app = builder().start().await;
    let miss = app.get("/plain").call().await;
    let header = CacheStatus::of(miss.headers());
    let expected = "expected a hit, but the handler ran and its response was stored (fwd=miss)";
    assert_eq!(failure(|| assert_hit!(miss)), format!("{expected}\n  cache-status: {}", header.as_str()));
}

#[actix_web::test]
async fn failed_assertion_starts_with_the_message_of_the_test() {
    let app = builder().start().await;
    let miss = app.get("/plain").call().await;
    let message = failure(|| assert_stale!(&miss, "round {}", 1));
    let expected = "round 1: expected a stale response, but the handler ran and its response was stored";
    assert!(message.starts_with(expected), "{message}");
}

#[cache_page(60)]
async fn anonymous(#[anonymous] _request: HttpRequest) -> &'static str {
    "page"
}

#[actix_web::test]
async fn failed_assertion_says_why_the_handler_did_or_did_not_run() {
    let app = TestApp::builder().route("/anonymous", anonymous).start().await;
    assert_miss!(app.get("/").call().await);
    let message = {
        let hit = app.get("/").call().await;
        failure(|| assert_miss!(hit))
    };
    assert!(message.starts_with("expected a miss, but a fresh stored response was served"), "{message}");

    let bypass = app.get("/anonymous").header("cookie", "a=b").call().await;
    assert_miss!(bypass);
    let message = failure(|| assert_hit!(bypass));
    assert!(
        message.starts_with("expected a hit, but the request bypassed the cache: credentials"),
        "{message}"
    );

    let post = app.post("/").call().await;
    let message = failure(|| assert_hit!(post));
    assert!(message.contains("neither GET nor HEAD"), "{message}");
}

/// Checks that all three assertions fail with a message that contains this text.
fn assert_all_fail(response: &ServiceResponse, text: &str) {
    let asserts: [&dyn Fn(); 3] =
        [&|| assert_hit!(response), &|| assert_miss!(response), &|| assert_stale!(response)];
    for (position, assert) in asserts.into_iter().enumerate() {
        let message = failure(assert);
        assert!(message.contains(text), "assertion {position}: {message}");
    }
}

#[actix_web::test]
async fn assertions_fail_without_a_cache_status_header() {
    let app = builder().start().await;
    assert_all_fail(&app.get("/other").call().await, "there is no Cache-Status header");
}

#[actix_web::test]
async fn assertions_need_the_full_cache_status_header() {
    let app = builder().cache(|cache| cache.cache_status(CacheStatusHeader::Minimal)).start().await;
    assert_all_fail(&app.get("/plain").call().await, "must be `CacheStatusHeader::Full`");
}
