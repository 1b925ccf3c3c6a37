//! Pages that left the memory, by cause.

use actix_web::HttpResponse;
use cache_page::{PageControl, RemovalCause, cache_page};

use crate::support::{Call, TestApp};

/// Returns the causes with removed pages, and how many there are.
fn removed(app: &TestApp) -> Vec<(RemovalCause, u64)> {
    let stats = app.cache().stats();
    let counts = RemovalCause::ALL.iter().map(|cause| (*cause, stats.removed(*cause)));
    counts.filter(|(_, count)| *count > 0).collect()
}

#[actix_web::test]
async fn limit_is_that_of_the_builder() {
    let app = TestApp::builder().cache(|cache| cache.max_bytes(1 << 20)).start().await;
    assert_eq!(app.cache().stats().max_bytes(), 1 << 20);
}

#[actix_web::test]
async fn evicted_pages_are_removed_for_their_size() {
    let page = |_: &Call| HttpResponse::Ok().body(vec![b'x'; 1000]);
    let app = TestApp::builder().cache(|cache| cache.max_bytes(100_000)).handler(page).start().await;
    for number in 0..200 {
        app.get(&format!("/{number}")).await.assert_stored();
    }
    assert_eq!(removed(&app), [(RemovalCause::Size, 200 - app.pages() as u64)]);
}

#[actix_web::test]
async fn variants_over_the_limit_are_removed_for_it() {
    let page = |_: &Call| HttpResponse::Ok().insert_header(("vary", "x-theme")).body("page");
    let app = TestApp::with_handler(page).await;
    for number in 0..70 {
        app.get("/").header("x-theme", number.to_string()).await.assert_stored();
    }
    assert_eq!(removed(&app), [(RemovalCause::Variants, 6)]);
}

#[actix_web::test]
async fn expired_pages_are_removed_as_expired() {
    let app = TestApp::new().await;
    app.get("/1").await.assert_stored();
    app.get("/2").await.assert_stored();
    app.advance(60);
    // Storing a page removes the others that have expired.
    app.get("/3").await.assert_stored();
    app.cache().remove_expired();
    assert_eq!(removed(&app), [(RemovalCause::Expired, 2)]);
}

#[actix_web::test]
async fn refreshed_page_is_removed_as_replaced() {
    #[cache_page(60, stale_if_error = 60)]
    async fn page() -> &'static str {
        "page"
    }

    let app = TestApp::builder().route("/page", page).start().await;
    app.get("/page").await.assert_stored();
    app.advance(60);
    app.get("/page").await.assert_stored();
    assert_eq!(removed(&app), [(RemovalCause::Replaced, 1)]);
}

#[actix_web::test]
async fn purged_pages_are_removed_as_purged() {
    let app = TestApp::new().await;
    for number in 0..10 {
        app.get(&format!("/{number}")).await.assert_stored();
    }
    app.cache().purge_path("/1").await.unwrap();
    assert_eq!(removed(&app), [(RemovalCause::Purged, 1)]);
    app.cache().expire_all().await.unwrap();
    assert_eq!(removed(&app), [(RemovalCause::Purged, 1)], "stale pages are still there");
    app.cache().purge_all().await.unwrap();
    assert_eq!(removed(&app), [(RemovalCause::Purged, 10)]);
}

#[actix_web::test]
async fn withdrawn_page_is_removed_as_outdated() {
    #[cache_page(60, stale_if_error = 60)]
    async fn page(control: PageControl, cache: cache_page::PageCache) -> &'static str {
        if cache.stats().pages() > 0 {
            control.no_store();
        }
        "page"
    }

    let app = TestApp::builder().route("/page", page).start().await;
    app.get("/page").await.assert_stored();
    app.advance(60);
    app.get("/page").await;
    assert_eq!((removed(&app), app.pages()), (vec![(RemovalCause::Outdated, 1)], 0));
}
