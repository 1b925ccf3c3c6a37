//! Failures of the backend: no client gets a wrong page or an error, and none waits for long.

use std::time::Duration;

use actix_web::rt::time::timeout;
use cache_page::{Outcome, Reason};

use super::{
    backend::{Backend, Behavior, Method},
    site::{is_remote_hit, long_timeouts, process, start},
    wait_until,
};
use crate::legacy::{Answer, Crowd, asking};

/// Longer than any test takes.
const LIMIT: Duration = Duration::from_secs(30);

fn is_reported_corrupt(answer: &Answer) -> bool {
    answer.outcome().ends_with("; detail=remote-corrupt")
}

#[actix_web::test]
async fn bytes_that_were_changed_or_cut_are_no_page() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let other = process("other", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    *one.tags.borrow_mut() = vec!["a tag".to_owned()];
    one.fill("/posts/1").await;
    let good = backend.bytes();
    let mut wrong: Vec<Vec<u8>> =
        vec![Vec::new(), b"garbage".to_vec(), vec![0; 5000], [&good[..], b"x"].concat()];
    wrong.extend((0..good.len()).step_by(7).map(|end| good[..end].to_vec()));
    wrong.extend((0..good.len()).step_by(5).chain(0..20).map(|place| {
        let mut bytes = good.clone();
        bytes[place] ^= 1 << (place % 8);
        bytes
    }));
    // A refreshed page would replace the corrupt one.
    other.store.set_behavior(&[Method::Put], Behavior::Rejects);
    for (number, bytes) in wrong.iter().enumerate() {
        backend.corrupt(|_| bytes.clone());
        let answer = other.get("/posts/1").await;
        assert_eq!((answer.status, answer.text()), (200, &*format!("page {} of other", number + 1)));
        assert!(is_reported_corrupt(&answer), "{number}: {}", answer.outcome());
        assert_eq!(other.remote_stats().corrupt, number as u64 + 1);
        assert!(answer.header("x-language").is_none());
    }
    backend.corrupt(|_| good.clone());
    assert!(is_remote_hit(&other.get("/posts/1").await), "the original bytes are valid");
}

#[actix_web::test]
async fn a_garbled_page_is_replaced() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    one.fill("/").await;
    backend.corrupt(|bytes| bytes[..bytes.len() / 2].to_vec());
    let filled = other.fill("/").await;
    assert!(is_reported_corrupt(&filled), "{}", filled.outcome());
    let third = process("third", &backend, long_timeouts()).await;
    let found = third.get("/").await;
    assert!(is_remote_hit(&found) && found.body == filled.body);
}

/// An entry in the format of another version of this crate.
#[actix_web::test]
async fn a_page_of_another_version_is_no_page() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let other = process("other", &backend, long_timeouts()).await;
    one.fill("/").await;
    backend.corrupt(|bytes| {
        let mut bytes = bytes.to_vec();
        bytes[2] = bytes[2].wrapping_add(1);
        bytes
    });
    let answer = other.get("/").await;
    assert_eq!(answer.text(), "page 1 of other");
    assert!(is_reported_corrupt(&answer), "{}", answer.outcome());
}

/// As if two keys had the same hash.
#[actix_web::test]
async fn a_page_of_another_key_is_not_sent() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let other = process("other", &backend, long_timeouts()).await;
    for (number, uri) in ["/a", "/b", "/c"].into_iter().enumerate() {
        one.get(uri).await;
        one.wait_stored(number as u64 + 1).await;
    }
    backend.swap_entries();
    for (number, uri) in ["/a", "/b", "/c"].into_iter().enumerate() {
        let answer = other.get(uri).await;
        assert_eq!(answer.text(), format!("page {} of other", number + 1), "{uri}: {}", answer.outcome());
    }
    assert_eq!(other.remote_stats().corrupt, 0, "entries of other keys are not corrupt");
}

#[actix_web::test]
async fn garbled_names_of_variants_are_no_names() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let other = process("other", &backend, long_timeouts()).await;
    one.fill("/varied").await;
    backend.corrupt(|bytes| {
        let mut bytes = bytes.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    });
    let answer = other.fill("/varied").await;
    assert_eq!(answer.text(), "page 1 of other");
    let third = process("third", &backend, long_timeouts()).await;
    assert!(is_remote_hit(&third.get("/varied").await), "both entries were replaced");
}

#[actix_web::test]
async fn an_engine_that_does_not_answer_is_not_asked_for_long() {
    let backend = Backend::default();
    let deadline = Duration::from_millis(50);
    let one = process("one", &backend, long_timeouts().remote_timeout(deadline)).await;
    one.store.set_behavior(&Method::ALL, Behavior::Hangs);
    for number in 0..20 {
        let answer = timeout(LIMIT, one.get(&format!("/{number}"))).await.expect("not answered in time");
        assert_eq!(answer.status, 200);
        assert!(answer.is_stored(), "{}", answer.outcome());
        let detail = answer.outcome().rsplit_once("detail=remote-").map(|(_, why)| why.to_owned());
        assert!(matches!(detail.as_deref(), Some("timeout" | "unavailable")), "{}", answer.outcome());
    }
    one.wait_available(false).await;
    let asked = one.lookups();
    assert!(asked < 20, "{asked} lookups");
    let answer = one.get("/more").await;
    assert!(answer.outcome().ends_with("; detail=remote-unavailable"), "{}", answer.outcome());
    assert_eq!(one.lookups(), asked, "lookups while the store is unavailable");
    assert!(one.remote_stats().timeouts >= 3 || one.remote_stats().unavailable > 0);
    one.store.set_behavior(&Method::ALL, Behavior::Works);
    one.wait_available(true).await;
    one.fill("/and-more").await;
    let other = process("other", &backend, long_timeouts()).await;
    assert!(is_remote_hit(&other.get("/and-more").await));
}

