//! One process makes a page for all, and nobody waits for nobody.

use std::time::Duration;

use actix_web::rt::time::timeout;
use cache_page::{Outcome, Reason};

use super::{
    memory::{Does, Engine, Op},
    site::{CONTROL, advance, is_remote_hit, patient, process},
    until,
};
use crate::legacy::{Crowd, asking, settle};

/// No test takes as long.
const LIMIT: Duration = Duration::from_secs(30);

/// Longer than any test, where waiting for it would be a mistake.
const HOUR: Duration = Duration::from_secs(3600);

#[actix_web::test]
async fn one_process_makes_a_page_for_all() {
    for memory in [60, 0] {
        let engine = Engine::default();
        let options = || patient().coalesce_timeout(HOUR).local_ttl(Duration::from_secs(memory));
        let mut processes = Vec::new();
        for name in ["one", "two", "three", "four", "five"] {
            processes.push(process(name, &engine, options()).await);
        }
        processes.iter().for_each(|process| process.hold());
        let mut crowds = Vec::new();
        for process in &processes {
            let requests = (0..4).map(|_| asking("/page", &[]));
            crowds.push(Crowd::send(&process.app, requests).await);
        }
        until("all have asked, and wait", || processes.iter().all(|process| process.asked() >= 1)).await;
        let runs = || processes.iter().map(|process| process.runs.get()).sum::<u64>();
        until("one of them makes it", || runs() == 1).await;
        settle().await;
        assert_eq!((runs(), engine.claims()), (1, 1));
        processes.iter().for_each(|process| process.let_go());
        for crowd in crowds {
            let answers = timeout(LIMIT, crowd.all()).await.expect("they are answered");
            for answer in answers {
                assert_eq!((answer.status, answer.text()), (200, "page 1 of one"), "{}", answer.outcome());
            }
        }
        assert_eq!((runs(), engine.claims(), engine.pages()), (1, 0, 1), "memory for {memory} seconds");
        let of = |outcome| processes.iter().map(|process| process.of(outcome)).sum::<u64>();
        // Where nothing is in memory, each of them asks.
        let (shared, collapsed) = if memory > 0 { (4, 15) } else { (19, 0) };
        let outcomes = (of(Outcome::Stored), of(Outcome::RemoteHit), of(Outcome::Collapsed));
        assert_eq!(outcomes, (1, shared, collapsed), "memory for {memory} seconds");
    }
}

#[actix_web::test]
async fn whose_process_dies_is_not_waited_for_longer_than_one_waits() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    // By its own clock, it would wait for ever.
    let other = process("other", &engine, patient().coalesce_timeout(Duration::from_millis(200))).await;
    one.hold();
    let crowd = Crowd::send(&one.app, [asking("/page", &[])]).await;
    until("it is at it", || engine.claims() == 1).await;
    // Nothing comes from there any more.
    one.store.set(&Op::ALL, Does::Hangs);
    let answer = timeout(LIMIT, other.get("/page")).await.expect("it is answered");
    assert_eq!(answer.text(), "page 1 of other");
    drop(crowd);
}

#[actix_web::test]
async fn whose_process_dies_is_not_waited_for_longer_than_a_claim_lasts() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let other = process("other", &engine, patient().coalesce_timeout(HOUR)).await;
    one.hold();
    let _crowd = Crowd::send(&one.app, [asking("/page", &[])]).await;
    until("it is at it", || engine.claims() == 1).await;
    one.store.set(&Op::ALL, Does::Hangs);
    let waits = Crowd::send(&other.app, [asking("/page", &[])]).await;
    until("it waits", || other.asked() > 2).await;
    assert_eq!(waits.answered(), 0);
    advance(&engine, &[&one, &other], 10);
    let answer = timeout(LIMIT, waits.all()).await.expect("it is answered").remove(0);
    assert_eq!(answer.text(), "page 1 of other");
}

#[actix_web::test]
async fn what_is_not_to_be_shared_is_not_waited_for() {
    let engine = Engine::default();
    let one = process("one", &engine, patient().coalesce_timeout(HOUR)).await;
    let other = process("other", &engine, patient().coalesce_timeout(HOUR)).await;
    for process in [&one, &other] {
        process.hold();
        process.headers.borrow_mut().push(("set-cookie", "id=1"));
    }
    let makes = Crowd::send(&one.app, [asking("/page", &[])]).await;
    let waits = Crowd::send(&other.app, [asking("/page", &[]), asking("/page", &[])]).await;
    until("it waits", || other.asked() > 2).await;
    assert_eq!((one.runs.get(), other.runs.get(), waits.answered()), (1, 0, 0));
    one.let_go();
    let answer = makes.all().await.remove(0);
    assert!(answer.outcome().ends_with("; detail=set-cookie"), "{}", answer.outcome());
    // All of them at once, and not one after the other.
    until("they make their own", || other.runs.get() == 2).await;
    let later = Crowd::send(&other.app, [asking("/page", &[]), asking("/page", &[])]).await;
    until("so do those who come later", || other.runs.get() == 4).await;
    other.let_go();
    for answer in waits.all().await.into_iter().chain(later.all().await) {
        assert!(answer.outcome().ends_with("; detail=set-cookie"), "{}", answer.outcome());
    }
    assert_eq!(engine.pages(), 0);
    // What is to be shared after all, is.
    for process in [&one, &other] {
        process.headers.borrow_mut().clear();
    }
    let made = other.make("/page").await;
    advance(&engine, &[&one], 31);
    assert_eq!(one.get("/page").await.body, made.body);
}

