//! Purges and soft purges: they take effect in all processes.

use std::time::Duration;

use cache_page::{PageCache, PurgeFuture};

use super::{
    backend::{Backend, Method},
    site::{TARGETED_FIELD, is_remote_hit, long_timeouts, process},
    wait_until,
};
use crate::legacy::asking;

type Verb = fn(&PageCache) -> PurgeFuture;

/// All methods that match the page `/posts/1`.
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
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let other = process("other", &backend, long_timeouts()).await;
    let third = process("third", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    for (verb, purge) in VERBS {
        let old = one.fill(PAGE).await;
        assert!(is_remote_hit(&other.get(PAGE).await) && is_remote_hit(&third.get(PAGE).await), "{verb}");
        purge(&one.cache).await.unwrap();
        // At once in the backend, and in other processes when they receive the purge.
        let new = third.get(PAGE).await;
        assert_ne!(new.body, old.body, "{verb}");
        assert_ne!(one.get(PAGE).await.body, old.body, "{verb}, in the process that has purged");
        other.get_until_changed(PAGE, &old).await;
        assert_eq!(
            other.store.calls(Method::Purge),
            0,
            "{verb} is repeated by a process that has received it"
        );
        // Removes the pages of this round.
        one.cache.purge_all().await.unwrap();
        for process in [&one, &other, &third] {
            process.wait_polled().await;
        }
    }
}

#[actix_web::test]
async fn what_no_purge_is_about_stays() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let other = process("other", &backend, long_timeouts()).await;
    let third = process("third", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    let filled = one.fill(PAGE).await;
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
    other.wait_polled().await;
    for process in [&one, &other] {
        let answer = process.get(PAGE).await;
        assert!(answer.is_hit() && !is_remote_hit(&answer), "{}: {}", process.name, answer.outcome());
    }
    let found = third.get(PAGE).await;
    assert!(is_remote_hit(&found) && found.body == filled.body);
}

#[actix_web::test]
async fn tags_that_a_handler_adds_are_known_to_all() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let other = process("other", &backend, long_timeouts()).await;
    let third = process("third", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    *one.tags.borrow_mut() = vec!["by argument".to_owned(), "über".to_owned()];
    one.headers.borrow_mut().push((TARGETED_FIELD, "tags=(\"by-header\" \"twice\" \"twice\")"));
    for tag in ["by argument", "über", "by-header", "twice"] {
        for process in [&one, &other, &third] {
            process.wait_polled().await;
        }
        let old = one.fill("/").await;
        assert!(old.header(TARGETED_FIELD).is_none());
        assert!(is_remote_hit(&other.get("/").await), "{tag}");
        let found = third.get("/").await;
        assert!(is_remote_hit(&found) && found.header(TARGETED_FIELD).is_none(), "{tag}");
        // Purged by a process that has not generated the page.
        third.cache.purge_tag(tag).await.unwrap();
        assert_ne!(third.get("/").await.body, old.body, "{tag}");
        one.get_until_changed("/", &old).await;
        other.get_until_changed("/", &old).await;
        one.cache.purge_all().await.unwrap();
    }
}

#[actix_web::test]
async fn a_page_has_as_many_tags_in_the_engine_as_in_memory() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let other = process("other", &backend, long_timeouts()).await;
    let third = process("third", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    *one.tags.borrow_mut() = (0..128).map(|number| format!("{number} {}", "x".repeat(200))).collect();
    for place in [0, 64, 127] {
        for process in [&one, &other, &third] {
            process.wait_polled().await;
        }
        let old = one.fill("/").await;
        assert!(is_remote_hit(&other.get("/").await) && is_remote_hit(&third.get("/").await));
        let tag = one.tags.borrow()[place].clone();
        other.cache.purge_tag(&tag).await.unwrap();
        assert_ne!(third.get("/").await.body, old.body, "tag {place}");
        one.get_until_changed("/", &old).await;
        one.cache.purge_all().await.unwrap();
    }
    one.wait_polled().await;
    one.tags.borrow_mut().push("one more".to_owned());
    let answer = one.get("/").await;
    assert!(answer.outcome().ends_with("; detail=invalid-tag"), "{}", answer.outcome());
    wait_until("the lease is released", || one.store.calls(Method::Release) > 0).await;
}

#[actix_web::test]
async fn a_purge_is_under_way_whether_or_not_it_is_awaited() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let other = process("other", &backend, long_timeouts()).await;
    let old = one.fill(PAGE).await;
    assert!(is_remote_hit(&other.get(PAGE).await));
    drop(one.cache.purge_tag("posts"));
    other.get_until_changed(PAGE, &old).await;
}

#[actix_web::test]
async fn a_url_is_one_query_for_all() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let third = process("third", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    let all = ["/a", "/a?", "/a?page=1", "/a?page=2", "/a?page=1&x"];
    for (number, uri) in all.into_iter().enumerate() {
        one.get(uri).await;
        one.wait_stored(number as u64 + 1).await;
    }
    one.cache.purge_url("/a?page=1").await.unwrap();
    for uri in all {
        assert_eq!(is_remote_hit(&third.get(uri).await), uri != "/a?page=1", "{uri}");
    }
    // If the attribute selects query parameters, the purge of a URL matches all queries.
    third.wait_polled().await;
    let old = third.fill("/paged?page=1&x=y").await;
    one.cache.purge_url("/paged?x=z&page=1").await.unwrap();
    assert_ne!(third.get("/paged?page=1").await.body, old.body);
}

#[actix_web::test]
async fn many_purges_at_once_are_all_heard() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let other = process("other", &backend, long_timeouts()).await;
    let mut pages = Vec::new();
    for number in 0..50 {
        let uri = format!("/posts/{number}");
        let old = one.fill(&uri).await;
        assert!(is_remote_hit(&other.get(&uri).await));
        pages.push((uri, old));
    }
    let purges: Vec<PurgeFuture> =
        (0..50).map(|number| one.cache.purge_tag(&format!("post:{number}"))).collect();
    for purge in purges {
        assert_eq!(purge.await.unwrap().pages(), 1);
    }
    for (uri, old) in &pages {
        other.get_until_changed(uri, old).await;
    }
}

#[actix_web::test]
async fn what_cannot_be_purged_is_told_to_nobody() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
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
    assert_eq!(one.store.calls(Method::Purge), 0);
}

/// Entries are purged by the keys that they were stored with.
#[actix_web::test]
async fn escapes_and_hosts_do_not_matter_to_a_path() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let third = process("third", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    for written in ["/tags/über", "/tags/%C3%BCber"] {
        one.wait_polled().await;
        let asked = || asking("/t%61gs/%c3%bcber?x", &[("host", "example.com")]);
        let before = one.remote_stats().stored;
        let old = one.send(asked()).await;
        one.wait_stored(before + 1).await;
        assert!(is_remote_hit(&third.send(asked()).await));
        one.cache.purge_path(written).await.unwrap();
        assert_ne!(third.send(asked()).await.body, old.body, "{written}");
        one.cache.purge_all().await.unwrap();
    }
}
