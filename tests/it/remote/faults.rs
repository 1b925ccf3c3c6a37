//! An engine that does not do what it should: nobody is sent a wrong page, or an error, and nobody waits for long.

use std::time::Duration;

use actix_web::rt::time::timeout;
use cache_page::{Outcome, Reason};

use super::{
    memory::{Does, Engine, Op},
    site::{is_remote_hit, patient, process, start},
    until,
};
use crate::legacy::{Answer, Crowd, asking};

/// No test takes as long.
const LIMIT: Duration = Duration::from_secs(30);

fn is_told_as_garbled(answer: &Answer) -> bool {
    answer.outcome().ends_with("; detail=remote-corrupt")
}

#[actix_web::test]
async fn bytes_that_were_changed_or_cut_are_no_page() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let other = process("other", &engine, patient().local_ttl(Duration::ZERO)).await;
    *one.tags.borrow_mut() = vec!["a tag".to_owned()];
    one.make("/posts/1").await;
    let good = engine.bytes();
    let mut wrong: Vec<Vec<u8>> =
        vec![Vec::new(), b"garbage".to_vec(), vec![0; 5000], [&good[..], b"x"].concat()];
    wrong.extend((0..good.len()).step_by(7).map(|end| good[..end].to_vec()));
    wrong.extend((0..good.len()).step_by(5).chain(0..20).map(|place| {
        let mut bytes = good.clone();
        bytes[place] ^= 1 << (place % 8);
        bytes
    }));
    // Its own would be in the place of that.
    other.store.set(&[Op::Put], Does::Rejects);
    for (number, bytes) in wrong.iter().enumerate() {
        engine.corrupt(|_| bytes.clone());
        let answer = other.get("/posts/1").await;
        assert_eq!((answer.status, answer.text()), (200, &*format!("page {} of other", number + 1)));
        assert!(is_told_as_garbled(&answer), "{number}: {}", answer.outcome());
        assert_eq!(other.remote_stats().corrupt, number as u64 + 1);
        assert!(answer.header("x-language").is_none());
    }
    engine.corrupt(|_| good.clone());
    assert!(is_remote_hit(&other.get("/posts/1").await), "what is as it was is a page");
}

#[actix_web::test]
async fn a_garbled_page_is_replaced() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    one.make("/").await;
    engine.corrupt(|bytes| bytes[..bytes.len() / 2].to_vec());
    let made = other.make("/").await;
    assert!(is_told_as_garbled(&made), "{}", made.outcome());
    let third = process("third", &engine, patient()).await;
    let found = third.get("/").await;
    assert!(is_remote_hit(&found) && found.body == made.body);
}

/// Written by a version of this crate that means other things by its bytes.
#[actix_web::test]
async fn a_page_of_another_version_is_no_page() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let other = process("other", &engine, patient()).await;
    one.make("/").await;
    engine.corrupt(|bytes| {
        let mut bytes = bytes.to_vec();
        bytes[2] = bytes[2].wrapping_add(1);
        bytes
    });
    let answer = other.get("/").await;
    assert_eq!(answer.text(), "page 1 of other");
    assert!(is_told_as_garbled(&answer), "{}", answer.outcome());
}

/// As where the hashes of two keys meet.
#[actix_web::test]
async fn a_page_of_another_key_is_not_sent() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let other = process("other", &engine, patient()).await;
    for (number, uri) in ["/a", "/b", "/c"].into_iter().enumerate() {
        one.get(uri).await;
        one.gives(number as u64 + 1).await;
    }
    engine.mix_up();
    for (number, uri) in ["/a", "/b", "/c"].into_iter().enumerate() {
        let answer = other.get(uri).await;
        assert_eq!(answer.text(), format!("page {} of other", number + 1), "{uri}: {}", answer.outcome());
    }
    assert_eq!(other.remote_stats().corrupt, 0, "there is nothing wrong with those pages");
}

#[actix_web::test]
async fn garbled_names_of_variants_are_no_names() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let other = process("other", &engine, patient()).await;
    one.make("/varied").await;
    engine.corrupt(|bytes| {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    });
    let answer = other.make("/varied").await;
    assert_eq!(answer.text(), "page 1 of other");
    let third = process("third", &engine, patient()).await;
    assert!(is_remote_hit(&third.get("/varied").await), "both were replaced");
}

#[actix_web::test]
async fn an_engine_that_does_not_answer_is_not_asked_for_long() {
    let engine = Engine::default();
    let deadline = Duration::from_millis(50);
    let one = process("one", &engine, patient().remote_timeout(deadline)).await;
    one.store.set(&Op::ALL, Does::Hangs);
    for number in 0..20 {
        let answer = timeout(LIMIT, one.get(&format!("/{number}"))).await.expect("it is answered");
        assert_eq!(answer.status, 200);
        assert!(answer.is_stored(), "{}", answer.outcome());
        let detail = answer.outcome().rsplit_once("detail=remote-").map(|(_, why)| why.to_owned());
        assert!(matches!(detail.as_deref(), Some("timeout" | "unavailable")), "{}", answer.outcome());
    }
    one.is_up(false).await;
    let asked = one.asked();
    assert!(asked < 20, "it was asked {asked} times");
    let answer = one.get("/more").await;
    assert!(answer.outcome().ends_with("; detail=remote-unavailable"), "{}", answer.outcome());
    assert_eq!(one.asked(), asked, "it is not asked any more");
    assert!(one.remote_stats().timeouts >= 3 || one.remote_stats().unavailable > 0);
    one.store.set(&Op::ALL, Does::Works);
    one.is_up(true).await;
    one.make("/and-more").await;
    let other = process("other", &engine, patient()).await;
    assert!(is_remote_hit(&other.get("/and-more").await));
}

