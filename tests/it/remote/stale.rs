//! Pages whose time is over, from another process: sent while one of them makes it anew, or where that fails.

use std::time::Duration;

use super::{
    memory::Engine,
    site::{CONTROL, advance, is_remote_hit, patient, process},
    until,
};
use crate::legacy::{Crowd, asking, settle};

#[actix_web::test]
async fn a_stale_page_of_another_process_is_sent_while_one_makes_it_anew() {
    for memory in [60, 0] {
        let engine = Engine::default();
        let options = || patient().local_ttl(Duration::from_secs(memory));
        let one = process("one", &engine, options()).await;
        let other = process("other", &engine, options()).await;
        let third = process("third", &engine, options()).await;
        let old = one.make("/refreshed").await;
        advance(&engine, &[&one, &other, &third], 70);
        other.hold();
        let sent = other.get("/refreshed").await;
        assert_eq!(sent.outcome(), "cache_page; hit; ttl=-10; detail=stale-while-revalidate");
        assert_eq!((&sent.body, sent.header("age").as_deref()), (&old.body, Some("70")));
        until("it is made anew", || other.runs.get() == 1).await;
        // The others send it too, and leave that to it.
        for process in [&one, &third] {
            for _ in 0..2 {
                let sent = process.get("/refreshed").await;
                assert_eq!(sent.body, old.body, "{}: {}", process.name, sent.outcome());
            }
            settle().await;
        }
        assert_eq!((one.runs.get(), third.runs.get(), other.runs.get()), (1, 0, 1));
        other.let_go();
        other.gives(1).await;
        for process in [&one, &third, &other] {
            let new = process.get_until_not("/refreshed", &old).await;
            assert_eq!(new.text(), "page 1 of other", "{}", process.name);
        }
        let runs = (one.runs.get(), third.runs.get(), other.runs.get());
        assert_eq!(runs, (1, 0, 1), "memory for {memory} seconds");
    }
}

#[actix_web::test]
async fn an_expired_page_is_stale_in_all_processes() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let other = process("other", &engine, patient()).await;
    let third = process("third", &engine, patient().local_ttl(Duration::ZERO)).await;
    let old = one.make("/refreshed").await;
    assert!(is_remote_hit(&other.get("/refreshed").await));
    third.hold();
    one.cache.expire_tag("refreshed").await.unwrap();
    // What is begun before it was heard of is not kept.
    third.hears().await;
    let sent = third.get("/refreshed").await;
    assert_eq!(sent.outcome(), "cache_page; hit; ttl=0; detail=stale-while-revalidate");
    assert_eq!(sent.body, old.body);
    until("the third one makes it anew", || third.runs.get() == 1).await;
    other.hears().await;
    let sent = other.get("/refreshed").await;
    assert_eq!(sent.outcome(), "cache_page; hit; ttl=0; detail=stale-while-revalidate");
    third.let_go();
    let new = other.get_until_not("/refreshed", &old).await;
    assert_eq!(new.text(), "page 1 of third");
    // In the engine, its time as a stale page began when it was expired.
    let fourth = process("fourth", &engine, patient()).await;
    one.cache.expire_tag("refreshed").await.unwrap();
    fourth.hears().await;
    advance(&engine, &[&one, &other, &third, &fourth], 31);
    let made = fourth.get("/refreshed").await;
    assert!(made.is_stored(), "{}", made.outcome());
}

#[actix_web::test]
async fn a_page_of_another_process_stands_in_for_a_failure() {
    for memory in [60, 0] {
        let engine = Engine::default();
        let options = || patient().local_ttl(Duration::from_secs(memory));
        let (one, other) =
            (process("one", &engine, options()).await, process("other", &engine, options()).await);
        let old = one.make("/sturdy").await;
        advance(&engine, &[&one, &other], 100);
        other.status.set(503);
        let sent = other.get("/sturdy").await;
        let outcome = sent.outcome();
        assert!(outcome.ends_with("; fwd-status=503; ttl=-40; detail=stale-if-error"), "{outcome}");
        assert_eq!((sent.status, &sent.body), (200, &old.body));
        until("nobody is waited for", || engine.claims() == 0).await;
        let new = one.make("/sturdy").await;
        assert_eq!(new.text(), "page 2 of one");
    }
}

#[actix_web::test]
async fn a_page_that_was_purged_elsewhere_does_not_stand_in() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    one.make("/sturdy").await;
    assert!(is_remote_hit(&other.get("/sturdy").await));
    advance(&engine, &[&one, &other], 100);
    other.status.set(503);
    other.hold();
    let crowd = Crowd::send(&other.app, [asking("/sturdy", &[])]).await;
    until("it is made", || other.runs.get() == 1).await;
    one.cache.purge_path("/sturdy").await.unwrap();
    other.hears().await;
    other.let_go();
    assert_eq!(crowd.all().await[0].status, 503);
    assert_eq!(other.get("/sturdy").await.status, 503);
}

