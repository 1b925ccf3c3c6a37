//! Purges that the backend has not executed yet: they are sent again, and the process itself already applies them.

use std::{pin::pin, time::Duration};

use cache_page::{PageCache, PageCacheBuilder, PurgeError, PurgeFuture, RemotePurge};
use futures_util::FutureExt as _;

use super::{
    POST, PURGE_AND_EXPIRE, connect, in_time, process, remote_only, two_processes, two_processes_with,
};
use crate::support::{Backend, Behavior, Method, settle, until};

#[actix_web::test]
async fn purge_without_the_store_is_pending() {
    let (_, one, _) = two_processes().await;
    one.store().set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_unavailable().await;
    one.get(POST).await;
    let summary = one.cache().purge_path(POST).await.unwrap();
    assert_eq!((summary.pages(), summary.remote()), (1, RemotePurge::Pending));
}

#[actix_web::test]
async fn purge_without_the_store_takes_effect_in_its_process() {
    let (backend, one, _) = two_processes().await;
    let third = remote_only("third", &backend).await;
    one.fill(one.get(POST)).await;
    one.store().set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_unavailable().await;
    assert_pending(one.cache().purge_path(POST)).await;
    assert_ne!(one.get(POST).await.text(), "page 1 of one");
    // It has no effect in the others yet.
    third.get(POST).await.assert_remote_hit().assert_body("page 1 of one");
}

#[actix_web::test]
async fn purge_without_the_store_is_sent_when_the_store_is_available() {
    let (backend, one, other) = two_processes().await;
    let third = remote_only("third", &backend).await;
    one.fill(one.get(POST)).await;
    other.get(POST).await.assert_remote_hit();
    one.store().set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_unavailable().await;
    assert_pending(one.cache().purge_path(POST)).await;
    one.store().set_behavior(&Method::ALL, Behavior::Works);
    until("the purge is executed", || backend.purges() == 1).await;
    other.receive_purges().await;
    for process in [&other, &third] {
        assert_ne!(process.get(POST).await.text(), "page 1 of one");
    }
    one.cache().purge_all().await.unwrap();
}

/// The backend still returns the page. The page that replaces it is not stored either.
async fn assert_not_served_while_pending(behavior: Behavior, remote_timeout: Duration) {
    for (name, purge) in PURGE_AND_EXPIRE {
        let backend = Backend::new();
        let options =
            |cache: PageCacheBuilder| cache.local_ttl(Duration::ZERO).remote_timeout(remote_timeout);
        let one = connect(process("one", &backend).cache(options)).await;
        let other = remote_only("other", &backend).await;
        other.fill(other.get(POST)).await;
        one.get(POST).await;
        one.store().set_behavior(&[Method::Purge], behavior);
        one.store().set_behavior(&[Method::Put], Behavior::Rejects);
        let pending = purge(one.cache());
        let response = one.get(POST).await;
        assert_ne!(response.text(), "page 1 of other", "{name} is in flight: {response:?}");
        assert_pending(pending).await;
        for _ in 0..3 {
            let response = one.get(POST).await;
            assert_ne!(response.text(), "page 1 of other", "{name} is retried: {response:?}");
        }
        one.store().set_behavior(&[Method::Purge], Behavior::Works);
        until("the purge is executed", || backend.purges() == 1).await;
        assert_ne!(other.get(POST).await.text(), "page 1 of other", "{name}");
    }
}

#[actix_web::test]
async fn page_whose_purge_was_rejected_is_not_taken_from_the_store() {
    assert_not_served_while_pending(Behavior::Rejects, Duration::from_secs(600)).await;
}

/// The timeout is long enough for the lookups, unless the machine is very slow.
#[actix_web::test]
async fn page_whose_purge_timed_out_is_not_taken_from_the_store() {
    assert_not_served_while_pending(Behavior::Hangs, Duration::from_secs(1)).await;
}

#[actix_web::test]
async fn page_that_no_pending_purge_selects_is_taken_from_the_store() {
    let (_, one, other) = two_processes_with(|cache| cache.local_ttl(Duration::ZERO)).await;
    other.fill(other.get("/posts/2")).await;
    one.store().set_behavior(&[Method::Purge], Behavior::Rejects);
    assert_pending(one.cache().purge_tag("post:1")).await;
    one.get("/posts/2").await.assert_remote_hit().assert_body("page 1 of other");
}

