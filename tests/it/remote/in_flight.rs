//! Purges during fills and calls of other processes: an entry of an earlier fill is not stored.

use cache_page::PageCacheBuilder;

use super::{
    KEPT_ON_ERROR, LOCAL_TTLS, POST, PURGE_AND_EXPIRE, assert_bodies, connect, process, status,
    two_processes, two_processes_with, two_processes_with_local_ttl,
};
use crate::support::{Behavior, Crowd, Method, advance, settle, until};

#[actix_web::test]
async fn fill_from_before_a_purge_elsewhere_is_not_stored() {
    for (name, purge) in PURGE_AND_EXPIRE {
        let (backend, one, other) = two_processes().await;
        other.pause();
        let crowd = Crowd::send([other.get(POST)]).await;
        until("the handler runs", || other.waiting() == [1]).await;
        purge(one.cache()).await.unwrap();
        other.receive_purges().await;
        other.resume().await;
        // The client of the fill gets its response.
        assert_bodies(&crowd.responses().await, "page 1 of other");
        until("the lease ends", || backend.leases() == 0).await;
        assert_eq!((backend.entries(), other.pages()), (0, 0), "{name}");
        for process in [&one, &other] {
            let response = process.get(POST).await;
            assert_ne!(response.text(), "page 1 of other", "{name}: {response:?}");
        }
    }
}

#[actix_web::test]
async fn fill_from_before_a_purge_is_rejected_by_the_store() {
    for (name, purge) in PURGE_AND_EXPIRE {
        let (backend, one, other) = two_processes().await;
        other.pause();
        let crowd = Crowd::send([other.get(POST)]).await;
        until("the handler runs", || other.waiting() == [1]).await;
        // The process does not receive the purge.
        other.store().set_behavior(&[Method::PollChanges], Behavior::Holds);
        purge(one.cache()).await.unwrap();
        other.resume().await;
        assert_bodies(&crowd.responses().await, "page 1 of other");
        until("the entry is rejected", || other.remote_stats().purged == 1).await;
        assert_eq!((backend.entries(), backend.leases()), (0, 0), "{name}");
        one.get(POST).await.assert_stored().assert_body("page 1 of one");
    }
}

/// The process neither knows the purge when its fill starts nor when it ends.
#[actix_web::test]
async fn fill_after_a_purge_that_was_not_received_is_not_shared() {
    let (backend, one, other) = two_processes().await;
    other.store().set_behavior(&[Method::PollChanges], Behavior::Holds);
    one.cache().purge_tag("posts").await.unwrap();
    other.get(POST).await.assert_stored();
    until("the entry is rejected", || other.remote_stats().purged == 1).await;
    assert_eq!((backend.entries(), backend.leases()), (0, 0));
    other.store().set_behavior(&[Method::PollChanges], Behavior::Works);
    other.receive_purges().await;
    other.fill(other.get(POST)).await.assert_body("page 2 of other");
    assert_eq!(backend.entries(), 1);
}

#[actix_web::test]
async fn waiting_process_runs_the_handler_if_the_page_is_purged() {
    let (backend, one, other) = two_processes().await;
    other.pause();
    let leader = Crowd::send([other.get(POST)]).await;
    until("the other process has the lease", || backend.leases() == 1).await;
    one.cache().purge_path(POST).await.unwrap();
    let waiting = Crowd::send(one.get(POST).times(2)).await;
    until("the process waits", || one.lookups() > 2).await;
    assert_eq!((waiting.answered(), one.runs()), (0, 0));
    other.resume().await;
    assert_bodies(&leader.responses().await, "page 1 of other");
    assert_bodies(&waiting.responses().await, "page 1 of one");
}

/// The backend reads the entry before the purge, and its response arrives after the purge.
#[actix_web::test]
async fn remote_page_that_is_purged_on_its_way_is_not_served() {
    for local_ttl in LOCAL_TTLS {
        let (_, one, other) = two_processes_with_local_ttl(local_ttl).await;
        one.fill(one.get(POST)).await;
        other.store().set_behavior(&[Method::Get], Behavior::Holds);
        let crowd = Crowd::send([other.get(POST)]).await;
        until("the lookup is in flight", || other.lookups() == 1).await;
        one.cache().purge_path(POST).await.unwrap();
        other.receive_purges().await;
        other.store().set_behavior(&[Method::Get], Behavior::Works);
        assert_bodies(&crowd.responses().await, "page 1 of other");
        let response = other.get(POST).await;
        assert_ne!(response.text(), "page 1 of one", "local_ttl {local_ttl}: {response:?}");
    }
}

