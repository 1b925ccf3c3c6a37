//! Revalidation of pages in local memory.

use std::time::Duration;

use cache_page::Outcome;

use super::{
    backend::{Backend, Behavior, Method},
    site::{Process, advance, is_remote_hit, long_timeouts, process},
    wait_until,
};
use crate::legacy::{Answer, asking};

/// Sends a request to a process that has the page: the backend confirms its version.
async fn assert_revalidates<S>(process: &Process<S>, uri: &str, filled: &Answer)
where
    S: actix_web::dev::Service<
            actix_http::Request,
            Response = actix_web::dev::ServiceResponse,
            Error = actix_web::Error,
        >,
{
    let (asked, sent) = (process.lookups(), process.store.entries_sent());
    let answer = process.get(uri).await;
    assert!(is_remote_hit(&answer), "{}: {}", process.name, answer.outcome());
    assert_eq!((&answer.body, answer.lasting_headers()), (&filled.body, filled.lasting_headers()));
    assert_eq!((process.lookups(), process.store.entries_sent()), (asked + 1, sent), "{}", process.name);
}

#[actix_web::test]
async fn a_page_that_has_left_memory_is_not_sent_again() {
    let backend = Backend::default();
    let options = || long_timeouts().local_ttl(Duration::from_secs(10));
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    let filled = one.fill("/posts/1").await;
    assert!(is_remote_hit(&other.get("/posts/1").await));
    for round in 1..=5 {
        advance(&backend, &[&one, &other], 10);
        assert_revalidates(&other, "/posts/1", &filled).await;
        // The page is served from local memory for another `local_ttl`.
        for _ in 0..20 {
            let hit = other.get("/posts/1").await;
            assert_eq!(hit.outcome(), format!("cache_page; hit; ttl={}", 60 - 10 * round));
            assert_eq!(hit.header("age"), Some((10 * round).to_string()));
        }
    }
    // The page has expired.
    advance(&backend, &[&one, &other], 10);
    assert!(other.get("/posts/1").await.is_stored());
    assert_eq!((one.runs.get(), other.runs.get()), (1, 1));
}

#[actix_web::test]
async fn where_memory_sends_nothing_by_itself_each_request_asks_and_the_page_comes_once() {
    let backend = Backend::default();
    let options = || long_timeouts().local_ttl(Duration::ZERO);
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    let filled = one.fill("/posts/1").await;
    for process in [&one, &other] {
        assert!(is_remote_hit(&process.get("/posts/1").await));
        assert_eq!(process.store.entries_sent(), 1);
        for _ in 0..20 {
            assert_revalidates(process, "/posts/1", &filled).await;
        }
    }
    // A conditional request.
    let etag = filled.header("etag").unwrap();
    let same = other.send(asking("/posts/1", &[("if-none-match", &etag)])).await;
    assert_eq!((same.status, other.count(Outcome::Revalidated)), (304, 1));
    // A page that was evicted is not confirmed.
    backend.evict();
    assert!(other.get("/posts/1").await.is_stored());
}

#[actix_web::test]
async fn a_page_that_was_made_anew_meanwhile_is_sent() {
    for local_ttl in [10, 0] {
        let backend = Backend::default();
        let options = || long_timeouts().local_ttl(Duration::from_secs(local_ttl));
        let (one, other) =
            (process("one", &backend, options()).await, process("other", &backend, options()).await);
        one.fill("/posts/1").await;
        for _ in 0..3 {
            assert!(is_remote_hit(&other.get("/posts/1").await));
            // The other process does not receive the purge.
            other.store.set_behavior(&[Method::PollChanges], Behavior::Holds);
            one.cache.purge_tag("posts").await.unwrap();
            one.wait_polled().await;
            let filled = one.fill("/posts/1").await;
            advance(&backend, &[&one, &other], 10);
            let sent = other.store.entries_sent();
            let answer = other.get("/posts/1").await;
            assert!(is_remote_hit(&answer) && answer.body == filled.body, "{}", answer.outcome());
            assert_eq!(other.store.entries_sent(), sent + 1);
            other.store.set_behavior(&[Method::PollChanges], Behavior::Works);
            other.wait_polled().await;
        }
    }
}