#[actix_web::test]
async fn pending_purges_are_sent_in_their_order() {
    const PENDING: usize = 20;
    let (backend, one, _) = two_processes().await;
    one.store().set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_unavailable().await;
    for number in 0..PENDING {
        assert_pending(one.cache().purge_tag(&format!("post:{number}"))).await;
    }
    one.store().set_behavior(&Method::ALL, Behavior::Works);
    one.wait_available().await;
    one.cache().purge_tag("last").await.unwrap();
    // When the last one is done, the others are.
    assert_eq!(backend.purges(), PENDING + 1);
}

#[actix_web::test]
async fn purge_is_not_waited_for_longer_than_remote_timeout() {
    const PURGES: usize = 50;
    let options = |cache: PageCacheBuilder| cache.remote_timeout(Duration::from_millis(50));
    let (backend, one, _) = two_processes_with(options).await;
    one.store().set_behavior(&[Method::Purge], Behavior::Hangs);
    let purges: Vec<_> = (0..PURGES).map(|number| one.cache().purge_tag(&format!("tag {number}"))).collect();
    for purge in purges {
        in_time("the result of a purge", assert_pending(purge)).await;
    }
    one.store().set_behavior(&[Method::Purge], Behavior::Works);
    until("all purges are executed", || backend.purges() >= PURGES).await;
}

/// For example a program that only purges.
#[actix_web::test]
async fn purge_waits_for_the_first_connection_of_its_process() {
    let backend = Backend::new();
    let third = remote_only("third", &backend).await;
    third.fill(third.get(POST)).await;
    let one = process("one", &backend);
    one.store().set_behavior(&[Method::PollChanges], Behavior::Holds);
    let one = one.start().await;
    let mut purge = one.cache().purge_path(POST);
    settle().await;
    assert!((&mut purge).now_or_never().is_none(), "the purge completed before the process was connected");
    one.store().set_behavior(&[Method::PollChanges], Behavior::Works);
    assert_eq!(purge.await.unwrap().remote(), RemotePurge::Confirmed);
    assert_ne!(third.get(POST).await.text(), "page 1 of third");
}

/// For example by a handler whose client has disconnected.
#[actix_web::test]
async fn pending_purge_that_was_dropped_is_sent_again() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get(POST)).await;
    other.get(POST).await.assert_remote_hit();
    one.store().set_behavior(&[Method::Purge], Behavior::Rejects);
    drop(one.cache().purge_path(POST));
    until("the purge was attempted", || one.store().calls(Method::Purge) > 0).await;
    one.store().set_behavior(&[Method::Purge], Behavior::Works);
    until("the purge is executed", || backend.purges() == 1).await;
    other.receive_purges().await;
    assert_ne!(other.get(POST).await.text(), "page 1 of one");
}

/// The same process generates a page after the purge, and stores it before the purge is executed.
#[actix_web::test]
async fn late_purge_leaves_the_same_page_to_all() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get(POST)).await;
    one.store().set_behavior(&[Method::Purge], Behavior::Rejects);
    assert_pending(one.cache().purge_path(POST)).await;
    one.fill(one.get(POST)).await.assert_body("page 2 of one");
    one.get(POST).await.assert_hit().assert_body("page 2 of one");
    other.get(POST).await.assert_remote_hit().assert_body("page 2 of one");
    one.store().set_behavior(&[Method::Purge], Behavior::Works);
    until("the purge is executed", || backend.purges() == 1).await;
    other.receive_purges().await;
    other.fill(other.get(POST)).await.assert_body("page 1 of other");
    until("the page before the purge is removed", || one.pages() == 0).await;
    one.get(POST).await.assert_remote_hit().assert_body("page 1 of other");
}

/// The process does not poll the log in the meantime.
#[actix_web::test]
async fn page_after_an_awaited_purge_is_shared_at_once() {
    let (_, one, other) = two_processes().await;
    for uri in [POST, "/posts/2"] {
        one.fill(one.get(uri)).await;
    }
    one.store().set_behavior(&[Method::PollChanges], Behavior::Holds);
    one.cache().purge_all().await.unwrap();
    one.cache().purge_tag("post:1").await.unwrap();
    one.fill(one.get(POST)).await;
    assert_eq!(one.remote_stats().purged, 0);
    other.receive_purges().await;
    other.get(POST).await.assert_remote_hit().assert_body("page 3 of one");
}

/// The store knows of a purge that the process has not received. Another process will have another page.
#[actix_web::test]
async fn page_that_was_purged_in_the_store_is_not_kept_in_memory() {
    let (_, one, other) = two_processes().await;
    one.store().set_behavior(&[Method::PollChanges], Behavior::Holds);
    other.cache().purge_path(POST).await.unwrap();
    one.get(POST).await.assert_stored();
    until("the page is rejected", || one.remote_stats().purged == 1).await;
    assert_eq!(one.pages(), 0);
    other.fill(other.get(POST)).await;
    one.get(POST).await.assert_remote_hit().assert_body("page 1 of other");
}

