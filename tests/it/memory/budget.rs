//! The budget of bytes, which pages never exceed.

use actix_web::HttpResponse;
use cache_page::Reason;

use super::body_of;
use crate::support::{Call, TestApp};

const BUDGET: usize = 100_000;

/// Stores pages that are never requested again, far more than the budget has room for.
async fn app_after_many_pages() -> TestApp {
    let app = TestApp::builder().cache(|cache| cache.max_bytes(BUDGET)).handler(body_of(1000)).start().await;
    for number in 0..500 {
        app.get(&format!("/?{number}")).await.assert_stored();
        assert!(app.bytes() <= BUDGET, "{} bytes after {number} pages", app.bytes());
    }
    app
}

#[actix_web::test]
async fn new_pages_never_exceed_the_budget() {
    assert!(app_after_many_pages().await.pages() > 0);
}

#[actix_web::test]
async fn budget_is_used_before_pages_are_evicted() {
    let app = app_after_many_pages().await;
    assert!(app.bytes() > BUDGET / 2, "{}", app.bytes());
}

#[actix_web::test]
async fn newest_page_is_stored_and_the_oldest_is_evicted() {
    let app = app_after_many_pages().await;
    app.get("/?499").await.assert_hit();
    app.get("/?0").await.assert_miss();
}

fn fresh_for_a_second(_: &Call) -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "max-age=1")).body(vec![b'x'; 1000])
}

#[actix_web::test]
async fn page_that_expires_and_is_filled_again_counts_once() {
    let app = TestApp::with_handler(fresh_for_a_second).await;
    app.get("/").await;
    let once = app.bytes();
    for run in 2..=1000 {
        app.advance(1);
        app.get("/").await.assert_stored();
        assert_eq!(app.bytes(), once, "after {run} runs");
    }
    assert_eq!((app.runs(), app.pages()), (1000, 1));
}

#[actix_web::test]
async fn fresh_page_that_is_replaced_counts_once() {
    let app = TestApp::builder()
        .cache(|cache| cache.honor_request_cache_control(true))
        .handler(body_of(1000))
        .start()
        .await;
    app.get("/").await;
    let once = app.bytes();
    for run in 2..=200 {
        app.get("/").header("cache-control", "no-cache").await.assert_stored();
        assert_eq!(app.bytes(), once, "after {run} runs");
    }
    assert_eq!((app.runs(), app.pages()), (200, 1));
}

#[actix_web::test]
async fn page_larger_than_the_budget_is_sent_and_not_stored() {
    let app = TestApp::builder()
        .cache(|cache| cache.max_bytes(1000).max_body(usize::MAX))
        .handler(body_of(1000))
        .start()
        .await;
    for _ in 0..2 {
        let response = app.get("/").await;
        response.assert_not_stored(Reason::BodyTooLarge).assert_fwd("miss");
        response.assert_status(200).assert_body([b'x'; 1000]).assert_no_header("cache-control");
    }
    assert_eq!(app.bytes(), 0);
}

#[actix_web::test]
async fn page_over_an_eighth_of_the_budget_is_not_stored() {
    for (length, is_stored) in [(10_000, true), (10_001, false)] {
        let app =
            TestApp::builder().cache(|cache| cache.max_bytes(80_000)).handler(body_of(length)).start().await;
        let response = app.get("/").await;
        assert_eq!((response.is_stored(), response.body.len()), (is_stored, length), "{response:?}");
    }
}

#[actix_web::test]
async fn debug_output_of_a_cache_shows_how_many_bytes_it_counts() {
    let app = TestApp::new().await;
    app.get("/").await.assert_stored();
    let output = format!("{:?}", app.cache());
    assert!(output.contains(&format!(" bytes: {}", app.bytes())), "{output}");
}
