//! Purges that the engine has not confirmed: they are told again until it does, and this process knows of them meanwhile.

use std::time::Duration;

use actix_web::rt::time::{sleep, timeout};
use futures_util::FutureExt as _;

use super::{
    memory::{Does, Engine, Op},
    site::{is_remote_hit, patient, process},
    until,
};

const PAGE: &str = "/posts/1";

#[actix_web::test]
async fn a_purge_while_the_engine_is_away_is_made_up_for() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let third = process("third", &engine, patient().local_ttl(Duration::ZERO)).await;
    let old = one.make(PAGE).await;
    assert!(is_remote_hit(&other.get(PAGE).await));
    one.store.set(&Op::ALL, Does::Fails);
    one.is_up(false).await;
    let error = one.cache.purge_path(PAGE).await.unwrap_err();
    assert!(error.is_pending(), "{error}");
    assert!(error.to_string().contains("retrying"), "{error}");
    assert_ne!(one.get(PAGE).await.body, old.body, "here it is purged already");
    assert!(is_remote_hit(&third.get(PAGE).await), "and there it is not");
    one.store.set(&Op::ALL, Does::Works);
    other.get_until_not(PAGE, &old).await;
    assert_ne!(third.get(PAGE).await.body, old.body);
    one.cache.purge_all().await.unwrap();
}

/// The engine works, but for purges: what it still has of them is not sent by the process that knows better.
#[actix_web::test]
async fn what_is_yet_to_be_purged_is_not_taken_from_the_engine() {
    for does in [Does::Rejects, Does::Hangs] {
        for expires in [false, true] {
            let engine = Engine::default();
            let options = || patient().local_ttl(Duration::ZERO);
            let one = process("one", &engine, options().remote_timeout(Duration::from_secs(1))).await;
            let other = process("other", &engine, options()).await;
            let old = other.make(PAGE).await;
            let kept = other.make("/posts/2").await;
            assert!(is_remote_hit(&one.get(PAGE).await));
            one.store.set(&[Op::Purge], does);
            // Nothing takes its place.
            one.store.set(&[Op::Put], Does::Rejects);
            let purging =
                if expires { one.cache.expire_tag("post:1") } else { one.cache.purge_tag("post:1") };
            assert_ne!(one.get(PAGE).await.body, old.body, "while it is under way");
            let error = purging.await.unwrap_err();
            assert!(error.is_pending(), "{error}");
            for _ in 0..3 {
                assert_ne!(one.get(PAGE).await.body, old.body, "while it is told again and again");
            }
            let found = one.get("/posts/2").await;
            assert!(
                is_remote_hit(&found) && found.body == kept.body,
                "what was not purged: {}",
                found.outcome()
            );
            one.store.set(&[Op::Purge], Does::Works);
            other.get_until_not(PAGE, &old).await;
        }
    }
}

#[actix_web::test]
async fn purges_are_done_in_their_order() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    one.store.set(&Op::ALL, Does::Fails);
    one.is_up(false).await;
    for number in 0..20 {
        let error = one.cache.purge_tag(&format!("post:{number}")).await.unwrap_err();
        assert!(error.is_pending());
    }
    let before = one.store.count(Op::Purge);
    one.store.set(&Op::ALL, Does::Works);
    one.is_up(true).await;
    // This one waits for those before it.
    one.cache.purge_tag("last").await.unwrap();
    assert!(one.store.count(Op::Purge) - before >= 21);
}

#[actix_web::test]
async fn a_purge_is_not_waited_for_longer_than_the_deadline() {
    let engine = Engine::default();
    let one = process("one", &engine, patient().remote_timeout(Duration::from_millis(50))).await;
    one.store.set(&[Op::Purge], Does::Hangs);
    let purges: Vec<_> = (0..50).map(|number| one.cache.purge_tag(&format!("tag {number}"))).collect();
    for purging in purges {
        let done = timeout(Duration::from_secs(10), purging).await.expect("it is not waited for");
        assert!(done.unwrap_err().is_pending());
    }
    one.store.set(&[Op::Purge], Does::Works);
    until("they are done after all", || one.store.count(Op::Purge) >= 51).await;
    one.cache.purge_all().await.unwrap();
}

/// As a program that is there for nothing else.
#[actix_web::test]
async fn a_process_that_has_just_begun_can_purge() {
    let engine = Engine::default();
    let third = process("third", &engine, patient().local_ttl(Duration::ZERO)).await;
    let old = third.make(PAGE).await;
    // It takes some time to connect.
    let store = engine.store();
    store.set(&[Op::PollChanges], Does::Holds);
    let cache = patient().remote_store(store.clone()).build();
    let mut purging = cache.purge_path(PAGE);
    for _ in 0..20 {
        sleep(Duration::from_millis(1)).await;
        if let Some(done) = (&mut purging).now_or_never() {
            panic!("it is not waited for, though it is well within the deadline: {done:?}");
        }
    }
    store.set(&[Op::PollChanges], Does::Works);
    purging.await.unwrap();
    assert_ne!(third.get(PAGE).await.body, old.body);
}

/// As where a handler that nobody waits for any more had begun one.
#[actix_web::test]
async fn a_purge_that_was_dropped_is_told_again_as_well() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let old = one.make(PAGE).await;
    assert!(is_remote_hit(&other.get(PAGE).await));
    one.store.set(&[Op::Purge], Does::Rejects);
    drop(one.cache.purge_path(PAGE));
    until("it was tried", || one.store.count(Op::Purge) > 0).await;
    one.store.set(&[Op::Purge], Does::Works);
    other.get_until_not(PAGE, &old).await;
}

/// The page was made after the purge, in the same process, and is in the engine before the purge is.
#[actix_web::test]
async fn a_purge_that_comes_late_takes_too_much_rather_than_too_little() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let old = one.make(PAGE).await;
    one.store.set(&[Op::Purge], Does::Rejects);
    assert!(one.cache.purge_path(PAGE).await.unwrap_err().is_pending());
    let new = one.get(PAGE).await;
    assert_ne!(new.body, old.body);
    one.gives(2).await;
    let found = other.get(PAGE).await;
    assert_eq!(found.body, new.body, "the new page is in the place of the old one: {}", found.outcome());
    one.store.set(&[Op::Purge], Does::Works);
    other.get_until_not(PAGE, &old).await;
    let hit = one.get(PAGE).await;
    assert_eq!(
        (hit.outcome().as_str(), hit.body),
        ("cache_page; hit; ttl=60", new.body),
        "it is as new as the purge"
    );
}
