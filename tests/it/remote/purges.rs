//! Purges and expiries: what one process says is true for all.

use std::time::Duration;

use cache_page::{PageCache, PurgeFuture};

use super::{
    memory::{Engine, Op},
    site::{CONTROL, is_remote_hit, patient, process},
    until,
};
use crate::legacy::asking;

type Verb = fn(&PageCache) -> PurgeFuture;

/// All that can be said of the page of `/posts/1`.
const VERBS: [(&str, Verb); 16] = [
    ("purge path", |cache| cache.purge_path("/posts/1")),
    ("purge url", |cache| cache.purge_url("/posts/1")),
    ("purge whole url", |cache| cache.purge_url("http://localhost:8080/posts/1")),
    ("purge prefix", |cache| cache.purge_prefix("/post")),
    ("purge tag", |cache| cache.purge_tag("posts")),
    ("purge filled tag", |cache| cache.purge_tag("post:1")),
    ("purge handler", |cache| cache.purge_handler("posts")),
    ("purge all", PageCache::purge_all),
    ("expire path", |cache| cache.expire_path("/posts/1")),
    ("expire url", |cache| cache.expire_url("/posts/1")),
    ("expire whole url", |cache| cache.expire_url("http://localhost:8080/posts/1")),
    ("expire prefix", |cache| cache.expire_prefix("/post")),
    ("expire tag", |cache| cache.expire_tag("posts")),
    ("expire filled tag", |cache| cache.expire_tag("post:1")),
    ("expire handler", |cache| cache.expire_handler("posts")),
    ("expire all", PageCache::expire_all),
];

const PAGE: &str = "/posts/1";

#[actix_web::test]
async fn every_verb_is_about_all_processes() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let other = process("other", &engine, patient()).await;
    let third = process("third", &engine, patient().local_ttl(Duration::ZERO)).await;
    for (verb, purge) in VERBS {
        let old = one.make(PAGE).await;
        assert!(is_remote_hit(&other.get(PAGE).await) && is_remote_hit(&third.get(PAGE).await), "{verb}");
        purge(&one.cache).await.unwrap();
        // From that moment on, for whoever asks there; and for the others when they hear of it.
        let new = third.get(PAGE).await;
        assert_ne!(new.body, old.body, "{verb}");
        assert_ne!(one.get(PAGE).await.body, old.body, "{verb}, in the process that purged");
        other.get_until_not(PAGE, &old).await;
        assert_eq!(other.store.count(Op::Purge), 0, "{verb} is not told again by those who hear of it");
        // The next round is about pages of its own.
        one.cache.purge_all().await.unwrap();
        for process in [&one, &other, &third] {
            process.hears().await;
        }
    }
}

#[actix_web::test]
async fn what_no_purge_is_about_stays() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let other = process("other", &engine, patient()).await;
    let third = process("third", &engine, patient().local_ttl(Duration::ZERO)).await;
    let made = one.make(PAGE).await;
    assert!(is_remote_hit(&other.get(PAGE).await));
    let others: [Verb; 14] = [
        |cache| cache.purge_path("/posts/2"),
        |cache| cache.purge_path("/posts/1/"),
        |cache| cache.purge_url("/posts/1?page=2"),
        |cache| cache.purge_url("/posts/1?"),
        |cache| cache.purge_prefix("/posts/1/"),
        |cache| cache.purge_prefix("/Posts"),
        |cache| cache.purge_tag("post"),
        |cache| cache.purge_tag("post:11"),
        |cache| cache.purge_handler("post"),
        |cache| cache.expire_path("/posts/2"),
        |cache| cache.expire_url("/posts/1?page=2"),
        |cache| cache.expire_prefix("/posts/10"),
        |cache| cache.expire_tag("Posts"),
        |cache| cache.expire_handler("any"),
    ];
    for purge in others {
        purge(&one.cache).await.unwrap();
    }
    other.hears().await;
    for process in [&one, &other] {
        let answer = process.get(PAGE).await;
        assert!(answer.is_hit() && !is_remote_hit(&answer), "{}: {}", process.name, answer.outcome());
    }
    let found = third.get(PAGE).await;
    assert!(is_remote_hit(&found) && found.body == made.body);
}

#[actix_web::test]
async fn tags_that_a_handler_adds_are_known_to_all() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let other = process("other", &engine, patient()).await;
    let third = process("third", &engine, patient().local_ttl(Duration::ZERO)).await;
    *one.tags.borrow_mut() = vec!["by argument".to_owned(), "über".to_owned()];
    one.headers.borrow_mut().push((CONTROL, "tags=(\"by-header\" \"twice\" \"twice\")"));
    for tag in ["by argument", "über", "by-header", "twice"] {
        for process in [&one, &other, &third] {
            process.hears().await;
        }
        let old = one.make("/").await;
        assert!(old.header(CONTROL).is_none());
        assert!(is_remote_hit(&other.get("/").await), "{tag}");
        let found = third.get("/").await;
        assert!(is_remote_hit(&found) && found.header(CONTROL).is_none(), "{tag}");
        // By one that made none of it.
        third.cache.purge_tag(tag).await.unwrap();
        assert_ne!(third.get("/").await.body, old.body, "{tag}");
        one.get_until_not("/", &old).await;
        other.get_until_not("/", &old).await;
        one.cache.purge_all().await.unwrap();
    }
}