async fn purging(cache: PageCache) -> Result<&'static str, PurgeError> {
    cache.purge_tag("posts").await?;
    Ok("purged")
}

#[actix_web::test]
async fn handler_that_awaits_a_purge_responds_without_the_store() {
    let one = connect(process("one", &Backend::new()).route("/purge", purging)).await;
    one.store().set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_unavailable().await;
    one.post("/purge").await.assert_status(200).assert_body("purged");
}

#[actix_web::test]
async fn purge_that_is_delivered_waits_for_the_store() {
    let (backend, one, _) = two_processes().await;
    one.fill(one.get(POST)).await;
    one.store().set_behavior(&[Method::Purge], Behavior::Rejects);
    let mut delivery = pin!(one.cache().purge_path(POST).delivered_within(Duration::from_secs(600)));
    assert!(delivery.as_mut().now_or_never().is_none());
    until("the purge was attempted", || one.store().calls(Method::Purge) > 1).await;
    assert!(delivery.as_mut().now_or_never().is_none());
    one.store().set_behavior(&[Method::Purge], Behavior::Works);
    let summary = in_time("the delivery", delivery).await.unwrap();
    assert_eq!((summary.pages(), summary.remote()), (1, RemotePurge::Confirmed));
    assert_eq!(backend.purges(), 1);
}

#[actix_web::test]
async fn purge_that_is_not_delivered_in_time_is_an_error() {
    let (_, one, _) = two_processes().await;
    one.store().set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_unavailable().await;
    let error = one.cache().purge_path(POST).delivered_within(Duration::from_millis(10)).await.unwrap_err();
    assert!(error.is_pending() && !error.is_nothing_stored(), "{error}");
    let error = error.to_string();
    assert!(error.contains("(retrying): not within 10ms") && error.contains("unavailable"), "{error}");
    // The others of the queue are told as well.
    let error = one.cache().purge_tag("posts").delivered_within(Duration::ZERO).await.unwrap_err();
    assert!(error.is_pending(), "{error}");
}

/// For example a program that purges with another `key_prefix` than the servers have.
#[actix_web::test]
async fn purge_where_nothing_is_stored_says_so() {
    let backend = Backend::new();
    let other = connect(process("other", &backend).cache(|cache| cache.key_prefix("shop"))).await;
    other.fill(other.get(POST)).await;
    let one = connect(process("one", &backend).cache(|cache| cache.key_prefix("shpo"))).await;
    let summary = one.cache().purge_tag("posts").await.unwrap();
    assert_eq!((summary.pages(), summary.remote()), (0, RemotePurge::NothingStored));
    let error = one.cache().purge_tag("posts").delivered().await.unwrap_err();
    assert!(error.is_nothing_stored() && !error.is_pending(), "{error}");
    assert!(error.to_string().contains("`key_prefix` \"shpo\""), "{error}");
    let right = connect(process("right", &backend).cache(|cache| cache.key_prefix("shop"))).await;
    let summary = right.cache().purge_tag("posts").delivered().await.unwrap();
    assert_eq!((summary.pages(), summary.remote()), (0, RemotePurge::Confirmed));
    // The namespace is in use, whether or not the purge selects a page.
    let summary = right.cache().purge_tag("none").delivered().await.unwrap();
    assert_eq!(summary.remote(), RemotePurge::Confirmed);
}

#[actix_web::test]
async fn purge_without_a_remote_store_is_delivered_at_once() {
    let cache = PageCache::new();
    let summary = cache.purge_all().delivered_within(Duration::ZERO).await.unwrap();
    assert_eq!(summary.remote(), RemotePurge::NoStore);
    assert!(!cache.purge_tag("").delivered().await.unwrap_err().is_pending());
}

/// The same purge is requested over and over while the store is unavailable.
#[actix_web::test]
async fn equal_pending_purges_are_sent_once() {
    let (backend, one, _) = two_processes().await;
    one.fill(one.get(POST)).await;
    one.store().set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_unavailable().await;
    for _ in 0..100 {
        assert_pending(one.cache().purge_path(POST)).await;
    }
    one.store().set_behavior(&Method::ALL, Behavior::Works);
    one.cache().purge_tag("last").delivered().await.unwrap();
    // The last of the hundred may have been requested while an earlier one was being sent, which does not stand for it.
    assert!((2..=3).contains(&backend.purges()), "{}", backend.purges());
}

async fn assert_pending(purge: PurgeFuture) {
    assert_eq!(purge.await.unwrap().remote(), RemotePurge::Pending);
}
