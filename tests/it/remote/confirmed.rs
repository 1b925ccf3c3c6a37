//! Pages that a process has, and the engine says to be as they were.

use std::time::Duration;

use cache_page::Outcome;

use super::{
    memory::{Does, Engine, Op},
    site::{Process, advance, is_remote_hit, patient, process},
    until,
};
use crate::legacy::{Answer, asking};

/// Asks a process that has the page: it is sent as it was, and the engine sends nothing.
async fn assert_confirms<S>(process: &Process<S>, uri: &str, made: &Answer)
where
    S: actix_web::dev::Service<
            actix_http::Request,
            Response = actix_web::dev::ServiceResponse,
            Error = actix_web::Error,
        >,
{
    let (asked, sent) = (process.asked(), process.store.sent());
    let answer = process.get(uri).await;
    assert!(is_remote_hit(&answer), "{}: {}", process.name, answer.outcome());
    assert_eq!((&answer.body, answer.lasting_headers()), (&made.body, made.lasting_headers()));
    assert_eq!((process.asked(), process.store.sent()), (asked + 1, sent), "{}", process.name);
}

#[actix_web::test]
async fn a_page_that_has_left_memory_is_not_sent_again() {
    let engine = Engine::default();
    let options = || patient().local_ttl(Duration::from_secs(10));
    let (one, other) = (process("one", &engine, options()).await, process("other", &engine, options()).await);
    let made = one.make("/posts/1").await;
    assert!(is_remote_hit(&other.get("/posts/1").await));
    for round in 1..=5 {
        advance(&engine, &[&one, &other], 10);
        assert_confirms(&other, "/posts/1", &made).await;
        // For as long as if it had been sent.
        for _ in 0..20 {
            let hit = other.get("/posts/1").await;
            assert_eq!(hit.outcome(), format!("cache_page; hit; ttl={}", 60 - 10 * round));
            assert_eq!(hit.header("age"), Some((10 * round).to_string()));
        }
    }
    // Its time is over, whoever has it.
    advance(&engine, &[&one, &other], 10);
    assert!(other.get("/posts/1").await.is_stored());
    assert_eq!((one.runs.get(), other.runs.get()), (1, 1));
}

#[actix_web::test]
async fn where_memory_sends_nothing_by_itself_each_request_asks_and_the_page_comes_once() {
    let engine = Engine::default();
    let options = || patient().local_ttl(Duration::ZERO);
    let (one, other) = (process("one", &engine, options()).await, process("other", &engine, options()).await);
    let made = one.make("/posts/1").await;
    for process in [&one, &other] {
        assert!(is_remote_hit(&process.get("/posts/1").await));
        assert_eq!(process.store.sent(), 1);
        for _ in 0..20 {
            assert_confirms(process, "/posts/1", &made).await;
        }
    }
    // With what is asked for in a range, or with a validator.
    let etag = made.header("etag").unwrap();
    let same = other.send(asking("/posts/1", &[("if-none-match", &etag)])).await;
    assert_eq!((same.status, other.of(Outcome::Revalidated)), (304, 1));
    // Whatever the engine let go is gone.
    engine.evict();
    assert!(other.get("/posts/1").await.is_stored());
}

#[actix_web::test]
async fn a_page_that_was_made_anew_meanwhile_is_sent() {
    for memory in [10, 0] {
        let engine = Engine::default();
        let options = || patient().local_ttl(Duration::from_secs(memory));
        let (one, other) =
            (process("one", &engine, options()).await, process("other", &engine, options()).await);
        one.make("/posts/1").await;
        for _ in 0..3 {
            assert!(is_remote_hit(&other.get("/posts/1").await));
            // The other one does not hear of it.
            other.store.set(&[Op::PollChanges], Does::Holds);
            one.cache.purge_tag("posts").await.unwrap();
            one.hears().await;
            let made = one.make("/posts/1").await;
            advance(&engine, &[&one, &other], 10);
            let sent = other.store.sent();
            let answer = other.get("/posts/1").await;
            assert!(is_remote_hit(&answer) && answer.body == made.body, "{}", answer.outcome());
            assert_eq!(other.store.sent(), sent + 1);
            other.store.set(&[Op::PollChanges], Does::Works);
            other.hears().await;
        }
    }
}