#[actix_web::test]
async fn a_page_has_as_many_tags_in_the_engine_as_in_memory() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let other = process("other", &engine, patient()).await;
    let third = process("third", &engine, patient().local_ttl(Duration::ZERO)).await;
    *one.tags.borrow_mut() = (0..128).map(|number| format!("{number} {}", "x".repeat(200))).collect();
    for place in [0, 64, 127] {
        for process in [&one, &other, &third] {
            process.hears().await;
        }
        let old = one.make("/").await;
        assert!(is_remote_hit(&other.get("/").await) && is_remote_hit(&third.get("/").await));
        let tag = one.tags.borrow()[place].clone();
        other.cache.purge_tag(&tag).await.unwrap();
        assert_ne!(third.get("/").await.body, old.body, "tag {place}");
        one.get_until_not("/", &old).await;
        one.cache.purge_all().await.unwrap();
    }
    one.hears().await;
    one.tags.borrow_mut().push("one more".to_owned());
    let answer = one.get("/").await;
    assert!(answer.outcome().ends_with("; detail=invalid-tag"), "{}", answer.outcome());
    until("nobody waits for it", || one.store.count(Op::Release) > 0).await;
}

#[actix_web::test]
async fn a_purge_is_under_way_whether_or_not_it_is_awaited() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let other = process("other", &engine, patient()).await;
    let old = one.make(PAGE).await;
    assert!(is_remote_hit(&other.get(PAGE).await));
    drop(one.cache.purge_tag("posts"));
    other.get_until_not(PAGE, &old).await;
}

#[actix_web::test]
async fn a_url_is_one_query_for_all() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let third = process("third", &engine, patient().local_ttl(Duration::ZERO)).await;
    let all = ["/a", "/a?", "/a?page=1", "/a?page=2", "/a?page=1&x"];
    for (number, uri) in all.into_iter().enumerate() {
        one.get(uri).await;
        one.gives(number as u64 + 1).await;
    }
    one.cache.purge_url("/a?page=1").await.unwrap();
    for uri in all {
        assert_eq!(is_remote_hit(&third.get(uri).await), uri != "/a?page=1", "{uri}");
    }
    // Where the attribute picks what counts, all that it may be go.
    third.hears().await;
    let old = third.make("/paged?page=1&x=y").await;
    one.cache.purge_url("/paged?x=z&page=1").await.unwrap();
    assert_ne!(third.get("/paged?page=1").await.body, old.body);
}

#[actix_web::test]
async fn many_purges_at_once_are_all_heard() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let other = process("other", &engine, patient()).await;
    let mut pages = Vec::new();
    for number in 0..50 {
        let uri = format!("/posts/{number}");
        let old = one.make(&uri).await;
        assert!(is_remote_hit(&other.get(&uri).await));
        pages.push((uri, old));
    }
    let purges: Vec<PurgeFuture> =
        (0..50).map(|number| one.cache.purge_tag(&format!("post:{number}"))).collect();
    for purge in purges {
        assert_eq!(purge.await.unwrap().pages(), 1);
    }
    for (uri, old) in &pages {
        other.get_until_not(uri, old).await;
    }
}

#[actix_web::test]
async fn what_cannot_be_purged_is_told_to_nobody() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let wrong: [Verb; 4] = [
        |cache| cache.purge_path("posts"),
        |cache| cache.purge_tag(""),
        |cache| cache.purge_prefix("/"),
        |cache| cache.purge_handler(""),
    ];
    for purge in wrong {
        let error = purge(&one.cache).await.unwrap_err();
        assert!(!error.is_pending(), "{error}");
    }
    assert_eq!(one.store.count(Op::Purge), 0);
}

/// Pages that are there already are found by the names they had when they were made.
#[actix_web::test]
async fn escapes_and_hosts_do_not_matter_to_a_path() {
    let engine = Engine::default();
    let one = process("one", &engine, patient()).await;
    let third = process("third", &engine, patient().local_ttl(Duration::ZERO)).await;
    for written in ["/tags/über", "/tags/%C3%BCber"] {
        one.hears().await;
        let asked = || asking("/t%61gs/%c3%bcber?x", &[("host", "example.com")]);
        let before = one.remote_stats().stored;
        let old = one.send(asked()).await;
        one.gives(before + 1).await;
        assert!(is_remote_hit(&third.send(asked()).await));
        one.cache.purge_path(written).await.unwrap();
        assert_ne!(third.send(asked()).await.body, old.body, "{written}");
        one.cache.purge_all().await.unwrap();
    }
}
