//! Purges during fills and calls of other processes: an entry of an earlier fill is not stored.

use std::time::Duration;

use super::{
    backend::{Backend, Behavior, Method},
    site::{is_remote_hit, long_timeouts, process},
    wait_until,
};
use crate::legacy::{Crowd, asking, settle};

const PAGE: &str = "/posts/1";

#[actix_web::test]
async fn a_page_that_was_begun_before_a_purge_elsewhere_is_not_kept() {
    for (round, verb) in ["purge", "expire"].into_iter().enumerate() {
        let backend = Backend::default();
        let (one, other) = (
            process("one", &backend, long_timeouts()).await,
            process("other", &backend, long_timeouts()).await,
        );
        other.block_handlers();
        let crowd = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
        wait_until("the handler runs", || other.runs.get() == 1).await;
        match round {
            0 => one.cache.purge_tag("posts").await.unwrap(),
            _ => one.cache.expire_tag("posts").await.unwrap(),
        };
        other.unblock_handlers();
        let old = crowd.all().await.remove(0);
        assert_eq!(old.status, 200, "the client of the fill gets its response");
        wait_until("the lease ends", || backend.leases() == 0).await;
        assert_eq!(backend.entries(), 0, "{verb}");
        let new = one.get(PAGE).await;
        assert_ne!(new.body, old.body, "{verb}");
        other.get_until_changed(PAGE, &old).await;
    }
}

/// The process that runs the handler does not receive the purge.
#[actix_web::test]
async fn a_page_that_was_begun_before_a_purge_that_nobody_heard_of_is_not_kept() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    other.store.set_behavior(&[Method::PollChanges], Behavior::Holds);
    one.cache.purge_tag("posts").await.unwrap();
    // The fill starts after the purge, but the process does not know that.
    let old = other.get(PAGE).await;
    assert!(old.is_stored(), "{}", old.outcome());
    wait_until("the put is rejected", || other.remote_stats().purged == 1).await;
    assert_eq!((backend.entries(), backend.leases()), (0, 0));
    other.store.set_behavior(&[Method::PollChanges], Behavior::Works);
    other.wait_polled().await;
    other.get_until_changed(PAGE, &old).await;
    other.wait_stored(1).await;
    assert_eq!(backend.entries(), 1);
}

#[actix_web::test]
async fn whoever_waits_for_a_page_that_is_purged_makes_another_one() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    other.block_handlers();
    let leader = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
    wait_until("the other process has the lease", || backend.leases() == 1).await;
    one.cache.purge_path(PAGE).await.unwrap();
    let waiting = Crowd::send(&one.app, [asking(PAGE, &[]), asking(PAGE, &[])]).await;
    wait_until("the other process waits", || one.lookups() > 2).await;
    assert_eq!((waiting.answered(), one.runs.get()), (0, 0));
    other.unblock_handlers();
    let (old, new) = (leader.all().await, waiting.all().await);
    assert_eq!(
        (old[0].text(), new[0].text(), new[1].text()),
        ("page 1 of other", "page 1 of one", "page 1 of one")
    );
}

/// The backend reads the page before the purge, and its response arrives after it.
#[actix_web::test]
async fn a_page_that_is_on_its_way_while_it_is_purged_does_not_arrive() {
    for local_ttl in [60, 0] {
        let backend = Backend::default();
        let options = || long_timeouts().local_ttl(Duration::from_secs(local_ttl));
        let (one, other) =
            (process("one", &backend, options()).await, process("other", &backend, options()).await);
        let old = one.fill(PAGE).await;
        other.store.set_behavior(&[Method::Get], Behavior::Holds);
        let crowd = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
        wait_until("the lookup is in flight", || other.lookups() == 1).await;
        one.cache.purge_path(PAGE).await.unwrap();
        other.wait_polled().await;
        other.store.set_behavior(&[Method::Get], Behavior::Works);
        let answer = crowd.all().await.remove(0);
        assert_eq!(answer.text(), "page 1 of other", "memory for {local_ttl} seconds");
        assert_ne!(other.get(PAGE).await.body, old.body);
    }
}

