//! Pages that are served stale while a run in the background refreshes them.

use std::time::Duration;

use actix_web::web;
use cache_page::{Outcome, Reason, cache_page};
use futures_util::FutureExt as _;

use super::{REFRESHED, site};
use crate::support::{Crowd, Origin, TestApp, settle};

#[actix_web::test]
async fn stale_page_is_served_to_all_while_one_run_refreshes_it() {
    let app = site().start().await;
    app.get(REFRESHED).await.assert_stored();
    app.pause();
    app.advance(61);
    let crowd = Crowd::send(app.get(REFRESHED).times(50)).await;
    assert_eq!((crowd.answered(), app.runs()), (50, 2));
    for response in crowd.responses().await {
        response.assert_stale(Reason::StaleWhileRevalidate).assert_ttl(-1).assert_age(61);
        response.assert_body("page 1");
        assert_eq!(response.cache_status().fwd(), None, "{response:?}");
    }
    app.finish(1).await;
    app.get(REFRESHED).await.assert_hit().assert_ttl(60).assert_body("page 2");
    assert_eq!(app.runs(), 2);
}

#[actix_web::test]
async fn stale_page_is_not_served_after_its_window() {
    let app = site().start().await;
    app.get(REFRESHED).await.assert_stored();
    app.advance(90);
    app.get(REFRESHED).await.assert_stored().assert_fwd("stale").assert_ttl(60).assert_body("page 2");
}

#[actix_web::test]
async fn refresh_is_counted_but_not_as_a_request() {
    let app = site().start().await;
    app.get(REFRESHED).await;
    app.pause();
    app.advance(60);
    for _ in 0..50 {
        app.get(REFRESHED).await;
    }
    settle().await;
    app.finish(1).await;
    app.get(REFRESHED).await.assert_hit();
    let stats = app.cache().stats();
    assert_eq!(stats.handlers().map(|(_, handler)| handler.refreshes()).sum::<u64>(), 1);
    assert_eq!(app.count(Outcome::Stale(Reason::StaleWhileRevalidate)), 50);
    assert_eq!(stats.requests(), 1 + 50 + 1);
}

#[cache_page(60, stale_while_revalidate = 30)]
async fn named(name: web::Path<String>, origin: Origin) -> String {
    format!("{name} {}", origin.count())
}

#[actix_web::test]
async fn refresh_runs_with_the_arguments_of_its_request() {
    let app = TestApp::builder().route("/{name}", named).start().await;
    for (uri, expected) in [("/a", "a 1"), ("/b", "b 2")] {
        app.get(uri).await.assert_stored().assert_body(expected);
    }
    app.advance(60);
    for uri in ["/b", "/a"] {
        app.get(uri).await.assert_stale(Reason::StaleWhileRevalidate).assert_ttl(0);
    }
    settle().await;
    for (uri, expected) in [("/b", "b 3"), ("/a", "a 4")] {
        app.get(uri).await.assert_hit().assert_body(expected);
    }
}

#[actix_web::test]
async fn refresh_that_hangs_is_dropped_at_the_fill_timeout() {
    let app = site().cache(|cache| cache.fill_timeout(Duration::from_secs(2))).start().await;
    app.get(REFRESHED).await;
    app.pause();
    app.advance(60);
    app.get(REFRESHED).await;
    settle().await;
    assert_eq!(app.waiting(), [2]);
    for (milliseconds, waiting) in [(1999, vec![2]), (1, vec![])] {
        app.advance_by(Duration::from_millis(milliseconds));
        settle().await;
        assert_eq!(app.waiting(), waiting, "after {milliseconds} ms");
    }
}

#[actix_web::test]
async fn refresh_that_hung_is_repeated_five_seconds_later() {
    let app = site().cache(|cache| cache.fill_timeout(Duration::from_secs(2))).start().await;
    app.get(REFRESHED).await;
    app.pause();
    app.advance(60);
    app.get(REFRESHED).await;
    settle().await;
    for (seconds, runs) in [(1, 2), (1, 2), (4, 2), (1, 3)] {
        app.advance(seconds);
        settle().await;
        app.get(REFRESHED).await.assert_body("page 1");
        settle().await;
        assert_eq!(app.runs(), runs);
    }
    app.finish_run(3).await;
    app.get(REFRESHED).await.assert_hit().assert_body("page 3");
}

/// Without an actix runtime, nothing can run in the background.
#[test]
fn stale_page_is_served_without_a_runtime_and_not_refreshed() {
    let test = async {
        let app = site().start().await;
        app.get(REFRESHED).await;
        app.advance(60);
        for _ in 0..3 {
            app.get(REFRESHED).await.assert_body("page 1");
        }
        assert_eq!((app.cache().stats().requests(), app.runs()), (4, 1));
        assert_eq!(app.count(Outcome::Stale(Reason::StaleWhileRevalidate)), 3);
    };
    test.now_or_never().expect("nothing waits");
}
