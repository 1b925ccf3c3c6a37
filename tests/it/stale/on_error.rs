//! Stale pages that are served if the handler fails.

use std::time::Duration;

use actix_web::{HttpResponse, error::ErrorServiceUnavailable};
use cache_page::{Outcome, Reason};

use super::{BOTH, Handler, KEPT_ON_ERROR, PLAIN, page, panics, site, status};
use crate::support::{Crowd, settle};

/// Failures, each with the status that the handler returned.
const FAILURES: [(&str, Handler, Option<u16>); 4] = [
    ("status 500", |_| Ok(HttpResponse::InternalServerError().finish()), Some(500)),
    ("status 503", |_| Ok(HttpResponse::ServiceUnavailable().finish()), Some(503)),
    ("error 503", |_| Err(ErrorServiceUnavailable("fails on purpose")), Some(503)),
    ("panic", panics, None),
];

#[actix_web::test]
async fn stale_page_is_served_if_the_handler_fails() {
    for (name, failure, fwd_status) in FAILURES {
        let app = site().start().await;
        app.get(KEPT_ON_ERROR).await;
        app.set_handler(failure);
        app.advance(62);
        let response = app.get(KEPT_ON_ERROR).await;
        assert_eq!(response.cache_status().fwd_status(), fwd_status, "{name}: {response:?}");
        response.assert_stale(Reason::StaleIfError).assert_fwd("stale").assert_ttl(-2);
        response.assert_status(200).assert_body("page 1");
        assert_eq!(app.runs(), 2, "{name}");
    }
}

#[actix_web::test]
async fn failing_handler_is_not_retried_by_every_request() {
    for (name, failure, _) in FAILURES {
        let app = site().start().await;
        app.get(KEPT_ON_ERROR).await;
        app.set_handler(failure);
        app.advance(62);
        app.get(KEPT_ON_ERROR).await;
        let response = app.get(KEPT_ON_ERROR).await;
        response.assert_stale(Reason::StaleIfError).assert_ttl(-2);
        assert_eq!((response.cache_status().fwd(), app.runs()), (None, 2), "{name}: {response:?}");
        for (seconds, runs) in [(4, 2), (1, 3), (9, 3)] {
            app.advance(seconds);
            let response = app.get(KEPT_ON_ERROR).await;
            assert_eq!((response.text(), app.runs()), ("page 1", runs), "{name}: {response:?}");
        }
        app.set_handler(page);
        app.advance(1);
        let response = app.get(KEPT_ON_ERROR).await;
        assert_eq!(response.text(), "page 4", "{name}: {response:?}");
        assert_eq!(app.count(Outcome::Stale(Reason::StaleIfError)), 5, "{name}");
    }
}

#[actix_web::test]
async fn stale_page_is_served_on_error_until_the_end_of_its_window() {
    let app = site().start().await;
    app.get(KEPT_ON_ERROR).await;
    app.set_handler(status(500));
    for (seconds, expected) in [(359, 200), (1, 500)] {
        app.advance(seconds);
        app.get(KEPT_ON_ERROR).await.assert_status(expected);
    }
}

#[actix_web::test]
async fn failure_without_a_stale_page_is_sent() {
    let app = site().handler(status(500)).start().await;
    for uri in [KEPT_ON_ERROR, PLAIN] {
        app.get(uri).await.assert_status(500);
    }
}

#[actix_web::test]
async fn stale_page_is_served_after_the_fill_timeout() {
    let app = site().cache(|cache| cache.fill_timeout(Duration::from_secs(3))).start().await;
    app.get(KEPT_ON_ERROR).await;
    app.pause();
    app.advance(60);
    let crowd = Crowd::send(app.get(KEPT_ON_ERROR).times(5)).await;
    app.advance_by(Duration::from_millis(2999));
    settle().await;
    assert_eq!((crowd.answered(), app.runs()), (0, 2));
    app.advance_by(Duration::from_millis(1));
    settle().await;
    let responses = crowd.responses().await;
    responses[0].assert_stale(Reason::StaleIfError).assert_fwd("stale").assert_ttl(-3);
    assert_eq!(responses[0].cache_status().fwd_status(), None);
    for response in responses {
        response.assert_status(200).assert_body("page 1");
    }
    assert!(app.runs() <= 3, "{} runs", app.runs());
}

#[actix_web::test]
async fn followers_of_a_failed_leader_get_the_stale_page() {
    let app = site().start().await;
    app.get(KEPT_ON_ERROR).await;
    app.set_handler(|_| Err::<HttpResponse, _>(ErrorServiceUnavailable("fails on purpose")));
    app.advance(60);
    app.pause();
    let crowd = Crowd::send(app.get(KEPT_ON_ERROR).times(20)).await;
    app.finish(1).await;
    for response in crowd.responses().await {
        response.assert_stale(Reason::StaleIfError).assert_ttl(0).assert_status(200).assert_body("page 1");
    }
    assert_eq!(app.runs(), 2);
}

#[actix_web::test]
async fn follower_that_times_out_after_a_failure_gets_the_stale_page() {
    let app = site().start().await;
    app.get(KEPT_ON_ERROR).await;
    app.pause();
    app.advance(60);
    let hanging = Crowd::send([app.get(KEPT_ON_ERROR)]).await;
    let first = Crowd::send([app.get(KEPT_ON_ERROR)]).await;
    app.advance(2);
    let second = Crowd::send([app.get(KEPT_ON_ERROR)]).await;
    app.set_handler(status(500));
    app.advance(3);
    settle().await;
    app.finish_run(3).await;
    assert_eq!((hanging.answered(), first.answered(), app.runs()), (0, 1, 3));
    app.advance(2);
    settle().await;
    assert_eq!((second.answered(), app.runs()), (1, 3));
    for crowd in [first, second] {
        crowd.responses().await[0].assert_status(200).assert_body("page 1");
    }
}

#[actix_web::test]
async fn concurrent_failures_count_as_one() {
    let app = site().cache(|cache| cache.coalesce_timeout(Duration::ZERO)).start().await;
    app.get(KEPT_ON_ERROR).await;
    app.set_handler(status(500));
    app.advance(60);
    app.pause();
    let crowd = Crowd::send(app.get(KEPT_ON_ERROR).times(20)).await;
    assert_eq!(app.runs(), 21);
    app.resume().await;
    for response in crowd.responses().await {
        response.assert_body("page 1");
    }
    app.advance(5);
    app.get(KEPT_ON_ERROR).await;
    assert_eq!(app.runs(), 22);
}

#[actix_web::test]
async fn both_windows_start_when_the_page_becomes_stale() {
    let app = site().start().await;
    app.get(BOTH).await;
    app.set_handler(status(500));
    app.advance(89);
    app.get(BOTH).await.assert_stale(Reason::StaleWhileRevalidate);
    settle().await;
    app.advance(1);
    let response = app.get(BOTH).await;
    response.assert_stale(Reason::StaleIfError).assert_ttl(-30);
    assert_eq!(response.cache_status().fwd(), None, "{response:?}");
    app.advance(269);
    app.get(BOTH).await.assert_stale(Reason::StaleIfError).assert_fwd_status(500).assert_ttl(-299);
    app.advance(1);
    app.get(BOTH).await.assert_status(500);
}
