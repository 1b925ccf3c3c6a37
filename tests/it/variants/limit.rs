//! Clients choose the values of their headers, so a page has at most 64 variants.

use cache_page::Reason;

use super::app;
use crate::support::TestApp;

const MAX_VARIANTS: usize = 64;

async fn store_variants(app: &TestApp, numbers: std::ops::Range<usize>) {
    for number in numbers {
        app.get("/").header("x-a", number.to_string()).await.assert_stored();
    }
}

async fn assert_variants_are_hits(app: &TestApp, numbers: std::ops::Range<usize>) {
    for number in numbers {
        app.get("/").header("x-a", number.to_string()).await.assert_hit();
    }
}

#[actix_web::test]
async fn variant_over_the_limit_is_sent_and_not_stored() {
    let app = app().await;
    store_variants(&app, 0..MAX_VARIANTS).await;
    for _ in 0..2 {
        let response = app.get("/").header("x-a", "more").await;
        response.assert_not_stored(Reason::TooManyVariants).assert_fwd("vary-miss");
        response.assert_no_header("cache-control").assert_body("[\"more\"] [] [] ");
    }
    assert_eq!(app.pages(), MAX_VARIANTS);
    assert_variants_are_hits(&app, 0..MAX_VARIANTS).await;
}

#[actix_web::test]
async fn limit_of_variants_is_per_page() {
    let app = app().await;
    store_variants(&app, 0..MAX_VARIANTS).await;
    app.get("/other").header("x-a", "more").await.assert_stored();
}

/// Whether or not an expired variant is requested again.
#[actix_web::test]
async fn expired_variants_make_room_for_others() {
    let app = app().await;
    store_variants(&app, 0..MAX_VARIANTS).await;
    app.advance(60);
    store_variants(&app, MAX_VARIANTS..2 * MAX_VARIANTS).await;
    app.get("/").header("x-a", "more").await.assert_not_stored(Reason::TooManyVariants);
    assert_variants_are_hits(&app, MAX_VARIANTS..2 * MAX_VARIANTS).await;
}

#[actix_web::test]
async fn variant_that_is_refreshed_counts_once() {
    let app = app().await;
    for _ in 0..100 {
        store_variants(&app, 1..3).await;
        app.advance(60);
    }
    store_variants(&app, 1..MAX_VARIANTS + 1).await;
}