#[actix_web::test]
async fn a_single_late_answer_changes_nothing() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts().remote_timeout(Duration::from_millis(200))).await;
    for round in 0..3 {
        one.store.set_behavior(&[Method::Get], Behavior::Hangs);
        let answer = one.get(&format!("/late/{round}")).await;
        assert!(
            answer.outcome().ends_with("; stored; ttl=60; detail=remote-timeout"),
            "{}",
            answer.outcome()
        );
        one.store.set_behavior(&[Method::Get], Behavior::Works);
        let answer = one.get(&format!("/in-time/{round}")).await;
        assert_eq!(answer.outcome(), "cache_page; fwd=miss; stored; ttl=60", "round {round}");
    }
    assert!(one.remote_stats().is_available);
}

#[actix_web::test]
async fn an_engine_that_refuses_to_look_is_asked_again() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    one.fill("/").await;
    other.store.set_behavior(&[Method::Get], Behavior::Rejects);
    let answer = other.get("/").await;
    assert_eq!(answer.outcome(), "cache_page; fwd=miss; stored; ttl=60; detail=remote-rejected");
    assert!(other.remote_stats().is_available && other.remote_stats().rejected > 0);
    other.store.set_behavior(&[Method::Get], Behavior::Works);
    assert_eq!(other.get("/").await.text(), "page 1 of other", "from local memory");
    assert!(other.get("/else").await.is_stored());
}

/// As a server without memory does.
#[actix_web::test]
async fn pages_that_the_engine_refuses_are_in_memory_all_the_same() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let other = process("other", &backend, long_timeouts()).await;
    one.store.set_behavior(&[Method::Put, Method::Release], Behavior::Rejects);
    let filled = one.get("/").await;
    assert_eq!(filled.outcome(), "cache_page; fwd=miss; stored; ttl=60");
    wait_until("the put is rejected", || one.remote_stats().rejected >= 1).await;
    let hit = one.get("/").await;
    assert_eq!((hit.outcome().as_str(), &hit.body), ("cache_page; hit; ttl=60", &filled.body));
    assert_eq!((backend.entries(), one.remote_stats().stored), (0, 0));
    assert!(one.remote_stats().is_available);
    backend.advance(Duration::from_secs(10));
    let answer = other.fill("/").await;
    assert_eq!(answer.text(), "page 1 of other");
}

#[actix_web::test]
async fn without_memory_and_engine_nothing_is_kept() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    one.store.set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_available(false).await;
    for run in 1..4 {
        let answer = one.get("/").await;
        assert_eq!((answer.status, answer.text()), (200, &*format!("page {run} of one")));
        assert!(answer.outcome().ends_with("; detail=remote-unavailable"), "{}", answer.outcome());
    }
    assert_eq!(one.count(Outcome::NotStored(Reason::RemoteUnavailable)), 3);
    // The process receives no purges, so requests are not coalesced.
    let crowd = Crowd::send(&one.app, (0..5).map(|_| asking("/crowd", &[]))).await;
    assert!(crowd.all().await.iter().all(|answer| answer.status == 200));
    assert_eq!(one.runs.get(), 8);
}

#[actix_web::test]
async fn a_process_starts_without_its_engine_and_finds_it_later() {
    let backend = Backend::default();
    let other = process("other", &backend, long_timeouts()).await;
    let filled = other.fill("/").await;
    let store = backend.store();
    store.set_behavior(&Method::ALL, Behavior::Fails);
    let one = start("one", store, long_timeouts()).await;
    for run in 1..4 {
        let answer = one.get(&format!("/{run}")).await;
        assert_eq!((answer.status, answer.text()), (200, &*format!("page {run} of one")));
    }
    one.store.set_behavior(&Method::ALL, Behavior::Works);
    one.wait_available(true).await;
    let found = one.get("/").await;
    assert!(is_remote_hit(&found) && found.body == filled.body, "{}", found.outcome());
}

#[actix_web::test]
async fn an_engine_is_lost_while_it_is_waited_for() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let other = process("other", &backend, long_timeouts().coalesce_timeout(Duration::from_secs(3600))).await;
    one.block_handlers();
    let leader = Crowd::send(&one.app, [asking("/", &[])]).await;
    let waiting = Crowd::send(&other.app, (0..3).map(|_| asking("/", &[]))).await;
    wait_until("the other process waits", || other.lookups() > 2).await;
    other.store.set_behavior(&Method::ALL, Behavior::Fails);
    let answers = timeout(LIMIT, waiting.all()).await.expect("not answered in time");
    assert!(answers.iter().all(|answer| answer.text() == "page 1 of other"), "{answers:?}");
    one.unblock_handlers();
    assert_eq!(leader.all().await[0].text(), "page 1 of one");
}