/// The same in the process that purges.
#[actix_web::test]
async fn nor_does_one_that_is_purged_by_the_process_itself() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let old = one.fill(PAGE).await;
    other.store.set_behavior(&[Method::Get], Behavior::Holds);
    let crowd = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
    wait_until("the lookup is in flight", || other.lookups() == 1).await;
    // The purge takes long.
    other.store.set_behavior(&[Method::Purge], Behavior::Holds);
    let purging = other.cache.purge_path(PAGE);
    wait_until("the purge is in flight", || other.store.calls(Method::Purge) == 1).await;
    other.store.set_behavior(&[Method::Get, Method::Purge], Behavior::Works);
    purging.await.unwrap();
    assert_ne!(crowd.all().await[0].body, old.body);
    assert_ne!(other.get(PAGE).await.body, old.body);
}

#[actix_web::test]
async fn a_page_that_nobody_took_yet_is_not_there_when_its_purge_is() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let third = process("third", &backend, long_timeouts()).await;
    // The put takes long.
    one.store.set_behavior(&[Method::Put], Behavior::Hangs);
    let old = one.get(PAGE).await;
    wait_until("the put is in flight", || one.store.calls(Method::Put) == 1).await;
    other.cache.purge_path(PAGE).await.unwrap();
    one.get_until_changed(PAGE, &old).await;
    assert_ne!(third.get(PAGE).await.body, old.body);
}

/// Without local memory, a request is not coalesced with a lookup that was sent before a purge.
#[actix_web::test]
async fn who_comes_after_a_purge_is_not_sent_what_was_asked_for_before() {
    let backend = Backend::default();
    let options = || long_timeouts().local_ttl(Duration::ZERO);
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    let old = one.fill(PAGE).await;
    // The process does not receive the purge.
    other.store.set_behavior(&[Method::PollChanges], Behavior::Holds);
    other.store.set_behavior(&[Method::Get], Behavior::Holds);
    let early = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
    wait_until("the lookup is in flight", || other.lookups() == 1).await;
    one.cache.purge_path(PAGE).await.unwrap();
    let late = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
    other.store.set_behavior(&[Method::Get], Behavior::Works);
    let (early, late) = (early.all().await, late.all().await);
    assert_eq!(early[0].body, old.body, "a request before the purge");
    assert_ne!(late[0].body, old.body, "a request after the purge was awaited: {}", late[0].outcome());
}

#[actix_web::test]
async fn who_comes_after_a_purge_is_not_sent_what_is_being_made_since_before() {
    let backend = Backend::default();
    let options = || long_timeouts().local_ttl(Duration::ZERO);
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    other.store.set_behavior(&[Method::PollChanges], Behavior::Holds);
    other.block_handlers();
    let early = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
    wait_until("the handler runs", || other.runs.get() == 1).await;
    one.cache.purge_path(PAGE).await.unwrap();
    let late = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
    settle().await;
    other.unblock_handlers();
    let (early, late) = (early.all().await, late.all().await);
    assert_eq!(early[0].text(), "page 1 of other");
    assert_eq!(late[0].text(), "page 2 of other", "{}", late[0].outcome());
}

/// A process may purge before its first poll.
#[actix_web::test]
async fn what_is_made_after_ones_own_purge_is_shared_again() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    for round in 1..=5 {
        one.wait_polled().await;
        let filled = one.fill(PAGE).await;
        let found = other.get(PAGE).await;
        assert!(is_remote_hit(&found) && found.body == filled.body, "round {round}: {}", found.outcome());
        one.cache.purge_path(PAGE).await.unwrap();
        other.get_until_changed(PAGE, &filled).await;
        other.cache.purge_path(PAGE).await.unwrap();
    }
}
