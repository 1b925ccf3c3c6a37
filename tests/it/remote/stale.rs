//! Stale pages of other processes: served while one process refreshes them, or if that fails.

use std::time::Duration;

use super::{
    backend::Backend,
    site::{TARGETED_FIELD, advance, is_remote_hit, long_timeouts, process},
    wait_until,
};
use crate::legacy::{Crowd, asking, settle};

#[actix_web::test]
async fn a_stale_page_of_another_process_is_sent_while_one_makes_it_anew() {
    for local_ttl in [60, 0] {
        let backend = Backend::default();
        let options = || long_timeouts().local_ttl(Duration::from_secs(local_ttl));
        let one = process("one", &backend, options()).await;
        let other = process("other", &backend, options()).await;
        let third = process("third", &backend, options()).await;
        let old = one.fill("/stale-while-revalidate").await;
        advance(&backend, &[&one, &other, &third], 70);
        other.block_handlers();
        let sent = other.get("/stale-while-revalidate").await;
        assert_eq!(sent.outcome(), "cache_page; hit; ttl=-10; detail=stale-while-revalidate");
        assert_eq!((&sent.body, sent.header("age").as_deref()), (&old.body, Some("70")));
        wait_until("the refresh starts", || other.runs.get() == 1).await;
        // The others serve the stale page and do not refresh it.
        for process in [&one, &third] {
            for _ in 0..2 {
                let sent = process.get("/stale-while-revalidate").await;
                assert_eq!(sent.body, old.body, "{}: {}", process.name, sent.outcome());
            }
            settle().await;
        }
        assert_eq!((one.runs.get(), third.runs.get(), other.runs.get()), (1, 0, 1));
        other.unblock_handlers();
        other.wait_stored(1).await;
        for process in [&one, &third, &other] {
            let new = process.get_until_changed("/stale-while-revalidate", &old).await;
            assert_eq!(new.text(), "page 1 of other", "{}", process.name);
        }
        let runs = (one.runs.get(), third.runs.get(), other.runs.get());
        assert_eq!(runs, (1, 0, 1), "memory for {local_ttl} seconds");
    }
}

#[actix_web::test]
async fn an_expired_page_is_stale_in_all_processes() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let other = process("other", &backend, long_timeouts()).await;
    let third = process("third", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    let old = one.fill("/stale-while-revalidate").await;
    assert!(is_remote_hit(&other.get("/stale-while-revalidate").await));
    third.block_handlers();
    one.cache.expire_tag("refreshed").await.unwrap();
    // A fill that starts before the process has received the purge is not stored.
    third.wait_polled().await;
    let sent = third.get("/stale-while-revalidate").await;
    assert_eq!(sent.outcome(), "cache_page; hit; ttl=0; detail=stale-while-revalidate");
    assert_eq!(sent.body, old.body);
    wait_until("the third process refreshes the page", || third.runs.get() == 1).await;
    other.wait_polled().await;
    let sent = other.get("/stale-while-revalidate").await;
    assert_eq!(sent.outcome(), "cache_page; hit; ttl=0; detail=stale-while-revalidate");
    third.unblock_handlers();
    let new = other.get_until_changed("/stale-while-revalidate", &old).await;
    assert_eq!(new.text(), "page 1 of third");
    // In the backend, the page is stale since the soft purge.
    let fourth = process("fourth", &backend, long_timeouts()).await;
    one.cache.expire_tag("refreshed").await.unwrap();
    fourth.wait_polled().await;
    advance(&backend, &[&one, &other, &third, &fourth], 31);
    let filled = fourth.get("/stale-while-revalidate").await;
    assert!(filled.is_stored(), "{}", filled.outcome());
}

#[actix_web::test]
async fn a_page_of_another_process_stands_in_for_a_failure() {
    for local_ttl in [60, 0] {
        let backend = Backend::default();
        let options = || long_timeouts().local_ttl(Duration::from_secs(local_ttl));
        let (one, other) =
            (process("one", &backend, options()).await, process("other", &backend, options()).await);
        let old = one.fill("/stale-if-error").await;
        advance(&backend, &[&one, &other], 100);
        other.status.set(503);
        let sent = other.get("/stale-if-error").await;
        let outcome = sent.outcome();
        assert!(outcome.ends_with("; fwd-status=503; ttl=-40; detail=stale-if-error"), "{outcome}");
        assert_eq!((sent.status, &sent.body), (200, &old.body));
        wait_until("the lease ends", || backend.leases() == 0).await;
        let new = one.fill("/stale-if-error").await;
        assert_eq!(new.text(), "page 2 of one");
    }
}

#[actix_web::test]
async fn a_page_that_was_purged_elsewhere_does_not_stand_in() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    one.fill("/stale-if-error").await;
    assert!(is_remote_hit(&other.get("/stale-if-error").await));
    advance(&backend, &[&one, &other], 100);
    other.status.set(503);
    other.block_handlers();
    let crowd = Crowd::send(&other.app, [asking("/stale-if-error", &[])]).await;
    wait_until("the handler runs", || other.runs.get() == 1).await;
    one.cache.purge_path("/stale-if-error").await.unwrap();
    other.wait_polled().await;
    other.unblock_handlers();
    assert_eq!(crowd.all().await[0].status, 503);
    assert_eq!(other.get("/stale-if-error").await.status, 503);
}