#[actix_web::test]
async fn a_withdrawn_page_is_not_sent_by_any_process() {
    for (word, status) in [("no-store", 200), ("gone", 410), ("forbidden", 403)] {
        let engine = Engine::default();
        let one = process("one", &engine, patient()).await;
        let other = process("other", &engine, patient()).await;
        let third = process("third", &engine, patient().local_ttl(Duration::ZERO)).await;
        let old = one.make("/sturdy").await;
        for process in [&other, &third] {
            assert!(is_remote_hit(&process.get("/sturdy").await));
        }
        advance(&engine, &[&one, &other, &third], 100);
        other.status.set(status);
        other.no_store.set(word == "no-store");
        let answer = other.get("/sturdy").await;
        assert_eq!(answer.status, status, "{word}");
        assert!(!answer.is_stored(), "{}", answer.outcome());
        // From then on it does not stand in for a failure either.
        for process in [&one, &third] {
            process.status.set(500);
            let last = process.get_until_not("/sturdy", &old).await;
            assert_eq!(last.status, 500, "{word}, in {}: {}", process.name, last.outcome());
        }
    }
}

#[actix_web::test]
async fn a_page_that_is_withdrawn_in_the_background_is_not_sent_by_any_process() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let old = one.make("/refreshed").await;
    assert!(is_remote_hit(&other.get("/refreshed").await));
    advance(&engine, &[&one, &other], 70);
    one.no_store.set(true);
    other.no_store.set(true);
    assert_eq!(other.get("/refreshed").await.body, old.body, "once more, for it is not known yet");
    for process in [&one, &other] {
        let last = process.get_until_not("/refreshed", &old).await;
        assert!(last.outcome().ends_with("; detail=no-store"), "{}: {}", process.name, last.outcome());
    }
}

#[actix_web::test]
async fn a_page_that_is_still_as_it_was_is_fresh_for_all() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let third = process("third", &engine, patient().local_ttl(Duration::ZERO)).await;
    *one.tags.borrow_mut() = vec!["by argument".to_owned()];
    one.headers.borrow_mut().push((CONTROL, "tags=(\"by-header\")"));
    for tag in ["by argument", "by-header"] {
        for process in [&one, &other, &third] {
            process.hears().await;
        }
        let old = one.make("/compared").await;
        assert!(is_remote_hit(&other.get("/compared").await));
        advance(&engine, &[&one, &other, &third], 61);
        // By one that made none of it.
        let before = other.remote_stats().stored;
        let kept = other.get("/compared").await;
        assert!(kept.outcome().ends_with("; fwd-status=304; stored; ttl=60"), "{}", kept.outcome());
        assert_eq!((kept.status, &kept.body), (200, &old.body));
        other.gives(before + 1).await;
        let found = third.get("/compared").await;
        assert!(is_remote_hit(&found) && found.body == old.body, "{}", found.outcome());
        // It has its tags.
        one.cache.purge_tag(tag).await.unwrap();
        assert_ne!(third.get("/compared").await.body, old.body, "{tag}");
        one.get_until_not("/compared", &old).await;
        one.cache.purge_all().await.unwrap();
    }
}

/// One that has it not in memory has something to compare its page with, too.
#[actix_web::test]
async fn a_stale_page_of_another_process_is_there_to_be_compared_with() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let old = one.make("/sturdy").await;
    advance(&engine, &[&one, &other], 61);
    other.make("/sturdy").await;
    assert_eq!(*other.validators.borrow(), old.header("etag"), "it was there when the request came");
}

#[actix_web::test]
async fn the_same_where_it_is_made_anew_in_the_background() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let old = one.make("/refreshed").await;
    advance(&engine, &[&one, &other], 61);
    assert_eq!(other.get("/refreshed").await.body, old.body);
    until("it is made anew", || other.runs.get() == 1).await;
    assert_eq!(*other.validators.borrow(), old.header("etag"), "it was there when the request came");
}

/// Where pages are made anew before their time is over, those in the engine do not stand in the way of that.
#[actix_web::test]
async fn a_page_is_made_anew_before_its_time_is_over() {
    for uri in ["/any", "/refreshed"] {
        let engine = Engine::default();
        let one = process("one", &engine, patient().refresh_ahead(true)).await;
        // So slow that the lot comes up almost for sure shortly before the end.
        one.takes.set(Duration::from_secs(50));
        let old = one.make(uri).await;
        one.takes.set(Duration::ZERO);
        advance(&engine, &[&one], 59);
        for _ in 0..100 {
            one.get(uri).await;
            settle().await;
        }
        until("it is made anew within 100 requests", || one.runs.get() > 1).await;
        one.get_until_not(uri, &old).await;
        until("it is in the engine", || one.remote_stats().stored >= 2).await;
        let other = process("other", &engine, patient()).await;
        assert_ne!(other.get(uri).await.body, old.body, "{uri}");
    }
}