#[actix_web::test]
async fn a_single_late_answer_changes_nothing() {
    let engine = Engine::default();
    let one = process("one", &engine, patient().remote_timeout(Duration::from_millis(200))).await;
    for round in 0..3 {
        one.store.set(&[Op::Get], Does::Hangs);
        let answer = one.get(&format!("/late/{round}")).await;
        assert!(
            answer.outcome().ends_with("; stored; ttl=60; detail=remote-timeout"),
            "{}",
            answer.outcome()
        );
        one.store.set(&[Op::Get], Does::Works);
        let answer = one.get(&format!("/in-time/{round}")).await;
        assert_eq!(answer.outcome(), "cache_page; fwd=miss; stored; ttl=60", "round {round}");
    }
    assert!(one.remote_stats().is_available);
}

#[actix_web::test]
async fn an_engine_that_refuses_to_look_is_asked_again() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    one.make("/").await;
    other.store.set(&[Op::Get], Does::Rejects);
    let answer = other.get("/").await;
    assert_eq!(answer.outcome(), "cache_page; fwd=miss; stored; ttl=60; detail=remote-rejected");
    assert!(other.remote_stats().is_available && other.remote_stats().rejected > 0);
    other.store.set(&[Op::Get], Does::Works);
    assert_eq!(other.get("/").await.text(), "page 1 of other", "it is in memory");
    assert!(other.get("/else").await.is_stored());
}

/// As one that has no room left.
#[actix_web::test]
async fn pages_that_the_engine_refuses_are_in_memory_all_the_same() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let other = process("other", &engine, patient()).await;
    one.store.set(&[Op::Put, Op::Release], Does::Rejects);
    let made = one.get("/").await;
    assert_eq!(made.outcome(), "cache_page; fwd=miss; stored; ttl=60");
    until("it was refused", || one.remote_stats().rejected >= 1).await;
    let hit = one.get("/").await;
    assert_eq!((hit.outcome().as_str(), &hit.body), ("cache_page; hit; ttl=60", &made.body));
    assert_eq!((engine.pages(), one.remote_stats().stored), (0, 0));
    assert!(one.remote_stats().is_available);
    engine.advance(Duration::from_secs(10));
    let answer = other.make("/").await;
    assert_eq!(answer.text(), "page 1 of other");
}

#[actix_web::test]
async fn without_memory_and_engine_nothing_is_kept() {
    let engine = Engine::default();
    let one = process("one", &engine, patient().local_ttl(Duration::ZERO)).await;
    one.store.set(&Op::ALL, Does::Fails);
    one.is_up(false).await;
    for run in 1..4 {
        let answer = one.get("/").await;
        assert_eq!((answer.status, answer.text()), (200, &*format!("page {run} of one")));
        assert!(answer.outcome().ends_with("; detail=remote-unavailable"), "{}", answer.outcome());
    }
    assert_eq!(one.of(Outcome::NotStored(Reason::RemoteUnavailable)), 3);
    // Nobody knows what is purged meanwhile, so everybody makes his own.
    let crowd = Crowd::send(&one.app, (0..5).map(|_| asking("/crowd", &[]))).await;
    assert!(crowd.all().await.iter().all(|answer| answer.status == 200));
    assert_eq!(one.runs.get(), 8);
}

#[actix_web::test]
async fn a_process_starts_without_its_engine_and_finds_it_later() {
    let engine = Engine::default();
    let other = process("other", &engine, patient()).await;
    let made = other.make("/").await;
    let store = engine.store();
    store.set(&Op::ALL, Does::Fails);
    let one = start("one", store, patient()).await;
    for run in 1..4 {
        let answer = one.get(&format!("/{run}")).await;
        assert_eq!((answer.status, answer.text()), (200, &*format!("page {run} of one")));
    }
    one.store.set(&Op::ALL, Does::Works);
    one.is_up(true).await;
    let found = one.get("/").await;
    assert!(is_remote_hit(&found) && found.body == made.body, "{}", found.outcome());
}

#[actix_web::test]
async fn an_engine_is_lost_while_it_is_waited_for() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let other = process("other", &engine, patient().coalesce_timeout(Duration::from_secs(3600))).await;
    one.hold();
    let makes = Crowd::send(&one.app, [asking("/", &[])]).await;
    let waits = Crowd::send(&other.app, (0..3).map(|_| asking("/", &[]))).await;
    until("it waits", || other.asked() > 2).await;
    other.store.set(&Op::ALL, Does::Fails);
    let answers = timeout(LIMIT, waits.all()).await.expect("they are answered");
    assert!(answers.iter().all(|answer| answer.text() == "page 1 of other"), "{answers:?}");
    one.let_go();
    assert_eq!(makes.all().await[0].text(), "page 1 of one");
}
