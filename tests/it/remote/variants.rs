//! Pages that depend on request headers which only their responses name.

use std::time::Duration;

use super::{
    memory::{Does, Engine, Op},
    site::{advance, is_remote_hit, patient, process},
};
use crate::legacy::{Crowd, asking};

fn in_language(language: &str) -> actix_web::test::TestRequest {
    asking("/varied", &[("accept-language", language)])
}

#[actix_web::test]
async fn each_variant_is_found_by_those_that_it_is_for() {
    for memory in [60, 0] {
        let engine = Engine::default();
        let options = || patient().local_ttl(Duration::from_secs(memory));
        let (one, other) =
            (process("one", &engine, options()).await, process("other", &engine, options()).await);
        let third = process("third", &engine, options()).await;
        let german = one.send(in_language("de")).await;
        assert!(german.is_stored(), "{}", german.outcome());
        one.gives(1).await;
        // Which headers matter is known from the engine.
        let found = other.send(in_language("de")).await;
        assert!(is_remote_hit(&found) && found.body == german.body, "{}", found.outcome());
        let french = other.send(in_language("fr")).await;
        assert!(french.is_stored(), "{}", french.outcome());
        assert_eq!(french.header("x-language").as_deref(), Some("fr"));
        other.gives(1).await;
        let none = third.get("/varied").await;
        assert_eq!((none.is_stored(), none.header("x-language").as_deref()), (true, Some("")));
        third.gives(1).await;
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
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let third = process("third", &engine, patient().local_ttl(Duration::ZERO)).await;
    let mut pages = Vec::new();
    for (number, language) in ["de", "fr", "en"].into_iter().enumerate() {
        let old = one.send(in_language(language)).await;
        one.gives(number as u64 + 1).await;
        assert!(is_remote_hit(&other.send(in_language(language)).await));
        pages.push((language, old));
    }
    one.cache.purge_path("/varied").await.unwrap();
    other.hears().await;
    for (language, old) in &pages {
        for process in [&third, &one, &other] {
            let new = process.send(in_language(language)).await;
            assert_ne!(new.body, old.body, "{} {language}", process.name);
            assert_eq!(new.header("x-language").as_deref(), Some(*language));
        }
    }
}

/// Whoever waits does not know yet that there are variants.
#[actix_web::test]
async fn who_waits_for_another_variant_makes_its_own() {
    let engine = Engine::default();
    let options = || patient().coalesce_timeout(Duration::from_secs(3600));
    let (one, other) = (process("one", &engine, options()).await, process("other", &engine, options()).await);
    one.hold();
    let makes = Crowd::send(&one.app, [in_language("de")]).await;
    let requests = ["de", "fr", "de", "fr"].map(in_language);
    let waits = Crowd::send(&other.app, requests).await;
    super::until("it waits", || other.asked() > 2).await;
    // The way to the engine is so slow that one thing is there for long before the next one is.
    one.store.set(&[Op::Put], Does::Holds);
    one.let_go();
    super::until("something is there", || engine.pages() == 1).await;
    let asked = other.asked();
    super::until("it looks for it", || other.asked() > asked + 2).await;
    assert_eq!((other.runs.get(), waits.answered()), (0, 0));
    one.store.set(&[Op::Put], Does::Works);
    let german = makes.all().await.remove(0);
    let answers = waits.all().await;
    for (answer, language) in answers.iter().zip(["de", "fr", "de", "fr"]) {
        assert_eq!(answer.header("x-language").as_deref(), Some(language), "{}", answer.outcome());
        assert_eq!(answer.body == german.body, language == "de", "{language}: {}", answer.outcome());
    }
    assert_eq!((one.runs.get(), other.runs.get()), (1, 1));
}

/// A process that comes later finds variants as any other page, however long ago the first of them was made.
#[actix_web::test]
async fn variants_are_found_by_a_process_that_comes_later() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    one.send(in_language("de")).await;
    one.gives(1).await;
    advance(&engine, &[&one], 61);
    let made = one.send(in_language("de")).await;
    assert!(made.is_stored(), "{}", made.outcome());
    one.gives(2).await;
    let other = process("other", &engine, patient()).await;
    let found = other.send(in_language("de")).await;
    assert!(is_remote_hit(&found), "{}", found.outcome());
    assert_eq!(found.body, made.body);
}

#[actix_web::test]
async fn variants_are_found_after_a_purge() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    one.send(in_language("de")).await;
    one.gives(1).await;
    one.cache.purge_path("/varied").await.unwrap();
    one.hears().await;
    let made = one.send(in_language("de")).await;
    one.gives(2).await;
    let other = process("other", &engine, patient()).await;
    let found = other.send(in_language("de")).await;
    assert!(is_remote_hit(&found), "{}", found.outcome());
    assert_eq!(found.body, made.body);
}
