//! Counters of `PageCache::stats`.

use std::collections::BTreeMap;

use actix_web::http::Method;
use cache_page::{Outcome, Reason};

use super::{SAMPLES, Sample, builder, send_samples};
use crate::support::TestApp;

#[actix_web::test]
async fn each_request_is_counted_once_under_its_outcome() {
    let app = builder().start().await;
    for (number, Sample { uri, headers, outcome, .. }) in (1..).zip(SAMPLES) {
        let before = app.count(outcome);
        app.get(uri).headers(headers).await;
        assert_eq!(app.count(outcome), before + 1, "{uri} {headers:?}: {outcome:?}");
        assert_eq!(app.cache().stats().requests(), number, "{uri} {headers:?}");
    }
}

#[actix_web::test]
async fn counts_of_all_outcomes_add_up_to_the_requests() {
    let app = builder().start().await;
    send_samples(&app).await;
    assert_eq!(Outcome::all().map(|outcome| app.count(outcome)).sum::<u64>(), SAMPLES.len() as u64);
}

#[actix_web::test]
async fn requests_are_counted_for_each_handler() {
    let app = builder().start().await;
    let mut expected = BTreeMap::new();
    for Sample { handler, .. } in SAMPLES {
        *expected.entry(handler).or_insert(0) += 1;
    }
    send_samples(&app).await;
    let stats = app.cache().stats();
    let counted: BTreeMap<_, _> = stats.handlers().map(|(name, counts)| (name, counts.requests())).collect();
    assert_eq!(counted, expected);
}

#[actix_web::test]
async fn fills_are_all_requests_that_no_page_answered() {
    let app = builder().start().await;
    send_samples(&app).await;
    let stats = app.cache().stats();
    let fills: u64 = stats.handlers().map(|(_, counts)| counts.fills()).sum();
    assert_eq!(fills, stats.requests() - stats.count(Outcome::Hit) - stats.count(Outcome::Revalidated));
}

#[actix_web::test]
async fn stored_pages_are_counted() {
    let app = builder().start().await;
    send_samples(&app).await;
    assert_eq!(app.pages(), 4);
}

#[actix_web::test]
async fn request_to_an_uncached_handler_is_not_counted() {
    let app = builder().start().await;
    app.get("/other").await.assert_status(200).assert_no_header("cache-status");
    assert_eq!(app.cache().stats().requests(), 0);
}

/// One thread serves both by the same handler.
#[actix_web::test]
async fn caches_count_their_own_requests() {
    let (one, two) = (builder().start().await, builder().start().await);
    for _ in 0..3 {
        one.get("/plain").await;
    }
    two.get("/plain").await;
    assert_eq!((one.cache().stats().requests(), two.cache().stats().requests()), (3, 1));
    assert_eq!((one.count(Outcome::Hit), two.count(Outcome::Hit)), (2, 0));
}

#[actix_web::test]
async fn requests_of_other_methods_are_counted() {
    let app = TestApp::new().await;
    for method in [Method::HEAD, Method::GET, Method::HEAD, Method::POST, Method::OPTIONS] {
        app.request(method, "/").await;
    }
    for (outcome, count) in [
        (Outcome::NotStored(Reason::Head), 1),
        (Outcome::Stored, 1),
        (Outcome::Hit, 1),
        (Outcome::Bypass(Reason::Method), 2),
    ] {
        assert_eq!(app.count(outcome), count, "{outcome:?}");
    }
    assert_eq!(app.cache().stats().requests(), 5);
}
