//! The subscription to the purges of other processes, and its failure.

use std::{
    thread,
    time::{Duration, Instant},
};

use cache_page::Outcome;

use super::{POST, connect, process, two_processes};
use crate::support::{Backend, Behavior, Method, TestApp};

/// Starts the processes `one`, whose `max_purge_lag` is short, and `other`. Both have the page of `other`, and only `other` is
/// subscribed any more.
async fn unsubscribed() -> (TestApp, TestApp) {
    let backend = Backend::new();
    let other = connect(process("other", &backend)).await;
    let one = process("one", &backend).cache(|cache| cache.max_purge_lag(Duration::from_millis(500)));
    let one = connect(one).await;
    other.fill(other.get(POST)).await;
    one.get(POST).await.assert_remote_hit();
    one.store().set_behavior(&[Method::PollChanges], Behavior::Fails);
    one.wait_unavailable().await;
    (one, other)
}

/// Sends requests until local memory is not served any more. The page is too old to be served without purges.
async fn wait_distrusted(app: &TestApp) {
    app.advance(1);
    let deadline = Instant::now() + Duration::from_secs(120);
    while app.get(POST).await.is_hit() {
        assert!(Instant::now() < deadline, "local memory is still served");
    }
}

#[actix_web::test]
async fn local_memory_is_not_served_without_purges_for_max_purge_lag() {
    let (one, other) = unsubscribed().await;
    other.cache().purge_tag("posts").await.unwrap();
    wait_distrusted(&one).await;
    for run in 2..5 {
        one.advance(1);
        let response = one.get(POST).await;
        response.assert_outcome(Outcome::Stored).assert_detail("remote-unavailable");
        response.assert_status(200).assert_body(format!("page {run} of one"));
    }
    assert!(one.remote_stats().unavailable >= 4);
}

#[actix_web::test]
async fn local_memory_is_served_again_after_the_next_poll() {
    let (one, _other) = unsubscribed().await;
    wait_distrusted(&one).await;
    one.store().set_behavior(&[Method::PollChanges], Behavior::Works);
    let deadline = Instant::now() + Duration::from_secs(120);
    while !one.get(POST).await.is_hit() {
        assert!(Instant::now() < deadline, "local memory is not served");
    }
}

/// Starts the processes `one` and `other`, which have two pages of `other`. One of them is purged while `one` is disconnected.
async fn purged_while_disconnected() -> (Backend, TestApp, TestApp) {
    let (backend, one, other) = two_processes().await;
    for uri in ["/posts/1", "/posts/2"] {
        other.fill(other.get(uri)).await;
        one.get(uri).await.assert_remote_hit();
    }
    one.store().set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_unavailable().await;
    other.cache().purge_tag("post:1").await.unwrap();
    (backend, one, other)
}

#[actix_web::test]
async fn purge_while_disconnected_is_applied_after_reconnecting() {
    let (_, one, _other) = purged_while_disconnected().await;
    one.store().set_behavior(&Method::ALL, Behavior::Works);
    one.wait_available().await;
    assert_ne!(one.get("/posts/1").await.text(), "page 1 of other");
    one.get("/posts/2").await.assert_hit().assert_ttl(60).assert_body("page 2 of other");
}

#[actix_web::test]
async fn local_memory_is_emptied_if_purges_may_have_been_missed() {
    let (backend, one, _other) = purged_while_disconnected().await;
    backend.truncate_log();
    one.store().set_behavior(&Method::ALL, Behavior::Works);
    one.wait_available().await;
    assert_eq!(one.pages(), 0);
    assert_ne!(one.get("/posts/1").await.text(), "page 1 of other");
    // The other page is still in the backend.
    one.get("/posts/2").await.assert_remote_hit().assert_body("page 2 of other");
}

#[actix_web::test]
async fn unreadable_purge_empties_local_memory() {
    for message in [&b""[..], b"garbage", &[0; 64], &[1; 9]] {
        let (backend, one, other) = two_processes().await;
        one.fill(one.get(POST)).await;
        other.get(POST).await.assert_remote_hit();
        backend.append_message(message);
        for process in [&one, &other] {
            process.receive_purges().await;
            assert_eq!(process.pages(), 0, "{message:?}");
            // The page is still in the backend.
            process.get(POST).await.assert_remote_hit();
        }
    }
}

#[actix_web::test]
async fn emptied_backend_empties_local_memory() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get(POST)).await;
    other.get(POST).await.assert_remote_hit();
    backend.clear();
    for process in [&one, &other] {
        process.receive_purges().await;
        assert_eq!(process.pages(), 0);
    }
    other.get(POST).await.assert_stored();
}

#[actix_web::test]
async fn emptied_backend_shares_pages_and_purges_again() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get(POST)).await;
    backend.clear();
    one.receive_purges().await;
    other.receive_purges().await;
    other.fill(other.get(POST)).await.assert_body("page 1 of other");
    one.get(POST).await.assert_remote_hit().assert_body("page 1 of other");
    one.cache().purge_path(POST).await.unwrap();
    other.receive_purges().await;
    assert_ne!(other.get(POST).await.text(), "page 1 of other");
}

/// No task of the worker's thread runs in the meantime.
#[actix_web::test]
async fn purge_is_received_while_the_worker_is_busy() {
    let (_, one, other) = two_processes().await;
    one.fill(one.get(POST)).await;
    other.get(POST).await.assert_remote_hit();
    let purge = one.cache().purge_path(POST);
    let deadline = Instant::now() + Duration::from_secs(120);
    while other.pages() > 0 {
        assert!(Instant::now() < deadline, "the purge was not received");
        thread::yield_now();
    }
    purge.await.unwrap();
}

/// The page is generated before the process receives its own purge.
#[actix_web::test]
async fn own_purge_is_not_applied_again_when_it_is_received() {
    let (_, one, _other) = two_processes().await;
    one.fill(one.get(POST)).await;
    one.cache().purge_path(POST).await.unwrap();
    one.get(POST).await.assert_stored().assert_body("page 2 of one");
    one.receive_purges().await;
    one.get(POST).await.assert_hit().assert_ttl(60).assert_body("page 2 of one");
}