#[actix_web::test]
async fn a_withdrawn_page_is_not_sent_by_any_process() {
    for (word, status) in [("no-store", 200), ("gone", 410), ("forbidden", 403)] {
        let backend = Backend::default();
        let one = process("one", &backend, long_timeouts()).await;
        let other = process("other", &backend, long_timeouts()).await;
        let third = process("third", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
        let old = one.fill("/stale-if-error").await;
        for process in [&other, &third] {
            assert!(is_remote_hit(&process.get("/stale-if-error").await));
        }
        advance(&backend, &[&one, &other, &third], 100);
        other.status.set(status);
        other.no_store.set(word == "no-store");
        let answer = other.get("/stale-if-error").await;
        assert_eq!(answer.status, status, "{word}");
        assert!(!answer.is_stored(), "{}", answer.outcome());
        // The page is not served on an error either.
        for process in [&one, &third] {
            process.status.set(500);
            let last = process.get_until_changed("/stale-if-error", &old).await;
            assert_eq!(last.status, 500, "{word}, in {}: {}", process.name, last.outcome());
        }
    }
}

#[actix_web::test]
async fn a_page_that_is_withdrawn_in_the_background_is_not_sent_by_any_process() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let old = one.fill("/stale-while-revalidate").await;
    assert!(is_remote_hit(&other.get("/stale-while-revalidate").await));
    advance(&backend, &[&one, &other], 70);
    one.no_store.set(true);
    other.no_store.set(true);
    assert_eq!(
        other.get("/stale-while-revalidate").await.body,
        old.body,
        "the stale page, while it is refreshed"
    );
    for process in [&one, &other] {
        let last = process.get_until_changed("/stale-while-revalidate", &old).await;
        assert!(last.outcome().ends_with("; detail=no-store"), "{}: {}", process.name, last.outcome());
    }
}

#[actix_web::test]
async fn a_page_that_is_still_as_it_was_is_fresh_for_all() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let third = process("third", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    *one.tags.borrow_mut() = vec!["by argument".to_owned()];
    one.headers.borrow_mut().push((TARGETED_FIELD, "tags=(\"by-header\")"));
    for tag in ["by argument", "by-header"] {
        for process in [&one, &other, &third] {
            process.wait_polled().await;
        }
        let old = one.fill("/revalidated").await;
        assert!(is_remote_hit(&other.get("/revalidated").await));
        advance(&backend, &[&one, &other, &third], 61);
        // Purged by a process that has not generated the page.
        let before = other.remote_stats().stored;
        let answer = other.get("/revalidated").await;
        assert!(answer.outcome().ends_with("; fwd-status=304; stored; ttl=60"), "{}", answer.outcome());
        assert_eq!((answer.status, &answer.body), (200, &old.body));
        other.wait_stored(before + 1).await;
        let found = third.get("/revalidated").await;
        assert!(is_remote_hit(&found) && found.body == old.body, "{}", found.outcome());
        // The page has kept its tags.
        one.cache.purge_tag(tag).await.unwrap();
        assert_ne!(third.get("/revalidated").await.body, old.body, "{tag}");
        one.get_until_changed("/revalidated", &old).await;
        one.cache.purge_all().await.unwrap();
    }
}

/// The handler gets the validators of the page in the backend.
#[actix_web::test]
async fn a_stale_page_of_another_process_is_there_to_be_compared_with() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let old = one.fill("/stale-if-error").await;
    advance(&backend, &[&one, &other], 61);
    other.fill("/stale-if-error").await;
    assert_eq!(*other.validators.borrow(), old.header("etag"), "the validators of the stale page");
}

#[actix_web::test]
async fn the_same_where_it_is_made_anew_in_the_background() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let old = one.fill("/stale-while-revalidate").await;
    advance(&backend, &[&one, &other], 61);
    assert_eq!(other.get("/stale-while-revalidate").await.body, old.body);
    wait_until("the refresh starts", || other.runs.get() == 1).await;
    assert_eq!(*other.validators.borrow(), old.header("etag"), "the validators of the stale page");
}

/// The fresh page in the backend does not prevent an early refresh.
#[actix_web::test]
async fn a_page_is_made_anew_before_its_time_is_over() {
    for uri in ["/any", "/stale-while-revalidate"] {
        let backend = Backend::default();
        let one = process("one", &backend, long_timeouts().refresh_ahead(true)).await;
        // Slow enough for an early refresh to be almost certain.
        one.handler_time.set(Duration::from_secs(50));
        let old = one.fill(uri).await;
        one.handler_time.set(Duration::ZERO);
        advance(&backend, &[&one], 59);
        for _ in 0..100 {
            one.get(uri).await;
            settle().await;
        }
        wait_until("an early refresh starts within 100 requests", || one.runs.get() > 1).await;
        one.get_until_changed(uri, &old).await;
        wait_until("the refreshed page is stored", || one.remote_stats().stored >= 2).await;
        let other = process("other", &backend, long_timeouts()).await;
        assert_ne!(other.get(uri).await.body, old.body, "{uri}");
    }
}
