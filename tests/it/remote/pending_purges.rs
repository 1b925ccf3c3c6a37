//! Purges that the backend has not executed yet: they are retried, and the process itself already applies them.

use std::time::Duration;

use actix_web::rt::time::{sleep, timeout};
use futures_util::FutureExt as _;

use super::{
    backend::{Backend, Behavior, Method},
    site::{is_remote_hit, long_timeouts, process},
    wait_until,
};

const PAGE: &str = "/posts/1";

#[actix_web::test]
async fn a_purge_while_the_engine_is_away_is_made_up_for() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let third = process("third", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    let old = one.fill(PAGE).await;
    assert!(is_remote_hit(&other.get(PAGE).await));
    one.store.set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_available(false).await;
    let error = one.cache.purge_path(PAGE).await.unwrap_err();
    assert!(error.is_pending(), "{error}");
    assert!(error.to_string().contains("retrying"), "{error}");
    assert_ne!(one.get(PAGE).await.body, old.body, "the page is purged in the process itself");
    assert!(is_remote_hit(&third.get(PAGE).await), "the page is not purged in the backend");
    one.store.set_behavior(&Method::ALL, Behavior::Works);
    other.get_until_changed(PAGE, &old).await;
    assert_ne!(third.get(PAGE).await.body, old.body);
    one.cache.purge_all().await.unwrap();
}

/// The backend returns pages whose purge is pending. The process does not serve them.
#[actix_web::test]
async fn what_is_yet_to_be_purged_is_not_taken_from_the_engine() {
    for behavior in [Behavior::Rejects, Behavior::Hangs] {
        for expires in [false, true] {
            let backend = Backend::default();
            let options = || long_timeouts().local_ttl(Duration::ZERO);
            let one = process("one", &backend, options().remote_timeout(Duration::from_secs(1))).await;
            let other = process("other", &backend, options()).await;
            let old = other.fill(PAGE).await;
            let second = other.fill("/posts/2").await;
            assert!(is_remote_hit(&one.get(PAGE).await));
            one.store.set_behavior(&[Method::Purge], behavior);
            // The page is not replaced.
            one.store.set_behavior(&[Method::Put], Behavior::Rejects);
            let purging =
                if expires { one.cache.expire_tag("post:1") } else { one.cache.purge_tag("post:1") };
            assert_ne!(one.get(PAGE).await.body, old.body, "while the purge is in flight");
            let error = purging.await.unwrap_err();
            assert!(error.is_pending(), "{error}");
            for _ in 0..3 {
                assert_ne!(one.get(PAGE).await.body, old.body, "while the purge is retried");
            }
            let found = one.get("/posts/2").await;
            assert!(
                is_remote_hit(&found) && found.body == second.body,
                "a page that no purge matches: {}",
                found.outcome()
            );
            one.store.set_behavior(&[Method::Purge], Behavior::Works);
            other.get_until_changed(PAGE, &old).await;
        }
    }
}

#[actix_web::test]
async fn purges_are_done_in_their_order() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    one.store.set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_available(false).await;
    for number in 0..20 {
        let error = one.cache.purge_tag(&format!("post:{number}")).await.unwrap_err();
        assert!(error.is_pending());
    }
    let before = one.store.calls(Method::Purge);
    one.store.set_behavior(&Method::ALL, Behavior::Works);
    one.wait_available(true).await;
    // It is delivered after the others.
    one.cache.purge_tag("last").await.unwrap();
    assert!(one.store.calls(Method::Purge) - before >= 21);
}

#[actix_web::test]
async fn a_purge_is_not_waited_for_longer_than_the_deadline() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts().remote_timeout(Duration::from_millis(50))).await;
    one.store.set_behavior(&[Method::Purge], Behavior::Hangs);
    let purges: Vec<_> = (0..50).map(|number| one.cache.purge_tag(&format!("tag {number}"))).collect();
    for purging in purges {
        let done =
            timeout(Duration::from_secs(10), purging).await.expect("the purge did not complete in time");
        assert!(done.unwrap_err().is_pending());
    }
    one.store.set_behavior(&[Method::Purge], Behavior::Works);
    wait_until("all purges are delivered", || one.store.calls(Method::Purge) >= 51).await;
    one.cache.purge_all().await.unwrap();
}

/// For example a program that only purges.
#[actix_web::test]
async fn a_process_that_has_just_begun_can_purge() {
    let backend = Backend::default();
    let third = process("third", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    let old = third.fill(PAGE).await;
    // Connecting takes a while.
    let store = backend.store();
    store.set_behavior(&[Method::PollChanges], Behavior::Holds);
    let cache = long_timeouts().remote_store(store.clone()).build();
    let mut purging = cache.purge_path(PAGE);
    for _ in 0..20 {
        sleep(Duration::from_millis(1)).await;
        if let Some(done) = (&mut purging).now_or_never() {
            panic!("the purge completed before the process was connected: {done:?}");
        }
    }
    store.set_behavior(&[Method::PollChanges], Behavior::Works);
    purging.await.unwrap();
    assert_ne!(third.get(PAGE).await.body, old.body);
}

/// For example by a handler whose client has disconnected.
#[actix_web::test]
async fn a_purge_that_was_dropped_is_told_again_as_well() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let old = one.fill(PAGE).await;
    assert!(is_remote_hit(&other.get(PAGE).await));
    one.store.set_behavior(&[Method::Purge], Behavior::Rejects);
    drop(one.cache.purge_path(PAGE));
    wait_until("the purge was attempted", || one.store.calls(Method::Purge) > 0).await;
    one.store.set_behavior(&[Method::Purge], Behavior::Works);
    other.get_until_changed(PAGE, &old).await;
}

/// The same process generates a page after the purge, and puts it before the purge is delivered.
#[actix_web::test]
async fn a_purge_that_comes_late_takes_too_much_rather_than_too_little() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let old = one.fill(PAGE).await;
    one.store.set_behavior(&[Method::Purge], Behavior::Rejects);
    assert!(one.cache.purge_path(PAGE).await.unwrap_err().is_pending());
    let new = one.get(PAGE).await;
    assert_ne!(new.body, old.body);
    one.wait_stored(2).await;
    let found = other.get(PAGE).await;
    assert_eq!(found.body, new.body, "the new page has not replaced the old one: {}", found.outcome());
    one.store.set_behavior(&[Method::Purge], Behavior::Works);
    other.get_until_changed(PAGE, &old).await;
    let hit = one.get(PAGE).await;
    assert_eq!(
        (hit.outcome().as_str(), hit.body),
        ("cache_page; hit; ttl=60", new.body),
        "the new page reflects the purge"
    );
}
