//! Hot pages that are refreshed before they become stale.

use std::time::Duration;

use cache_page::{Outcome, Reason};

use super::{PLAIN, REFRESHED, page, site, status};
use crate::support::{Call, TestApp, TestResponse, settle};

/// Starts an application whose handler takes that long, by the clock of the test.
async fn slow(is_ahead: bool, time: Duration) -> TestApp {
    let app = site().cache(|cache| cache.refresh_ahead(is_ahead)).start().await;
    let clock = app.clock().clone();
    app.set_handler(move |call: &Call| {
        clock.advance(time);
        page(call)
    });
    app
}

/// Requests a page five times a second for 100 seconds, and returns the number of runs and the responses.
async fn request_often(is_ahead: bool, uri: &str) -> (u64, Vec<TestResponse>) {
    let app = slow(is_ahead, Duration::from_secs(2)).await;
    app.get(uri).await;
    let mut responses = Vec::new();
    for _ in 0..500 {
        app.advance_by(Duration::from_millis(200));
        responses.push(app.get(uri).await);
        settle().await;
    }
    (app.runs(), responses)
}

fn count(responses: &[TestResponse], is_counted: impl Fn(&TestResponse) -> bool) -> u64 {
    responses.iter().filter(|response| is_counted(response)).count() as u64
}

#[actix_web::test]
async fn hot_page_is_refreshed_in_the_background_before_it_is_stale() {
    let (runs, responses) = request_often(true, REFRESHED).await;
    assert!((2..10).contains(&runs), "{runs} runs");
    for response in responses {
        response.assert_hit();
        assert!(response.cache_status().ttl() > Some(0), "{response:?}");
    }
}

#[actix_web::test]
async fn hot_page_without_a_stale_window_is_refreshed_by_a_request() {
    let (runs, responses) = request_often(true, PLAIN).await;
    assert!((2..10).contains(&runs), "{runs} runs");
    let is_refresh =
        |response: &TestResponse| response.is_stored() && response.cache_status().fwd() == Some("stale");
    assert_eq!(count(&responses, is_refresh), runs - 1);
    assert_eq!(count(&responses, |response| response.cache_status().fwd() == Some("miss")), 0);
}

#[actix_web::test]
async fn page_is_not_refreshed_ahead_by_default() {
    let (runs, responses) = request_often(false, REFRESHED).await;
    let stale = Some(Outcome::Stale(Reason::StaleWhileRevalidate));
    assert_eq!(count(&responses, |response| response.outcome() == stale), runs - 1);
}

#[actix_web::test]
async fn failed_refresh_ahead_is_not_sent_and_not_retried_at_once() {
    let app = slow(true, Duration::from_secs(30)).await;
    app.get(PLAIN).await;
    app.set_handler(status(500));
    app.advance_by(Duration::from_nanos(59_999_999_999));
    for _ in 0..20 {
        app.get(PLAIN).await.assert_hit().assert_ttl(1).assert_status(200);
    }
    assert_eq!(app.runs(), 2);
}
