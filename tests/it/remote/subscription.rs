//! The subscription to the purges of other processes, and its failure.

use std::time::Duration;

use super::{
    backend::{Backend, Behavior, Method},
    site::{is_remote_hit, long_timeouts, process},
    wait_until,
};

const PAGE: &str = "/posts/1";

#[actix_web::test]
async fn memory_is_not_trusted_where_nothing_is_heard() {
    let backend = Backend::default();
    let other = process("other", &backend, long_timeouts()).await;
    let one = process("one", &backend, long_timeouts().max_purge_lag(Duration::from_secs(1))).await;
    let filled = other.fill(PAGE).await;
    let found = one.get(PAGE).await;
    assert!(is_remote_hit(&found) && found.body == filled.body);
    one.store.set_behavior(&[Method::PollChanges], Behavior::Fails);
    one.wait_available(false).await;
    // The process does not receive this purge.
    other.cache.purge_tag("posts").await.unwrap();
    let new = one.get_until_changed(PAGE, &filled).await;
    assert_eq!((new.status, new.text()), (200, "page 1 of one"));
    // No page is served from local memory.
    for run in 2..5 {
        let answer = one.get(PAGE).await;
        assert_eq!((answer.status, answer.text()), (200, &*format!("page {run} of one")));
        assert!(answer.outcome().ends_with("; detail=remote-unavailable"), "{}", answer.outcome());
    }
    assert!(one.remote_stats().unavailable >= 4);
    one.store.set_behavior(&[Method::PollChanges], Behavior::Works);
    one.wait_available(true).await;
    for _ in 0..15_000 {
        if one.get(PAGE).await.is_hit() {
            return;
        }
    }
    panic!("no page is served from local memory");
}

#[actix_web::test]
async fn a_process_that_was_away_trusts_its_memory_again_but_for_what_was_purged() {
    let backend = Backend::default();
    let other = process("other", &backend, long_timeouts()).await;
    let one = process("one", &backend, long_timeouts()).await;
    let (first, second) = (other.fill("/posts/1").await, other.fill("/posts/2").await);
    for uri in ["/posts/1", "/posts/2"] {
        assert!(is_remote_hit(&one.get(uri).await));
    }
    one.store.set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_available(false).await;
    other.cache.purge_tag("post:1").await.unwrap();
    one.store.set_behavior(&Method::ALL, Behavior::Works);
    one.wait_available(true).await;
    assert_ne!(one.get("/posts/1").await.body, first.body);
    let answer = one.get("/posts/2").await;
    assert_eq!((answer.outcome().as_str(), answer.body), ("cache_page; hit; ttl=60", second.body));
}

#[actix_web::test]
async fn a_process_that_may_have_missed_something_drops_its_memory() {
    let backend = Backend::default();
    let other = process("other", &backend, long_timeouts()).await;
    let one = process("one", &backend, long_timeouts()).await;
    let (first, second) = (other.fill("/posts/1").await, other.fill("/posts/2").await);
    for uri in ["/posts/1", "/posts/2"] {
        assert!(is_remote_hit(&one.get(uri).await));
    }
    one.store.set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_available(false).await;
    other.cache.purge_tag("post:1").await.unwrap();
    backend.truncate_log();
    one.store.set_behavior(&Method::ALL, Behavior::Works);
    one.wait_available(true).await;
    assert_ne!(one.get("/posts/1").await.body, first.body);
    // The other page is still in the backend.
    let answer = one.get("/posts/2").await;
    assert!(is_remote_hit(&answer) && answer.body == second.body, "{}", answer.outcome());
}

#[actix_web::test]
async fn what_cannot_be_read_may_have_been_about_anything() {
    for message in [&b""[..], b"garbage", &[0; 64], &[1; 9]] {
        let backend = Backend::default();
        let (one, other) = (
            process("one", &backend, long_timeouts()).await,
            process("other", &backend, long_timeouts()).await,
        );
        one.fill(PAGE).await;
        assert!(is_remote_hit(&other.get(PAGE).await));
        backend.append_message(message);
        for process in [&one, &other] {
            wait_until("local memory is empty", || process.cache.stats().pages() == 0).await;
            assert!(is_remote_hit(&process.get(PAGE).await), "the page is still in the backend: {message:?}");
        }
    }
}

#[actix_web::test]
async fn an_engine_that_was_emptied_is_filled_again() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let old = one.fill(PAGE).await;
    assert!(is_remote_hit(&other.get(PAGE).await));
    backend.clear();
    for process in [&one, &other] {
        wait_until("local memory is empty", || process.cache.stats().pages() == 0).await;
        process.wait_polled().await;
    }
    let new = other.fill(PAGE).await;
    assert_ne!(new.body, old.body);
    assert!(is_remote_hit(&one.get(PAGE).await));
    one.cache.purge_path(PAGE).await.unwrap();
    other.get_until_changed(PAGE, &new).await;
}

#[actix_web::test]
async fn a_purge_is_heard_of_while_the_worker_is_busy() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    one.fill(PAGE).await;
    assert!(is_remote_hit(&other.get(PAGE).await));
    let purging = one.cache.purge_path(PAGE);
    // Blocks this worker thread.
    for _ in 0..15_000 {
        if other.cache.stats().pages() == 0 {
            purging.await.unwrap();
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the purge was not received");
}

#[actix_web::test]
async fn what_is_heard_again_from_oneself_is_not_purged_again() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    one.fill(PAGE).await;
    one.cache.purge_path(PAGE).await.unwrap();
    // Generated before the process receives its own purge.
    let filled = one.get(PAGE).await;
    assert!(filled.is_stored());
    one.wait_polled().await;
    let hit = one.get(PAGE).await;
    assert_eq!((hit.outcome().as_str(), hit.body), ("cache_page; hit; ttl=60", filled.body));
}
