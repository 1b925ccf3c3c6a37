//! The end of a process.

use std::time::Duration;

use actix_web::rt;

use super::{POST, connect, process};
use crate::support::{Backend, Behavior, Crowd, Method, TestApp, settle};

/// A bound that no test reaches.
const LONG: Duration = Duration::from_secs(600);
/// A bound that ends at once.
const NONE: Duration = Duration::ZERO;

#[actix_web::test]
async fn idle_cache_is_shut_down_at_once() {
    let app = TestApp::new().await;
    app.get("/").await.assert_stored();
    assert!(app.cache().shut_down(NONE).await.is_complete());
    app.get("/").await.assert_hit();
}

#[actix_web::test]
async fn running_fill_is_awaited() {
    let app = TestApp::new().await;
    app.pause();
    let crowd = Crowd::send([app.get("/")]).await;
    assert_eq!(app.cache().shut_down(NONE).await.running_fills, 1);
    let cache = app.cache().clone();
    let end = rt::spawn(async move { cache.shut_down(LONG).await });
    settle().await;
    assert!(!end.is_finished());
    app.resume().await;
    assert!(end.await.unwrap().is_complete());
    crowd.responses().await[0].assert_stored();
}

#[actix_web::test]
async fn page_on_its_way_to_the_store_is_awaited() {
    let backend = Backend::new();
    let one = connect(process("one", &backend)).await;
    one.store().set_behavior(&[Method::Put], Behavior::Holds);
    one.get(POST).await.assert_stored();
    assert!(!one.cache().shut_down(NONE).await.are_pages_written);
    one.store().set_behavior(&[Method::Put], Behavior::Works);
    assert!(one.cache().shut_down(LONG).await.is_complete());
    assert_eq!(backend.entries(), 1);
}

#[actix_web::test]
async fn purge_is_awaited() {
    let backend = Backend::new();
    let one = connect(process("one", &backend)).await;
    one.store().set_behavior(&[Method::Purge], Behavior::Rejects);
    one.cache().purge_path(POST).await.unwrap();
    assert_eq!(one.cache().shut_down(NONE).await.pending_purges, 1);
    one.store().set_behavior(&[Method::Purge], Behavior::Works);
    assert!(one.cache().shut_down(LONG).await.is_complete());
    assert_eq!(backend.purges(), 1);
}

#[actix_web::test]
async fn fills_of_named_caches_are_awaited() {
    let one = TestApp::new().await;
    let named = one.cache().clone();
    let app = TestApp::builder().cache(|cache| cache.named_cache("one", named)).start().await;
    one.pause();
    let crowd = Crowd::send([one.get("/")]).await;
    assert_eq!(app.cache().shut_down(NONE).await.running_fills, 1);
    one.resume().await;
    crowd.responses().await;
    assert!(app.cache().shut_down(LONG).await.is_complete());
}