#[actix_web::test]
async fn what_was_purged_is_not_sent_by_whoever_has_it() {
    for local_ttl in [10, 0] {
        let backend = Backend::default();
        let options = || long_timeouts().local_ttl(Duration::from_secs(local_ttl));
        let (one, other) =
            (process("one", &backend, options()).await, process("other", &backend, options()).await);
        for (round, verb) in ["purge", "expire"].into_iter().enumerate() {
            let filled = one.fill("/posts/1").await;
            let first = other.get("/posts/1").await;
            assert!(is_remote_hit(&first) && first.body == filled.body);
            advance(&backend, &[&one, &other], 10);
            assert_revalidates(&other, "/posts/1", &filled).await;
            advance(&backend, &[&one, &other], 10);
            other.store.set_behavior(&[Method::PollChanges], Behavior::Holds);
            match verb {
                "purge" => one.cache.purge_tag("post:1").await.unwrap(),
                _ => one.cache.expire_tag("post:1").await.unwrap(),
            };
            let answer = other.get("/posts/1").await;
            assert!(!answer.is_hit() && answer.body != filled.body, "{verb}: {}", answer.outcome());
            assert_eq!(other.runs.get(), round as u64 + 1);
            other.store.set_behavior(&[Method::PollChanges], Behavior::Works);
            other.wait_polled().await;
            other.cache.purge_all().await.unwrap();
            one.wait_polled().await;
        }
    }
}

/// The backend confirms the version before a purge, and the process receives the purge first.
#[actix_web::test]
async fn what_is_purged_while_it_is_confirmed_is_not_sent() {
    for (local_ttl, is_sender) in [(10, false), (10, true), (0, false), (0, true)] {
        let backend = Backend::default();
        let options = || long_timeouts().local_ttl(Duration::from_secs(local_ttl));
        let (one, other) =
            (process("one", &backend, options()).await, process("other", &backend, options()).await);
        let filled = one.fill("/posts/1").await;
        assert!(is_remote_hit(&other.get("/posts/1").await));
        advance(&backend, &[&one, &other], 10);
        other.store.set_behavior(&[Method::Get], Behavior::Holds);
        let answer = async {
            let asked = other.lookups();
            let answer = other.get("/posts/1");
            let purge = async {
                wait_until("the lookup is in flight", || other.lookups() > asked).await;
                let by = if is_sender { &other.cache } else { &one.cache };
                by.purge_path("/posts/1").await.unwrap();
                other.wait_polled().await;
                other.store.set_behavior(&[Method::Get], Behavior::Works);
            };
            futures_util::future::join(answer, purge).await.0
        };
        let answer = answer.await;
        assert!(answer.body != filled.body, "{local_ttl} {is_sender}: {}", answer.outcome());
        assert!(other.get("/posts/1").await.body != filled.body);
    }
}

#[actix_web::test]
async fn each_variant_is_confirmed_by_itself() {
    for local_ttl in [10, 0] {
        let backend = Backend::default();
        let options = || long_timeouts().local_ttl(Duration::from_secs(local_ttl));
        let (one, other) =
            (process("one", &backend, options()).await, process("other", &backend, options()).await);
        let in_language = |language: &str| asking("/varied", &[("accept-language", language)]);
        let mut pages = Vec::new();
        for (number, language) in ["de", "fr", "en"].into_iter().enumerate() {
            let filled = one.send(in_language(language)).await;
            one.wait_stored(number as u64 + 1).await;
            assert!(is_remote_hit(&other.send(in_language(language)).await));
            pages.push((language, filled));
        }
        for _ in 0..3 {
            advance(&backend, &[&one, &other], 10);
            for (language, filled) in &pages {
                let sent = other.store.entries_sent();
                let answer = other.send(in_language(language)).await;
                assert!(is_remote_hit(&answer), "{}", answer.outcome());
                assert_eq!(answer.body, filled.body);
                assert_eq!(answer.header("x-language").as_deref(), Some(*language));
                assert_eq!(other.store.entries_sent(), sent);
            }
        }
    }
}

/// With `local_ttl` zero, a page in local memory is not served without a confirmation.
#[actix_web::test]
async fn a_page_that_is_not_confirmed_stands_in_for_nobody_where_memory_sends_nothing_by_itself() {
    let backend = Backend::default();
    let options = || long_timeouts().local_ttl(Duration::ZERO);
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    for behavior in [Behavior::Works, Behavior::Rejects] {
        one.fill("/stale-if-error").await;
        assert!(is_remote_hit(&other.get("/stale-if-error").await));
        assert!(is_remote_hit(&other.get("/stale-if-error").await));
        other.store.set_behavior(&[Method::PollChanges], Behavior::Holds);
        one.cache.purge_path("/stale-if-error").await.unwrap();
        other.status.set(500);
        other.store.set_behavior(&[Method::Get], behavior);
        let failed = other.get("/stale-if-error").await;
        assert_eq!(failed.status, 500, "{behavior:?}: {}", failed.outcome());
        // The handler gets no validators either.
        assert_eq!(*other.validators.borrow(), None);
        other.status.set(200);
        other.store.set_behavior(&[Method::PollChanges, Method::Get], Behavior::Works);
        other.wait_polled().await;
        one.wait_polled().await;
    }
}

