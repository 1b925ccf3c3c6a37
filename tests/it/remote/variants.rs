//! Variants by request headers that only the responses name.

use std::time::Duration;

use super::{
    backend::{Backend, Behavior, Method},
    site::{advance, is_remote_hit, long_timeouts, process},
};
use crate::legacy::{Crowd, asking};

fn in_language(language: &str) -> actix_web::test::TestRequest {
    asking("/varied", &[("accept-language", language)])
}

#[actix_web::test]
async fn each_variant_is_found_by_those_that_it_is_for() {
    for local_ttl in [60, 0] {
        let backend = Backend::default();
        let options = || long_timeouts().local_ttl(Duration::from_secs(local_ttl));
        let (one, other) =
            (process("one", &backend, options()).await, process("other", &backend, options()).await);
        let third = process("third", &backend, options()).await;
        let german = one.send(in_language("de")).await;
        assert!(german.is_stored(), "{}", german.outcome());
        one.wait_stored(1).await;
        // The names of the headers are in the backend.
        let found = other.send(in_language("de")).await;
        assert!(is_remote_hit(&found) && found.body == german.body, "{}", found.outcome());
        let french = other.send(in_language("fr")).await;
        assert!(french.is_stored(), "{}", french.outcome());
        assert_eq!(french.header("x-language").as_deref(), Some("fr"));
        other.wait_stored(1).await;
        let none = third.get("/varied").await;
        assert_eq!((none.is_stored(), none.header("x-language").as_deref()), (true, Some("")));
        third.wait_stored(1).await;
        for process in [&one, &other, &third] {
            for (language, page) in [("de", &german), ("fr", &french)] {
                let found = process.send(in_language(language)).await;
                assert!(found.is_hit(), "{} {language}: {}", process.name, found.outcome());
                assert_eq!(found.body, page.body, "{} {language}", process.name);
            }
            assert_eq!(process.get("/varied").await.body, none.body);
        }
        assert_eq!((one.runs.get(), other.runs.get(), third.runs.get()), (1, 1, 1));
    }
}

#[actix_web::test]
async fn all_variants_are_purged_at_once() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let third = process("third", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    let mut pages = Vec::new();
    for (number, language) in ["de", "fr", "en"].into_iter().enumerate() {
        let old = one.send(in_language(language)).await;
        one.wait_stored(number as u64 + 1).await;
        assert!(is_remote_hit(&other.send(in_language(language)).await));
        pages.push((language, old));
    }
    one.cache.purge_path("/varied").await.unwrap();
    other.wait_polled().await;
    for (language, old) in &pages {
        for process in [&third, &one, &other] {
            let new = process.send(in_language(language)).await;
            assert_ne!(new.body, old.body, "{} {language}", process.name);
            assert_eq!(new.header("x-language").as_deref(), Some(*language));
        }
    }
}

/// The waiting requests do not know yet that there are variants.
#[actix_web::test]
async fn who_waits_for_another_variant_makes_its_own() {
    let backend = Backend::default();
    let options = || long_timeouts().coalesce_timeout(Duration::from_secs(3600));
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    one.block_handlers();
    let leader = Crowd::send(&one.app, [in_language("de")]).await;
    let requests = ["de", "fr", "de", "fr"].map(in_language);
    let waiting = Crowd::send(&other.app, requests).await;
    super::wait_until("the other process waits", || other.lookups() > 2).await;
    // The variant is stored long before the names of the headers.
    one.store.set_behavior(&[Method::Put], Behavior::Holds);
    one.unblock_handlers();
    super::wait_until("one entry is stored", || backend.entries() == 1).await;
    let asked = other.lookups();
    super::wait_until("the other process looks the page up", || other.lookups() > asked + 2).await;
    assert_eq!((other.runs.get(), waiting.answered()), (0, 0));
    one.store.set_behavior(&[Method::Put], Behavior::Works);
    let german = leader.all().await.remove(0);
    let answers = waiting.all().await;
    for (answer, language) in answers.iter().zip(["de", "fr", "de", "fr"]) {
        assert_eq!(answer.header("x-language").as_deref(), Some(language), "{}", answer.outcome());
        assert_eq!(answer.body == german.body, language == "de", "{language}: {}", answer.outcome());
    }
    assert_eq!((one.runs.get(), other.runs.get()), (1, 1));
}

/// The names of the headers are stored again with each variant.
#[actix_web::test]
async fn variants_are_found_by_a_process_that_comes_later() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    one.send(in_language("de")).await;
    one.wait_stored(1).await;
    advance(&backend, &[&one], 61);
    let filled = one.send(in_language("de")).await;
    assert!(filled.is_stored(), "{}", filled.outcome());
    one.wait_stored(2).await;
    let other = process("other", &backend, long_timeouts()).await;
    let found = other.send(in_language("de")).await;
    assert!(is_remote_hit(&found), "{}", found.outcome());
    assert_eq!(found.body, filled.body);
}

#[actix_web::test]
async fn variants_are_found_after_a_purge() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    one.send(in_language("de")).await;
    one.wait_stored(1).await;
    one.cache.purge_path("/varied").await.unwrap();
    one.wait_polled().await;
    let filled = one.send(in_language("de")).await;
    one.wait_stored(2).await;
    let other = process("other", &backend, long_timeouts()).await;
    let found = other.send(in_language("de")).await;
    assert!(is_remote_hit(&found), "{}", found.outcome());
    assert_eq!(found.body, filled.body);
}