#[actix_web::test]
async fn what_was_purged_is_not_sent_by_whoever_has_it() {
    for memory in [10, 0] {
        let engine = Engine::default();
        let options = || patient().local_ttl(Duration::from_secs(memory));
        let (one, other) =
            (process("one", &engine, options()).await, process("other", &engine, options()).await);
        for (round, verb) in ["purge", "expire"].into_iter().enumerate() {
            let made = one.make("/posts/1").await;
            let asked_first = other.get("/posts/1").await;
            assert!(is_remote_hit(&asked_first) && asked_first.body == made.body);
            advance(&engine, &[&one, &other], 10);
            assert_confirms(&other, "/posts/1", &made).await;
            advance(&engine, &[&one, &other], 10);
            other.store.set(&[Op::PollChanges], Does::Holds);
            match verb {
                "purge" => one.cache.purge_tag("post:1").await.unwrap(),
                _ => one.cache.expire_tag("post:1").await.unwrap(),
            };
            let answer = other.get("/posts/1").await;
            assert!(!answer.is_hit() && answer.body != made.body, "{verb}: {}", answer.outcome());
            assert_eq!(other.runs.get(), round as u64 + 1);
            other.store.set(&[Op::PollChanges], Does::Works);
            other.hears().await;
            other.cache.purge_all().await.unwrap();
            one.hears().await;
        }
    }
}

/// The engine said that the page is good before it was purged, and the process hears that first.
#[actix_web::test]
async fn what_is_purged_while_it_is_confirmed_is_not_sent() {
    for (memory, purges_itself) in [(10, false), (10, true), (0, false), (0, true)] {
        let engine = Engine::default();
        let options = || patient().local_ttl(Duration::from_secs(memory));
        let (one, other) =
            (process("one", &engine, options()).await, process("other", &engine, options()).await);
        let made = one.make("/posts/1").await;
        assert!(is_remote_hit(&other.get("/posts/1").await));
        advance(&engine, &[&one, &other], 10);
        other.store.set(&[Op::Get], Does::Holds);
        let answer = async {
            let asked = other.asked();
            let answer = other.get("/posts/1");
            let purge = async {
                until("it asks", || other.asked() > asked).await;
                let by = if purges_itself { &other.cache } else { &one.cache };
                by.purge_path("/posts/1").await.unwrap();
                other.hears().await;
                other.store.set(&[Op::Get], Does::Works);
            };
            futures_util::future::join(answer, purge).await.0
        };
        let answer = answer.await;
        assert!(answer.body != made.body, "{memory} {purges_itself}: {}", answer.outcome());
        assert!(other.get("/posts/1").await.body != made.body);
    }
}

#[actix_web::test]
async fn each_variant_is_confirmed_by_itself() {
    for memory in [10, 0] {
        let engine = Engine::default();
        let options = || patient().local_ttl(Duration::from_secs(memory));
        let (one, other) =
            (process("one", &engine, options()).await, process("other", &engine, options()).await);
        let in_language = |language: &str| asking("/varied", &[("accept-language", language)]);
        let mut pages = Vec::new();
        for (number, language) in ["de", "fr", "en"].into_iter().enumerate() {
            let made = one.send(in_language(language)).await;
            one.gives(number as u64 + 1).await;
            assert!(is_remote_hit(&other.send(in_language(language)).await));
            pages.push((language, made));
        }
        for _ in 0..3 {
            advance(&engine, &[&one, &other], 10);
            for (language, made) in &pages {
                let sent = other.store.sent();
                let answer = other.send(in_language(language)).await;
                assert!(is_remote_hit(&answer), "{}", answer.outcome());
                assert_eq!(answer.body, made.body);
                assert_eq!(answer.header("x-language").as_deref(), Some(*language));
                assert_eq!(other.store.sent(), sent);
            }
        }
    }
}

/// It is in memory only to be confirmed: where that fails, there is no page.
#[actix_web::test]
async fn a_page_that_is_not_confirmed_stands_in_for_nobody_where_memory_sends_nothing_by_itself() {
    let engine = Engine::default();
    let options = || patient().local_ttl(Duration::ZERO);
    let (one, other) = (process("one", &engine, options()).await, process("other", &engine, options()).await);
    for does in [Does::Works, Does::Rejects] {
        one.make("/sturdy").await;
        assert!(is_remote_hit(&other.get("/sturdy").await));
        assert!(is_remote_hit(&other.get("/sturdy").await));
        other.store.set(&[Op::PollChanges], Does::Holds);
        one.cache.purge_path("/sturdy").await.unwrap();
        other.status.set(500);
        other.store.set(&[Op::Get], does);
        let failed = other.get("/sturdy").await;
        assert_eq!(failed.status, 500, "{does:?}: {}", failed.outcome());
        // Nor is there anything to compare with.
        assert_eq!(*other.validators.borrow(), None);
        other.status.set(200);
        other.store.set(&[Op::PollChanges, Op::Get], Does::Works);
        other.hears().await;
        one.hears().await;
    }
}

