//! Purges that come while pages are made, or on their way, in another process: what was begun before one is not kept for all.

use std::time::Duration;

use super::{
    memory::{Does, Engine, Op},
    site::{is_remote_hit, patient, process},
    until,
};
use crate::legacy::{Crowd, asking, settle};

const PAGE: &str = "/posts/1";

#[actix_web::test]
async fn a_page_that_was_begun_before_a_purge_elsewhere_is_not_kept() {
    for (round, verb) in ["purge", "expire"].into_iter().enumerate() {
        let engine = Engine::default();
        let (one, other) =
            (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
        other.hold();
        let crowd = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
        until("it is made", || other.runs.get() == 1).await;
        match round {
            0 => one.cache.purge_tag("posts").await.unwrap(),
            _ => one.cache.expire_tag("posts").await.unwrap(),
        };
        other.let_go();
        let old = crowd.all().await.remove(0);
        assert_eq!(old.status, 200, "who asked before is answered");
        until("the claim ends", || engine.claims() == 0).await;
        assert_eq!(engine.pages(), 0, "{verb}");
        let new = one.get(PAGE).await;
        assert_ne!(new.body, old.body, "{verb}");
        other.get_until_not(PAGE, &old).await;
    }
}

/// Not heard of at all in the process that makes the page.
#[actix_web::test]
async fn a_page_that_was_begun_before_a_purge_that_nobody_heard_of_is_not_kept() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    other.store.set(&[Op::PollChanges], Does::Holds);
    one.cache.purge_tag("posts").await.unwrap();
    // It begins after the purge, which is more than it knows.
    let old = other.get(PAGE).await;
    assert!(old.is_stored(), "{}", old.outcome());
    until("the engine refuses it", || other.remote_stats().purged == 1).await;
    assert_eq!((engine.pages(), engine.claims()), (0, 0));
    other.store.set(&[Op::PollChanges], Does::Works);
    other.hears().await;
    other.get_until_not(PAGE, &old).await;
    other.gives(1).await;
    assert_eq!(engine.pages(), 1);
}

#[actix_web::test]
async fn whoever_waits_for_a_page_that_is_purged_makes_another_one() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    other.hold();
    let makes = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
    until("the other one is at it", || engine.claims() == 1).await;
    one.cache.purge_path(PAGE).await.unwrap();
    let waits = Crowd::send(&one.app, [asking(PAGE, &[]), asking(PAGE, &[])]).await;
    until("it waits", || one.asked() > 2).await;
    assert_eq!((waits.answered(), one.runs.get()), (0, 0));
    other.let_go();
    let (old, new) = (makes.all().await, waits.all().await);
    assert_eq!(
        (old[0].text(), new[0].text(), new[1].text()),
        ("page 1 of other", "page 1 of one", "page 1 of one")
    );
}

/// What was found before a purge and comes after it.
#[actix_web::test]
async fn a_page_that_is_on_its_way_while_it_is_purged_does_not_arrive() {
    for memory in [60, 0] {
        let engine = Engine::default();
        let options = || patient().local_ttl(Duration::from_secs(memory));
        let (one, other) =
            (process("one", &engine, options()).await, process("other", &engine, options()).await);
        let old = one.make(PAGE).await;
        other.store.set(&[Op::Get], Does::Holds);
        let crowd = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
        until("it is asked for", || other.asked() == 1).await;
        one.cache.purge_path(PAGE).await.unwrap();
        other.hears().await;
        other.store.set(&[Op::Get], Does::Works);
        let answer = crowd.all().await.remove(0);
        assert_eq!(answer.text(), "page 1 of other", "memory for {memory} seconds");
        assert_ne!(other.get(PAGE).await.body, old.body);
    }
}

/// The same in the process that purges.
#[actix_web::test]
async fn nor_does_one_that_is_purged_by_the_process_itself() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let old = one.make(PAGE).await;
    other.store.set(&[Op::Get], Does::Holds);
    let crowd = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
    until("it is asked for", || other.asked() == 1).await;
    // That takes its time.
    other.store.set(&[Op::Purge], Does::Holds);
    let purging = other.cache.purge_path(PAGE);
    until("it is being purged", || other.store.count(Op::Purge) == 1).await;
    other.store.set(&[Op::Get, Op::Purge], Does::Works);
    purging.await.unwrap();
    assert_ne!(crowd.all().await[0].body, old.body);
    assert_ne!(other.get(PAGE).await.body, old.body);
}

#[actix_web::test]
async fn a_page_that_nobody_took_yet_is_not_there_when_its_purge_is() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let third = process("third", &engine, patient()).await;
    // It is made here, and on its way for long.
    one.store.set(&[Op::Put], Does::Hangs);
    let old = one.get(PAGE).await;
    until("it is on its way", || one.store.count(Op::Put) == 1).await;
    other.cache.purge_path(PAGE).await.unwrap();
    one.get_until_not(PAGE, &old).await;
    assert_ne!(third.get(PAGE).await.body, old.body);
}

/// Where nothing is in memory, not even those who wait for somebody else's answer are sent what was purged before they came.
#[actix_web::test]
async fn who_comes_after_a_purge_is_not_sent_what_was_asked_for_before() {
    let engine = Engine::default();
    let options = || patient().local_ttl(Duration::ZERO);
    let (one, other) = (process("one", &engine, options()).await, process("other", &engine, options()).await);
    let old = one.make(PAGE).await;
    // The purge is not heard of while the page is on its way.
    other.store.set(&[Op::PollChanges], Does::Holds);
    other.store.set(&[Op::Get], Does::Holds);
    let early = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
    until("it is asked for", || other.asked() == 1).await;
    one.cache.purge_path(PAGE).await.unwrap();
    let late = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
    other.store.set(&[Op::Get], Does::Works);
    let (early, late) = (early.all().await, late.all().await);
    assert_eq!(early[0].body, old.body, "who asked before may get it");
    assert_ne!(late[0].body, old.body, "who asks after a purge was awaited may not: {}", late[0].outcome());
}

#[actix_web::test]
async fn who_comes_after_a_purge_is_not_sent_what_is_being_made_since_before() {
    let engine = Engine::default();
    let options = || patient().local_ttl(Duration::ZERO);
    let (one, other) = (process("one", &engine, options()).await, process("other", &engine, options()).await);
    other.store.set(&[Op::PollChanges], Does::Holds);
    other.hold();
    let early = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
    until("it is made", || other.runs.get() == 1).await;
    one.cache.purge_path(PAGE).await.unwrap();
    let late = Crowd::send(&other.app, [asking(PAGE, &[])]).await;
    settle().await;
    other.let_go();
    let (early, late) = (early.all().await, late.all().await);
    assert_eq!(early[0].text(), "page 1 of other");
    assert_eq!(late[0].text(), "page 2 of other", "{}", late[0].outcome());
}

/// A process may purge before it has heard of anything.
#[actix_web::test]
async fn what_is_made_after_ones_own_purge_is_shared_again() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    for round in 1..=5 {
        one.hears().await;
        let made = one.make(PAGE).await;
        let found = other.get(PAGE).await;
        assert!(is_remote_hit(&found) && found.body == made.body, "round {round}: {}", found.outcome());
        one.cache.purge_path(PAGE).await.unwrap();
        other.get_until_not(PAGE, &made).await;
        other.cache.purge_path(PAGE).await.unwrap();
    }
}
