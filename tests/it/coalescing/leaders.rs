//! Leaders that disconnect or panic.

use actix_web::HttpResponse;
use cache_page::{Outcome, Reason};

use super::{bodies, paused};
use crate::support::{Crowd, TestApp};

#[actix_web::test]
async fn leader_that_disconnects_is_replaced_by_one_follower() {
    let app = paused().start().await;
    let mut crowd = Crowd::send(app.get("/").times(10)).await;
    for run in 1..=5 {
        assert_eq!(app.waiting(), [run]);
        crowd.abort(0).await;
    }
    app.finish(1).await;
    let responses = crowd.responses().await;
    assert_eq!((app.runs(), bodies(&responses)), (6, ["page 6"].into()));
    assert_eq!(responses.iter().filter(|response| response.is_stored()).count(), 1);
    assert_eq!(app.count(Outcome::NotStored(Reason::ClientGone)), 5);
    assert_eq!(app.count(Outcome::Collapsed), 4);
}

#[actix_web::test]
async fn follower_that_disconnects_is_counted_and_changes_nothing() {
    let app = paused().start().await;
    let mut crowd = Crowd::send(app.get("/").times(4)).await;
    crowd.abort(2).await;
    crowd.abort(1).await;
    app.finish(1).await;
    assert_eq!(bodies(&crowd.responses().await), ["page 1"].into());
    assert_eq!(app.count(Outcome::NotStored(Reason::ClientGone)), 2);
    let stats = app.cache().stats();
    assert_eq!((stats.requests(), stats.fills_in_flight()), (4, 0));
}

/// An application whose handler panics in its first runs.
async fn panicking(runs: u64) -> TestApp {
    paused()
        .handler(move |call| {
            assert!(call.run > runs, "the handler panics on purpose");
            HttpResponse::Ok().body(format!("page {}", call.run))
        })
        .start()
        .await
}

#[actix_web::test]
async fn leader_that_panics_is_replaced_by_one_follower() {
    let app = panicking(1).await;
    let crowd = Crowd::send(app.get("/").times(10)).await;
    app.finish(1).await;
    assert_eq!(app.waiting(), [2]);
    app.finish(1).await;
    let results = crowd.results().await;
    assert!(results[0].is_none());
    let responses: Vec<_> = results.into_iter().flatten().collect();
    assert_eq!((responses.len(), bodies(&responses)), (9, ["page 2"].into()));
    assert_eq!(app.count(Outcome::NotStored(Reason::HandlerPanicked)), 1);
    assert_eq!(app.count(Outcome::NotStored(Reason::ClientGone)), 0);
}

/// A handler that panics each time is not run by one follower after the other.
#[actix_web::test]
async fn followers_run_at_once_after_two_panics() {
    let app = panicking(4).await;
    let crowd = Crowd::send(app.get("/").times(10)).await;
    app.finish(1).await;
    assert_eq!(app.waiting().len(), 1);
    app.finish(1).await;
    assert_eq!(app.waiting().len(), 8);
    app.finish(8).await;
    assert_eq!(crowd.results().await.iter().flatten().count(), 6);
    assert_eq!(app.count(Outcome::NotStored(Reason::HandlerPanicked)), 4);
}