#[actix_web::test]
async fn remote_page_that_the_process_itself_purges_is_not_served() {
    let (_, one, other) = two_processes().await;
    one.fill(one.get(POST)).await;
    other.store().set_behavior(&[Method::Get, Method::Purge], Behavior::Holds);
    let crowd = Crowd::send([other.get(POST)]).await;
    until("the lookup is in flight", || other.lookups() == 1).await;
    let purge = other.cache().purge_path(POST);
    until("the purge is in flight", || other.store().calls(Method::Purge) == 1).await;
    other.store().set_behavior(&[Method::Get, Method::Purge], Behavior::Works);
    purge.await.unwrap();
    assert_ne!(crowd.responses().await[0].text(), "page 1 of one");
    assert_ne!(other.get(POST).await.text(), "page 1 of one");
}

#[actix_web::test]
async fn page_that_is_purged_before_it_is_stored_is_not_served() {
    // The lease of the page that is being stored would delay the next one.
    let options = |cache: PageCacheBuilder| cache.coalesce_across_processes(false);
    let (backend, one, other) = two_processes_with(options).await;
    let third = connect(process("third", &backend).cache(options)).await;
    one.store().set_behavior(&[Method::Put], Behavior::Hangs);
    one.get(POST).await.assert_stored();
    until("the entry is being stored", || one.store().calls(Method::Put) == 1).await;
    other.cache().purge_path(POST).await.unwrap();
    one.receive_purges().await;
    for process in [&one, &third] {
        assert_ne!(process.get(POST).await.text(), "page 1 of one");
    }
}

/// Without local memory, a request is not coalesced with a lookup that was sent before a purge.
#[actix_web::test]
async fn request_after_a_purge_does_not_share_an_earlier_lookup() {
    let (_, one, other) = two_processes_with_local_ttl(0).await;
    one.fill(one.get(POST)).await;
    other.store().set_behavior(&[Method::PollChanges, Method::Get], Behavior::Holds);
    let early = Crowd::send([other.get(POST)]).await;
    until("the lookup is in flight", || other.lookups() == 1).await;
    one.cache().purge_path(POST).await.unwrap();
    let late = Crowd::send([other.get(POST)]).await;
    other.store().set_behavior(&[Method::Get], Behavior::Works);
    assert_bodies(&early.responses().await, "page 1 of one");
    assert_ne!(late.responses().await[0].text(), "page 1 of one");
}

#[actix_web::test]
async fn request_after_a_purge_does_not_share_an_earlier_fill() {
    let (_, one, other) = two_processes_with_local_ttl(0).await;
    other.store().set_behavior(&[Method::PollChanges], Behavior::Holds);
    other.pause();
    let early = Crowd::send([other.get(POST)]).await;
    until("the handler runs", || other.waiting() == [1]).await;
    one.cache().purge_path(POST).await.unwrap();
    let late = Crowd::send([other.get(POST)]).await;
    settle().await;
    other.resume().await;
    assert_bodies(&early.responses().await, "page 1 of other");
    assert_bodies(&late.responses().await, "page 2 of other");
}

#[actix_web::test]
async fn fill_after_a_purge_of_the_process_is_shared() {
    let (_, one, other) = two_processes().await;
    for run in 1..=5 {
        one.receive_purges().await;
        one.fill(one.get(POST)).await;
        other.get(POST).await.assert_remote_hit().assert_body(format!("page {run} of one"));
        one.cache().purge_path(POST).await.unwrap();
        other.cache().purge_path(POST).await.unwrap();
    }
}

#[actix_web::test]
async fn page_that_is_purged_elsewhere_is_not_served_on_error() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get(KEPT_ON_ERROR)).await;
    other.get(KEPT_ON_ERROR).await.assert_remote_hit();
    advance(&backend, &[&one, &other], 100);
    other.set_handler(status(503));
    other.pause();
    let crowd = Crowd::send([other.get(KEPT_ON_ERROR)]).await;
    until("the handler runs", || other.waiting() == [1]).await;
    one.cache().purge_path(KEPT_ON_ERROR).await.unwrap();
    other.receive_purges().await;
    other.resume().await;
    crowd.responses().await[0].assert_status(503);
    other.get(KEPT_ON_ERROR).await.assert_status(503);
}
