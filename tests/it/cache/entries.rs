//! The list of the pages in memory.

use std::{collections::BTreeSet, time::Duration};

use actix_web::HttpResponse;
use cache_page::{EntryInfo, cache_page};

use crate::support::{Backend, Call, TestApp, until};

#[cache_page(60, name = "tagged", tags = ["posts", "post:{id}"])]
async fn tagged(id: actix_web::web::Path<String>) -> String {
    format!("post {id}")
}

#[cache_page(60, name = "secret", vary_cookie = ["session"], vary = ["x-secret"])]
async fn secret() -> &'static str {
    "page"
}

fn paths(app: &TestApp) -> BTreeSet<String> {
    app.cache().entries().map(|entry| entry.path().to_owned()).collect()
}

fn only(app: &TestApp) -> EntryInfo {
    let mut entries = app.cache().entries();
    let entry = entries.next().expect("an entry");
    assert!(entries.next().is_none());
    entry
}

#[actix_web::test]
async fn every_stored_page_is_listed_once() {
    let app = TestApp::new().await;
    assert_eq!(app.cache().entries().count(), 0);
    let mut expected = BTreeSet::new();
    // Some are requested twice: they are in another queue after evictions.
    for number in 0..500 {
        let path = format!("/{number}");
        app.get(&path).await.assert_stored();
        if number % 3 == 0 {
            app.get(&path).await.assert_hit();
        }
        expected.insert(path);
    }
    assert_eq!(app.cache().entries().count(), 500);
    assert_eq!(paths(&app), expected);
}

#[actix_web::test]
async fn entry_shows_response_size_and_freshness() {
    let handler =
        |_: &Call| HttpResponse::NotFound().insert_header(("cache-control", "max-age=50")).body("gone");
    let app = TestApp::with_handler(handler).await;
    app.get("/a%20b/").await.assert_stored();
    app.get("/a%20b/").await.assert_hit();
    app.advance(20);
    let entry = only(&app);
    assert_eq!((entry.path(), entry.status().as_u16(), entry.body_len()), ("/a b/", 404, 4));
    assert_eq!((entry.age(), entry.ttl()), (Duration::from_secs(20), Some(Duration::from_secs(30))));
    assert!(entry.is_fresh() && entry.is_usable() && entry.recent_hits() == 1);
    assert!(entry.bytes() > 4 && entry.bytes() <= app.bytes(), "{entry:?}");
    assert_eq!(entry.page().body(), b"gone");
    assert_eq!((entry.vary().count(), entry.encodings().count(), entry.tag_count()), (0, 0, 0));
    let handlers: Vec<_> = app.cache().stats().handlers().map(|(name, _)| name).collect();
    assert_eq!(handlers, [entry.handler()]);
}

#[actix_web::test]
async fn tags_are_known_by_name_with_a_remote_store() {
    let backend = Backend::new();
    let shared = TestApp::builder().remote(&backend).route("/posts/{id}", tagged).start().await;
    shared.wait_available().await;
    shared.get("/posts/1").await.assert_stored();
    let alone = TestApp::builder().route("/posts/{id}", tagged).start().await;
    alone.get("/posts/1").await.assert_stored();
    for app in [&shared, &alone] {
        let entry = only(app);
        assert_eq!((entry.handler(), entry.tag_count()), ("tagged", 2));
        assert!(entry.has_tag("posts") && entry.has_tag("post:1") && !entry.has_tag("post:2"));
    }
    assert_eq!(only(&shared).tags().collect::<Vec<_>>(), ["posts", "post:1"]);
    assert_eq!(only(&alone).tags().count(), 0);
}

#[actix_web::test]
async fn each_variant_is_listed_with_its_header_names() {
    let handler = |_: &Call| HttpResponse::Ok().insert_header(("vary", "x-theme")).body("page");
    let app = TestApp::with_handler(handler).await;
    for theme in ["dark", "light"] {
        app.get("/").header("x-theme", theme).await.assert_stored();
    }
    let entries: Vec<_> = app.cache().entries().collect();
    assert_eq!(entries.len(), 2);
    assert!(entries.iter().all(|entry| entry.vary().eq(["x-theme"])));
}

#[actix_web::test]
async fn encoded_bodies_are_listed() {
    let handler = |_: &Call| HttpResponse::Ok().content_type("text/html").body("page ".repeat(200));
    let app = TestApp::builder().cache(|cache| cache.compress(true)).handler(handler).start().await;
    app.get("/").await.assert_stored();
    app.get("/").header("accept-encoding", "gzip").await.assert_hit();
    until("the body is encoded", || only(&app).encodings().eq(["gzip"])).await;
}

#[actix_web::test]
async fn purged_pages_are_not_listed() {
    let app = TestApp::builder().route("/posts/{id}", tagged).start().await;
    for number in 0..200 {
        app.get(&format!("/posts/{number}")).await.assert_stored();
    }
    let mut entries = app.cache().entries();
    assert!(entries.next().is_some());
    app.cache().purge_tag("post:7").await.unwrap();
    assert!(!paths(&app).contains("/posts/7"));
    app.cache().purge_all().await.unwrap();
    // Those of the batch that was read before.
    assert!(entries.count() < 64);
    assert_eq!(app.cache().entries().count(), 0);
}

#[actix_web::test]
async fn stale_pages_are_listed_as_stale() {
    let app = TestApp::builder().route("/posts/{id}", tagged).start().await;
    app.get("/posts/1").await.assert_stored();
    app.cache().expire_tag("posts").await.unwrap();
    let entry = only(&app);
    assert!(!entry.is_fresh() && !entry.is_usable() && entry.ttl() == Some(Duration::ZERO));
}

#[actix_web::test]
async fn listing_neither_counts_as_hit_nor_keeps_pages() {
    let app = TestApp::new().await;
    app.get("/").await.assert_stored();
    let bytes = app.bytes();
    for _ in 0..3 {
        assert_eq!(only(&app).recent_hits(), 0);
    }
    assert_eq!((app.cache().stats().requests(), app.bytes()), (1, bytes));
    app.advance(60);
    let listed = only(&app);
    app.cache().remove_expired();
    assert_eq!((app.pages(), app.bytes(), listed.path()), (0, 0, "/"));
}

#[actix_web::test]
async fn entry_does_not_show_its_key() {
    let app = TestApp::builder().route("/secret", secret).start().await;
    app.get("/secret?query")
        .header("cookie", "session=hidden-1")
        .header("x-secret", "hidden-2")
        .header("host", "hidden-3.example")
        .await
        .assert_stored();
    let text = format!("{:?}", only(&app));
    assert!(text.contains("/secret") && !text.contains("hidden"), "{text}");
}
