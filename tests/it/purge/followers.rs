//! Requests that arrive after a purge: they do not wait for a fill that started before it.

use cache_page::{Outcome, Reason};

use super::{ADDED_TAGS, EXPIRIES, POST, PURGES, site};
use crate::support::{Crowd, TestResponse};

fn assert_bodies(responses: &[TestResponse], expected: &str, name: &str) {
    for response in responses {
        assert_eq!((response.status, response.text()), (200, expected), "{name}: {response:?}");
    }
}

fn assert_all_collapsed(responses: &[TestResponse], name: &str) {
    for response in responses {
        assert_eq!(response.outcome(), Some(Outcome::Collapsed), "{name}: {response:?}");
    }
}

#[actix_web::test]
async fn requests_after_a_purge_share_a_new_run() {
    for (name, purge) in PURGES.into_iter().chain(EXPIRIES) {
        let app = site().paused().start().await;
        let before = Crowd::send(app.get(POST).times(3)).await;
        purge(app.cache()).await.unwrap();
        let after = Crowd::send(app.get(POST).times(3)).await;
        assert_eq!(app.waiting(), [1, 2], "{name}");
        app.finish_run(1).await;
        assert_eq!((before.answered(), after.answered(), app.waiting()), (3, 0, vec![2]), "{name}");
        app.finish_run(2).await;
        let after = after.responses().await;
        assert_bodies(&after, "page 2", name);
        assert!(after[0].is_stored(), "{name}: {:?}", after[0]);
        assert_all_collapsed(&after[1..], name);
        let hit = app.get(POST).await;
        assert!(hit.is_hit() && hit.text() == "page 2", "{name}: {hit:?}");
        assert_eq!(app.cache().stats().fills_in_flight(), 0, "{name}");
    }
}

#[actix_web::test]
async fn followers_from_before_a_purge_share_the_page_of_their_leader() {
    for (name, purge) in PURGES.into_iter().chain(EXPIRIES) {
        let app = site().paused().start().await;
        let before = Crowd::send(app.get(POST).times(3)).await;
        purge(app.cache()).await.unwrap();
        app.finish(1).await;
        let before = before.responses().await;
        assert_bodies(&before, "page 1", name);
        assert_eq!(before[0].outcome(), Some(Outcome::NotStored(Reason::Purged)), "{name}: {:?}", before[0]);
        before[0].assert_fwd("miss");
        assert_all_collapsed(&before[1..], name);
    }
}

/// Until the handler adds the tag, the cache cannot tell that the purge is for this page: the requests wait.
#[actix_web::test]
async fn followers_after_a_purge_of_an_added_tag_get_a_new_page() {
    for (name, purge) in ADDED_TAGS {
        let app = site().paused().start().await;
        let before = Crowd::send(app.get(POST).times(3)).await;
        purge(app.cache()).await.unwrap();
        let after = Crowd::send(app.get(POST).times(4)).await;
        assert_eq!(app.waiting(), [1], "{name}");
        app.finish_run(1).await;
        assert_eq!((before.answered(), after.answered()), (3, 0), "{name}");
        assert_bodies(&before.responses().await, "page 1", name);
        assert_eq!(app.waiting(), [2], "{name}");
        app.finish_run(2).await;
        let after = after.responses().await;
        assert_bodies(&after, "page 2", name);
        assert_eq!(after.iter().filter(|response| response.is_stored()).count(), 1, "{name}");
        assert!(app.get(POST).await.is_hit(), "{name}");
        assert_eq!((app.runs(), app.cache().stats().fills_in_flight()), (2, 0), "{name}");
    }
}

/// The purges differ, because the purge log may count a repeated purge for requests that arrived before it.
#[actix_web::test]
async fn requests_between_two_purges_get_the_page_of_that_time() {
    let app = site().paused().start().await;
    let mut crowds = Vec::new();
    for (_, purge) in &PURGES[..5] {
        crowds.push(Crowd::send(app.get(POST).times(2)).await);
        purge(app.cache()).await.unwrap();
    }
    assert_eq!(app.waiting(), [1, 2, 3, 4, 5]);
    for run in [3, 1, 5, 2, 4] {
        app.finish_run(run).await;
    }
    for (crowd, run) in crowds.into_iter().zip(1..) {
        let expected = format!("page {run}");
        assert_bodies(&crowd.responses().await, &expected, PURGES[run - 1].0);
    }
    assert_eq!(app.pages(), 0);
}

/// Its arguments may have been extracted before the purge.
#[actix_web::test]
async fn follower_from_before_a_purge_that_takes_over_is_not_stored() {
    let app = site().paused().start().await;
    let mut crowd = Crowd::send(app.get(POST).times(2)).await;
    app.cache().purge_tag("late").await.unwrap();
    crowd.abort(0).await;
    assert_eq!(app.waiting(), [2]);
    app.finish(1).await;
    crowd.responses().await[0].assert_not_stored(Reason::Purged).assert_fwd("miss").assert_body("page 2");
    assert_eq!(app.pages(), 0);
}

/// It must not lead either: its own response is not stored.
#[actix_web::test]
async fn head_request_after_a_purge_does_not_follow_an_older_fill() {
    let app = site().paused().start().await;
    let before = Crowd::send([app.get(POST)]).await;
    app.cache().purge_path("/posts/1").await.unwrap();
    let after = Crowd::send([app.head(POST), app.get(POST), app.head(POST)]).await;
    assert_eq!(app.waiting(), [1, 2, 3]);
    for run in 1..=3 {
        app.finish_run(run).await;
    }
    assert_bodies(&before.responses().await, "page 1", "purge_path");
    assert_eq!(after.responses().await.len(), 3);
    app.get(POST).await.assert_hit().assert_body("page 3");
}
