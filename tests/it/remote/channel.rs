//! Whether a process hears of what is purged elsewhere; and what it does where it does not.

use std::time::Duration;

use super::{
    memory::{Does, Engine, Op},
    site::{is_remote_hit, patient, process},
    until,
};

const PAGE: &str = "/posts/1";

#[actix_web::test]
async fn memory_is_not_trusted_where_nothing_is_heard() {
    let engine = Engine::default();
    let other = process("other", &engine, patient()).await;
    let one = process("one", &engine, patient().max_purge_lag(Duration::from_secs(1))).await;
    let made = other.make(PAGE).await;
    let found = one.get(PAGE).await;
    assert!(is_remote_hit(&found) && found.body == made.body);
    one.store.set(&[Op::PollChanges], Does::Fails);
    one.is_up(false).await;
    // A purge that it does not hear of.
    other.cache.purge_tag("posts").await.unwrap();
    let new = one.get_until_not(PAGE, &made).await;
    assert_eq!((new.status, new.text()), (200, "page 1 of one"));
    // For as long as that lasts, each is made anew.
    for run in 2..5 {
        let answer = one.get(PAGE).await;
        assert_eq!((answer.status, answer.text()), (200, &*format!("page {run} of one")));
        assert!(answer.outcome().ends_with("; detail=remote-unavailable"), "{}", answer.outcome());
    }
    assert!(one.remote_stats().unavailable >= 4);
    one.store.set(&[Op::PollChanges], Does::Works);
    one.is_up(true).await;
    for _ in 0..15_000 {
        if one.get(PAGE).await.is_hit() {
            return;
        }
    }
    panic!("memory is not trusted again");
}

#[actix_web::test]
async fn a_process_that_was_away_trusts_its_memory_again_but_for_what_was_purged() {
    let engine = Engine::default();
    let other = process("other", &engine, patient()).await;
    let one = process("one", &engine, patient()).await;
    let (first, second) = (other.make("/posts/1").await, other.make("/posts/2").await);
    for uri in ["/posts/1", "/posts/2"] {
        assert!(is_remote_hit(&one.get(uri).await));
    }
    one.store.set(&Op::ALL, Does::Fails);
    one.is_up(false).await;
    other.cache.purge_tag("post:1").await.unwrap();
    one.store.set(&Op::ALL, Does::Works);
    one.is_up(true).await;
    assert_ne!(one.get("/posts/1").await.body, first.body);
    let kept = one.get("/posts/2").await;
    assert_eq!((kept.outcome().as_str(), kept.body), ("cache_page; hit; ttl=60", second.body));
}

#[actix_web::test]
async fn a_process_that_may_have_missed_something_drops_its_memory() {
    let engine = Engine::default();
    let other = process("other", &engine, patient()).await;
    let one = process("one", &engine, patient()).await;
    let (first, second) = (other.make("/posts/1").await, other.make("/posts/2").await);
    for uri in ["/posts/1", "/posts/2"] {
        assert!(is_remote_hit(&one.get(uri).await));
    }
    one.store.set(&Op::ALL, Does::Fails);
    one.is_up(false).await;
    other.cache.purge_tag("post:1").await.unwrap();
    engine.drop_log();
    one.store.set(&Op::ALL, Does::Works);
    one.is_up(true).await;
    assert_ne!(one.get("/posts/1").await.body, first.body);
    // What was not purged is in the engine still.
    let kept = one.get("/posts/2").await;
    assert!(is_remote_hit(&kept) && kept.body == second.body, "{}", kept.outcome());
}

#[actix_web::test]
async fn what_cannot_be_read_may_have_been_about_anything() {
    for told in [&b""[..], b"garbage", &[0; 64], &[1; 9]] {
        let engine = Engine::default();
        let (one, other) =
            (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
        one.make(PAGE).await;
        assert!(is_remote_hit(&other.get(PAGE).await));
        engine.tell(told);
        for process in [&one, &other] {
            until("its memory is dropped", || process.cache.stats().pages() == 0).await;
            assert!(is_remote_hit(&process.get(PAGE).await), "and nothing else happens: {told:?}");
        }
    }
}

#[actix_web::test]
async fn an_engine_that_was_emptied_is_filled_again() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let old = one.make(PAGE).await;
    assert!(is_remote_hit(&other.get(PAGE).await));
    engine.empty();
    for process in [&one, &other] {
        until("its memory is dropped", || process.cache.stats().pages() == 0).await;
        process.hears().await;
    }
    let new = other.make(PAGE).await;
    assert_ne!(new.body, old.body);
    assert!(is_remote_hit(&one.get(PAGE).await));
    one.cache.purge_path(PAGE).await.unwrap();
    other.get_until_not(PAGE, &new).await;
}

#[actix_web::test]
async fn a_purge_is_heard_of_while_the_worker_is_busy() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    one.make(PAGE).await;
    assert!(is_remote_hit(&other.get(PAGE).await));
    let purging = one.cache.purge_path(PAGE);
    // Nothing of this thread runs until then.
    for _ in 0..15_000 {
        if other.cache.stats().pages() == 0 {
            purging.await.unwrap();
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("it was not heard of");
}

#[actix_web::test]
async fn what_is_heard_again_from_oneself_is_not_purged_again() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    one.make(PAGE).await;
    one.cache.purge_path(PAGE).await.unwrap();
    // Made at once, before its own purge comes back to it.
    let made = one.get(PAGE).await;
    assert!(made.is_stored());
    one.hears().await;
    let hit = one.get(PAGE).await;
    assert_eq!((hit.outcome().as_str(), hit.body), ("cache_page; hit; ttl=60", made.body));
}
