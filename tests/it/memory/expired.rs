//! Expired pages, which are removed as others are stored, or all at once.

use super::body_of;
use crate::support::TestApp;

/// Stores 200 pages, lets them expire, and does that twice more.
async fn app_with_expired_pages() -> TestApp {
    let app = TestApp::with_handler(body_of(500)).await;
    for round in 0..3 {
        for number in 0..200 {
            app.get(&format!("/{round}/{number}")).await.assert_stored();
        }
        app.advance(60);
    }
    app
}

#[actix_web::test]
async fn expired_pages_are_removed_as_others_are_stored() {
    let app = app_with_expired_pages().await;
    assert!(app.pages() < 450, "{} of 600 are left", app.pages());
}

#[actix_web::test]
async fn remove_expired_removes_all_expired_pages() {
    let app = app_with_expired_pages().await;
    let pages = app.pages();
    assert_eq!((app.cache().remove_expired(), app.pages(), app.bytes()), (pages, 0, 0));
}

#[actix_web::test]
async fn remove_expired_leaves_fresh_pages() {
    let app = app_with_expired_pages().await;
    app.get("/").await.assert_stored();
    app.cache().remove_expired();
    assert_eq!((app.cache().remove_expired(), app.pages()), (0, 1));
    app.get("/").await.assert_hit();
}
