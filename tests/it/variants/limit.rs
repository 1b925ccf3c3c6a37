//! Clients choose the values of their headers, so a page has at most 64 variants. The least used one is replaced.

use actix_web::{Error, HttpResponse};
use cache_page::cache_page;

use super::{app, varying};
use crate::support::{Origin, TestApp};

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
async fn page_has_at_most_64_variants() {
    let app = app().await;
    store_variants(&app, 0..10 * MAX_VARIANTS).await;
    assert_eq!(app.pages(), MAX_VARIANTS);
    app.get("/other").header("x-a", "more").await.assert_stored();
    assert_eq!(app.pages(), MAX_VARIANTS + 1);
}

/// Also where the page does not expire.
#[actix_web::test]
async fn variant_over_the_limit_is_stored() {
    #[cache_page(None)]
    async fn no_expiry(origin: Origin) -> Result<HttpResponse, Error> {
        origin.respond().await
    }
    let app = TestApp::builder().route("/", no_expiry).handler(varying(&["x-a"])).start().await;
    store_variants(&app, 0..MAX_VARIANTS).await;
    app.advance(100 * 365 * 24 * 60 * 60);
    for number in 0..3 * MAX_VARIANTS {
        let value = format!("more {number}");
        app.get("/").header("x-a", &value).await.assert_stored().assert_fwd("vary-miss");
        app.get("/").header("x-a", &value).await.assert_hit();
    }
    assert_eq!(app.pages(), MAX_VARIANTS);
}

#[actix_web::test]
async fn variants_that_are_used_are_not_replaced() {
    let app = app().await;
    store_variants(&app, 0..MAX_VARIANTS).await;
    for _ in 0..3 {
        assert_variants_are_hits(&app, 0..40).await;
    }
    store_variants(&app, 1000..2000).await;
    assert_variants_are_hits(&app, 0..40).await;
}

/// What was used long ago does not keep its place for ever.
#[actix_web::test]
async fn variants_that_are_used_replace_those_that_no_longer_are() {
    let app = app().await;
    store_variants(&app, 0..MAX_VARIANTS).await;
    for _ in 0..10 {
        assert_variants_are_hits(&app, 0..MAX_VARIANTS).await;
    }
    for number in 100..1000 {
        store_variants(&app, number..number + 1).await;
        assert_variants_are_hits(&app, number..number + 1).await;
        assert_variants_are_hits(&app, number..number + 1).await;
    }
    assert_variants_are_hits(&app, 1000 - MAX_VARIANTS / 2..1000).await;
}

/// Whether or not an expired variant is requested again.
#[actix_web::test]
async fn expired_variants_are_replaced_first() {
    let app = app().await;
    store_variants(&app, 0..MAX_VARIANTS / 2).await;
    app.advance(30);
    store_variants(&app, MAX_VARIANTS / 2..MAX_VARIANTS).await;
    app.advance(30);
    store_variants(&app, MAX_VARIANTS..MAX_VARIANTS + MAX_VARIANTS / 2).await;
    assert_variants_are_hits(&app, MAX_VARIANTS / 2..MAX_VARIANTS + MAX_VARIANTS / 2).await;
}

#[actix_web::test]
async fn variant_that_is_refreshed_counts_once() {
    let app = app().await;
    for _ in 0..100 {
        store_variants(&app, 1..3).await;
        app.advance(60);
    }
    store_variants(&app, 1..MAX_VARIANTS + 1).await;
    assert_variants_are_hits(&app, 1..MAX_VARIANTS + 1).await;
}

#[actix_web::test]
async fn variant_that_is_refreshed_keeps_its_place() {
    let app = app().await;
    app.get("/").header("x-a", "popular").await.assert_stored();
    for _ in 0..3 {
        app.get("/").header("x-a", "popular").await.assert_hit();
    }
    app.advance(30);
    store_variants(&app, 0..MAX_VARIANTS - 1).await;
    app.advance(30);
    app.get("/").header("x-a", "popular").await.assert_stored().assert_fwd("stale");
    store_variants(&app, 1000..1200).await;
    app.get("/").header("x-a", "popular").await.assert_hit();
}