#[actix_web::test]
async fn where_each_makes_its_own_nobody_waits_for_another_process() {
    let engine = Engine::default();
    let options = || patient().coalesce_timeout(HOUR).coalesce_across_processes(false);
    let (one, other) = (process("one", &engine, options()).await, process("other", &engine, options()).await);
    one.hold();
    other.hold();
    let first = Crowd::send(&one.app, [asking("/page", &[]), asking("/page", &[])]).await;
    let second = Crowd::send(&other.app, [asking("/page", &[]), asking("/page", &[])]).await;
    until("both are at it", || (one.runs.get(), other.runs.get()) == (1, 1)).await;
    assert_eq!(engine.claims(), 0);
    one.let_go();
    other.let_go();
    assert!(first.all().await.iter().all(|answer| answer.text() == "page 1 of one"));
    assert!(second.all().await.iter().all(|answer| answer.text() == "page 1 of other"));
    until("a page is kept", || engine.pages() == 1).await;
    let third = process("third", &engine, options()).await;
    assert!(is_remote_hit(&third.get("/page").await), "pages are shared all the same");
}

#[actix_web::test]
async fn a_client_that_goes_away_leaves_the_page_to_another_process() {
    let engine = Engine::default();
    let one = process("one", &engine, patient().coalesce_timeout(HOUR)).await;
    let other = process("other", &engine, patient().coalesce_timeout(HOUR)).await;
    one.hold();
    let mut makes = Crowd::send(&one.app, [asking("/page", &[])]).await;
    let waits = Crowd::send(&other.app, [asking("/page", &[])]).await;
    until("it waits", || other.asked() > 2).await;
    makes.abort(0).await;
    let answer = timeout(LIMIT, waits.all()).await.expect("it is answered").remove(0);
    assert_eq!(answer.text(), "page 1 of other");
    until("nobody is at it", || engine.claims() == 0).await;
}

#[actix_web::test]
async fn a_handler_that_panics_leaves_the_page_to_another_process() {
    let engine = Engine::default();
    let one = process("one", &engine, patient().coalesce_timeout(HOUR)).await;
    let other = process("other", &engine, patient().coalesce_timeout(HOUR)).await;
    one.hold();
    one.panics.set(true);
    let makes = Crowd::send(&one.app, [asking("/page", &[])]).await;
    let waits = Crowd::send(&other.app, [asking("/page", &[])]).await;
    until("it waits", || other.asked() > 2).await;
    one.let_go();
    assert!(makes.answers().await[0].is_none());
    let answer = timeout(LIMIT, waits.all()).await.expect("it is answered").remove(0);
    assert_eq!(answer.text(), "page 1 of other");
}

/// The engine grants claims and takes no pages: those who wait for one must not wait for as long as a claim lasts.
#[actix_web::test]
async fn a_page_that_the_engine_does_not_take_is_not_waited_for() {
    for does in [Does::Rejects, Does::Hangs] {
        let engine = Engine::default();
        let options = || patient().coalesce_timeout(HOUR);
        let one = process("one", &engine, options().remote_timeout(Duration::from_millis(500))).await;
        let other = process("other", &engine, options()).await;
        one.hold();
        one.store.set(&[Op::Put], does);
        let makes = Crowd::send(&one.app, [asking("/page", &[])]).await;
        until("it is at it", || engine.claims() == 1).await;
        let waits = Crowd::send(&other.app, [asking("/page", &[])]).await;
        until("it waits", || other.asked() > 2).await;
        one.let_go();
        assert!(makes.all().await[0].is_stored());
        // The engine's clock goes no further than its claim.
        let answer = timeout(Duration::from_secs(3), waits.all()).await;
        let answer = answer.unwrap_or_else(|_| panic!("{does:?}: it waits for a page that does not come"));
        assert_eq!(answer[0].text(), "page 1 of other", "{does:?}");
    }
}

#[actix_web::test]
async fn a_page_that_failed_is_made_by_the_next_process() {
    let engine = Engine::default();
    let one = process("one", &engine, patient().coalesce_timeout(HOUR)).await;
    let other = process("other", &engine, patient().coalesce_timeout(HOUR)).await;
    one.hold();
    one.status.set(503);
    let makes = Crowd::send(&one.app, [asking("/page", &[])]).await;
    let waits = Crowd::send(&other.app, [asking("/page", &[])]).await;
    until("it waits", || other.asked() > 2).await;
    one.let_go();
    assert_eq!(makes.all().await[0].status, 503);
    let answer = timeout(LIMIT, waits.all()).await.expect("it is answered").remove(0);
    assert_eq!((answer.status, answer.text()), (200, "page 1 of other"));
    assert_eq!(one.of(Outcome::NotStored(Reason::Status)), 1);
}

#[actix_web::test]
async fn a_page_that_is_for_this_process_alone_is_not_claimed() {
    let engine = Engine::default();
    let one = process("one", &engine, patient().enabled(false)).await;
    assert_eq!(one.get("/page").await.outcome(), "cache_page; fwd=bypass; detail=disabled");
    let other = process("other", &engine, patient()).await;
    other.headers.borrow_mut().push((CONTROL, "no-store"));
    assert!(other.get("/page").await.outcome().ends_with("; detail=no-store"));
    assert_eq!((one.asked(), engine.pages()), (0, 0));
}
