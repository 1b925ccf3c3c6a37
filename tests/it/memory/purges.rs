//! The memory of purged pages, which is free when the call returns, or soon after if there are many, without further requests.

use actix_web::HttpResponse;
use cache_page::{PageCache, PageControl, PurgeFuture, cache_page};

use crate::support::{Origin, TestApp};

#[cache_page(60, name = "pages", tags = ["pages"])]
async fn page(origin: Origin, control: PageControl) -> HttpResponse {
    let run = origin.count();
    for tag in 0..100 {
        control.tag(format!("tag {tag} of {}", run / 2));
    }
    HttpResponse::Ok().body(vec![b'x'; 1000])
}

type Purge = fn(&PageCache) -> PurgeFuture;

/// Purges that select every page of [`page`].
const PURGES: [(&str, Purge); 5] = [
    ("purge_all", PageCache::purge_all),
    ("purge_handler", |cache| cache.purge_handler("pages")),
    ("purge_prefix", |cache| cache.purge_prefix("/pages")),
    ("purge_tag", |cache| cache.purge_tag("pages")),
    ("purge_path", |cache| cache.purge_path("/pages")),
];

#[cache_page(60, name = "pages", tags = ["pages"])]
async fn small_page() -> &'static str {
    "page"
}

/// A thread frees most of them.
#[actix_web::test]
async fn purge_of_many_pages_is_awaited_until_they_are_free() {
    for (name, purge) in PURGES {
        let app = TestApp::builder().route("/pages", small_page).start().await;
        for number in 0..2000 {
            app.get(&format!("/pages?{number}")).await.assert_stored();
        }
        let future = purge(app.cache());
        app.get("/pages?0").await.assert_miss();
        let summary = future.await.expect("the argument is valid");
        // The page that was requested after the purge was replaced, or removed before it was.
        assert!([1999, 2000].contains(&summary.pages()), "{name}: {}", summary.pages());
        let stats = app.cache().stats();
        assert_eq!((stats.pages(), stats.purges_in_progress()), (1, 0), "{name}");
        assert!(stats.bytes() < 20_000, "{name}: {}", stats.bytes());
    }
}

/// An application with many pages, some of which are popular; others were evicted.
async fn filled(max_bytes: usize) -> TestApp {
    let app =
        TestApp::builder().cache(|cache| cache.max_bytes(max_bytes)).route("/pages", page).start().await;
    for number in 0..300 {
        app.get(&format!("/pages?{number}")).await.assert_stored();
        app.get("/pages?0").await;
    }
    assert!(app.pages() > 10 && app.bytes() > 0);
    app
}

#[actix_web::test]
async fn purge_of_any_kind_frees_all_memory_at_once() {
    for max_bytes in [1 << 20, 1 << 26] {
        for (name, purge) in PURGES {
            let app = filled(max_bytes).await;
            let pages = app.pages();
            let future = purge(app.cache());
            assert_eq!((app.pages(), app.bytes()), (0, 0), "{name}");
            assert_eq!(future.await.expect("the argument is valid").pages(), pages, "{name}");
            app.get("/pages?0").await.assert_miss();
        }
    }
}

#[actix_web::test]
async fn purge_of_expired_pages_frees_their_memory() {
    let app = filled(1 << 26).await;
    app.cache().expire_all().await.expect("there is no remote store");
    assert_eq!(app.pages(), 300, "a soft purge keeps the pages");
    app.cache().purge_handler("pages").await.expect("there is no remote store");
    assert_eq!((app.pages(), app.bytes()), (0, 0));
}

#[actix_web::test]
async fn expired_pages_are_freed_with_their_copies_and_tags() {
    let app = filled(1 << 26).await;
    app.advance(60);
    app.cache().remove_expired();
    assert_eq!((app.pages(), app.bytes()), (0, 0));
}