#[actix_web::test]
async fn a_page_is_not_sent_without_being_confirmed() {
    let engine = Engine::default();
    for (memory, does) in [(10, Does::Rejects), (0, Does::Rejects), (10, Does::Fails), (0, Does::Fails)] {
        let options =
            || patient().local_ttl(Duration::from_secs(memory)).key_prefix(format!("{memory}{does:?}"));
        let (one, other) =
            (process("one", &engine, options()).await, process("other", &engine, options()).await);
        let made = one.make("/posts/1").await;
        assert!(is_remote_hit(&other.get("/posts/1").await));
        advance(&engine, &[&one, &other], 10);
        assert_confirms(&other, "/posts/1", &made).await;
        advance(&engine, &[&one, &other], 10);
        other.store.set(&[Op::Get], does);
        let answer = other.get("/posts/1").await;
        assert!(!answer.is_hit() && answer.body != made.body, "{memory} {does:?}: {}", answer.outcome());
    }
}

#[actix_web::test]
async fn an_engine_that_confirms_what_nobody_has_is_not_believed() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    one.make("/posts/1").await;
    other.store.confirms_all();
    let answer = other.get("/posts/1").await;
    assert!(answer.is_stored(), "{}", answer.outcome());
    assert_eq!((other.runs.get(), other.remote_stats().corrupt), (1, 1));
}

/// What this process purged long before it asked has nothing to do with the answer.
#[actix_web::test]
async fn a_page_is_confirmed_however_much_was_purged_since_it_came() {
    let engine = Engine::default();
    let options = || patient().local_ttl(Duration::from_secs(10));
    let (one, other) = (process("one", &engine, options()).await, process("other", &engine, options()).await);
    let made = one.make("/posts/1").await;
    assert!(is_remote_hit(&other.get("/posts/1").await));
    for number in 0..1000 {
        other.cache.purge_tag(&format!("other:{number}")).await.unwrap();
    }
    for _ in 0..3 {
        advance(&engine, &[&one, &other], 10);
        assert_confirms(&other, "/posts/1", &made).await;
    }
}

/// The page that was held is replaced by what came instead of its confirmation, and is gone with that.
#[actix_web::test]
async fn a_page_that_its_handler_took_back_does_not_stand_in_as_it_was_before() {
    let engine = Engine::default();
    let options = || patient().local_ttl(Duration::from_secs(10));
    let (one, other) = (process("one", &engine, options()).await, process("other", &engine, options()).await);
    one.make("/sturdy").await;
    assert!(is_remote_hit(&other.get("/sturdy").await));
    advance(&engine, &[&one, &other], 10);
    other.store.set(&[Op::PollChanges], Does::Holds);
    one.cache.expire_path("/sturdy").await.unwrap();
    other.headers.borrow_mut().push(("cache-control", "no-store"));
    let taken_back = other.get("/sturdy").await;
    assert!(!taken_back.is_hit() && !taken_back.is_stored(), "{}", taken_back.outcome());
    other.headers.borrow_mut().clear();
    other.status.set(500);
    let failed = other.get("/sturdy").await;
    assert_eq!(failed.status, 500, "{}", failed.outcome());
    other.store.set(&[Op::PollChanges], Does::Works);
}

#[actix_web::test]
async fn a_page_that_cannot_be_confirmed_is_not_held_where_memory_sends_nothing_by_itself() {
    let engine = Engine::default();
    let options = || patient().local_ttl(Duration::ZERO);
    let (one, other) = (process("one", &engine, options()).await, process("other", &engine, options()).await);
    one.make("/sturdy").await;
    advance(&engine, &[&one, &other], 70);
    other.status.set(500);
    for _ in 0..3 {
        let stands_in = other.get("/sturdy").await;
        assert_eq!((stands_in.status, other.cache.stats().pages()), (200, 0), "{}", stands_in.outcome());
    }
}