#[actix_web::test]
async fn a_page_is_not_sent_without_being_confirmed() {
    let backend = Backend::default();
    for (local_ttl, behavior) in
        [(10, Behavior::Rejects), (0, Behavior::Rejects), (10, Behavior::Fails), (0, Behavior::Fails)]
    {
        let options = || {
            long_timeouts()
                .local_ttl(Duration::from_secs(local_ttl))
                .key_prefix(format!("{local_ttl}{behavior:?}"))
        };
        let (one, other) =
            (process("one", &backend, options()).await, process("other", &backend, options()).await);
        let filled = one.fill("/posts/1").await;
        assert!(is_remote_hit(&other.get("/posts/1").await));
        advance(&backend, &[&one, &other], 10);
        assert_revalidates(&other, "/posts/1", &filled).await;
        advance(&backend, &[&one, &other], 10);
        other.store.set_behavior(&[Method::Get], behavior);
        let answer = other.get("/posts/1").await;
        assert!(
            !answer.is_hit() && answer.body != filled.body,
            "{local_ttl} {behavior:?}: {}",
            answer.outcome()
        );
    }
}

#[actix_web::test]
async fn an_engine_that_confirms_what_nobody_has_is_not_believed() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    one.fill("/posts/1").await;
    other.store.confirm_any_version();
    let answer = other.get("/posts/1").await;
    assert!(answer.is_stored(), "{}", answer.outcome());
    assert_eq!((other.runs.get(), other.remote_stats().corrupt), (1, 1));
}

/// Earlier purges of the same process do not prevent a confirmation.
#[actix_web::test]
async fn a_page_is_confirmed_however_much_was_purged_since_it_came() {
    let backend = Backend::default();
    let options = || long_timeouts().local_ttl(Duration::from_secs(10));
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    let filled = one.fill("/posts/1").await;
    assert!(is_remote_hit(&other.get("/posts/1").await));
    for number in 0..1000 {
        other.cache.purge_tag(&format!("other:{number}")).await.unwrap();
    }
    for _ in 0..3 {
        advance(&backend, &[&one, &other], 10);
        assert_revalidates(&other, "/posts/1", &filled).await;
    }
}

/// The page in local memory is replaced by the one that was sent, and removed with it.
#[actix_web::test]
async fn a_page_that_its_handler_took_back_does_not_stand_in_as_it_was_before() {
    let backend = Backend::default();
    let options = || long_timeouts().local_ttl(Duration::from_secs(10));
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    one.fill("/stale-if-error").await;
    assert!(is_remote_hit(&other.get("/stale-if-error").await));
    advance(&backend, &[&one, &other], 10);
    other.store.set_behavior(&[Method::PollChanges], Behavior::Holds);
    one.cache.expire_path("/stale-if-error").await.unwrap();
    other.headers.borrow_mut().push(("cache-control", "no-store"));
    let forbidden = other.get("/stale-if-error").await;
    assert!(!forbidden.is_hit() && !forbidden.is_stored(), "{}", forbidden.outcome());
    other.headers.borrow_mut().clear();
    other.status.set(500);
    let failed = other.get("/stale-if-error").await;
    assert_eq!(failed.status, 500, "{}", failed.outcome());
    other.store.set_behavior(&[Method::PollChanges], Behavior::Works);
}

#[actix_web::test]
async fn a_page_that_cannot_be_confirmed_is_not_held_where_memory_sends_nothing_by_itself() {
    let backend = Backend::default();
    let options = || long_timeouts().local_ttl(Duration::ZERO);
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    one.fill("/stale-if-error").await;
    advance(&backend, &[&one, &other], 70);
    other.status.set(500);
    for _ in 0..3 {
        let answer = other.get("/stale-if-error").await;
        assert_eq!((answer.status, other.cache.stats().pages()), (200, 0), "{}", answer.outcome());
    }
}
