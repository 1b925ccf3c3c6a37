//! Caches that another cache names.

use std::time::Duration;

use actix_web::{HttpResponse, http::header::HeaderName};
use cache_page::{
    CacheStatusHeader, Outcome, PageCache, PurgeSummary, Reason, cache_page, testing::ManualClock,
};

use super::builder;
use crate::support::TestApp;

/// An application with a cache, and the cache that it names `big`.
async fn app() -> (TestApp, PageCache) {
    let big = PageCache::new();
    let app = builder().cache(|cache| cache.named_cache("big", big.clone())).start().await;
    (app, big)
}

#[actix_web::test]
async fn named_cache_has_its_own_pages_and_counts() {
    let (app, big) = app().await;
    for path in ["/plain", "/big", "/prefixed", "/site/a", "/own/a"] {
        app.get(path).await.assert_stored();
        app.get(path).await.assert_hit();
    }
    assert_eq!(app.runs(), 5);
    assert_eq!((app.pages(), big.stats().pages()), (2, 3));
    assert_eq!((app.cache().stats().requests(), big.stats().requests()), (4, 6));
}

#[actix_web::test]
async fn named_cache_is_found_by_its_name() {
    let big = PageCache::new();
    let app = builder()
        .cache(|cache| cache.named_cache("big", big.clone()).named_cache("small", PageCache::new()))
        .start()
        .await;
    app.get("/big").await.assert_stored();
    let pages = |name| app.cache().named(name).map(|cache| cache.stats().pages());
    assert_eq!((pages("big"), pages("small"), pages("other")), (Some(1), Some(0), None));
    assert!(big.named("big").is_none());
}

/// Stores one page in the cache and two in the one that it names.
async fn fill(app: &TestApp, big: &PageCache) {
    for path in ["/plain", "/big", "/site/a"] {
        app.get(path).await.assert_miss();
    }
    assert_eq!((app.pages(), big.stats().pages()), (1, 2));
}

fn pages(summary: Result<PurgeSummary, impl std::fmt::Debug>) -> usize {
    summary.unwrap().pages()
}

#[actix_web::test]
async fn purge_of_a_cache_includes_the_caches_that_it_names() {
    for (purge, expected) in [("path", 1), ("url", 1), ("prefix", 1), ("handler", 1), ("all", 3)] {
        let (app, big) = app().await;
        fill(&app, &big).await;
        let cache = app.cache();
        let purged = match purge {
            "path" => cache.purge_path("/big").await,
            "url" => cache.purge_url("/site/a").await,
            "prefix" => cache.purge_prefix("/site/").await,
            "handler" => cache.purge_handler("big").await,
            _ => cache.purge_all().await,
        };
        assert_eq!(pages(purged), expected, "{purge}");
        assert_eq!(app.pages() + big.stats().pages(), 3 - expected, "{purge}");
    }
}

#[actix_web::test]
async fn expire_all_includes_the_caches_that_it_names() {
    let (app, big) = app().await;
    fill(&app, &big).await;
    app.cache().expire_all().await.unwrap();
    app.get("/big").await.assert_stored().assert_fwd("stale");
}

#[actix_web::test]
async fn purge_of_a_named_cache_leaves_the_cache_that_names_it() {
    let (app, big) = app().await;
    fill(&app, &big).await;
    big.purge_all().await.unwrap();
    assert_eq!((app.pages(), big.stats().pages()), (1, 0));
}

#[cache_page(60)]
async fn long() -> HttpResponse {
    HttpResponse::Ok().body(vec![b'x'; 10_000])
}

#[cache_page(60, cache = "big")]
async fn long_in_big() -> HttpResponse {
    HttpResponse::Ok().body(vec![b'x'; 10_000])
}

#[actix_web::test]
async fn page_too_large_for_one_cache_is_stored_in_another() {
    let app = TestApp::builder()
        .cache(|cache| cache.max_bytes(40_000).named_cache("big", PageCache::new()))
        .route("/long", long)
        .route("/big", long_in_big)
        .start()
        .await;
    for _ in 0..2 {
        let response = app.get("/long").await;
        response.assert_not_stored(Reason::BodyTooLarge).assert_fwd("miss");
    }
    app.get("/big").await.assert_stored();
    app.get("/big").await.assert_hit();
}

#[actix_web::test]
async fn named_cache_has_its_own_clock_and_cache_status() {
    let clock = ManualClock::new();
    let big = PageCache::builder().clock(clock.clone()).cache_status(CacheStatusHeader::Minimal).build();
    let app = builder().cache(|cache| cache.named_cache("big", big)).start().await;
    for path in ["/big", "/site/a"] {
        app.get(path).await.assert_fwd("miss").assert_ttl(None);
        app.get(path).await.assert_hit().assert_ttl(None);
        app.advance(60);
        app.get(path).await.assert_hit();
        clock.advance(Duration::from_secs(60));
        app.get(path).await.assert_fwd("stale").assert_ttl(None);
    }
}

#[actix_web::test]
async fn named_cache_has_its_own_credential_headers() {
    let badge = HeaderName::from_static("x-badge");
    let big = PageCache::builder().credential_header(badge).build();
    let app = builder().cache(|cache| cache.named_cache("big", big)).start().await;
    for (path, expected) in [("/site/a", Outcome::Bypass(Reason::Credentials)), ("/own/a", Outcome::Stored)] {
        app.get(path).header("x-badge", "a").await.assert_outcome(expected);
    }
}

#[test]
#[should_panic(expected = "a cache named \"big\" was added before")]
fn name_that_is_given_twice_panics() {
    let builder = PageCache::builder().named_cache("big", PageCache::new());
    drop(builder.named_cache("big", PageCache::new()).build());
}

#[test]
#[should_panic(expected = "the name of a cache must not be empty")]
fn name_that_is_empty_panics() {
    drop(PageCache::builder().named_cache("", PageCache::new()).build());
}
