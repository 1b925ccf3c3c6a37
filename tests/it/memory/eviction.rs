//! Which pages are evicted where there is not room for all.

use actix_web::HttpResponse;

use super::{Random, body_of, weight};
use crate::support::{Call, TestApp};

/// One request in ten is for a popular page, all others are for URLs that are requested once.
#[actix_web::test]
async fn flood_of_new_urls_does_not_evict_popular_pages() {
    const POPULAR: u64 = 200;
    let budget = 2 * POPULAR as usize * weight("/popular/1000", body_of(500)).await;
    let app = TestApp::builder().cache(|cache| cache.max_bytes(budget)).handler(body_of(500)).start().await;
    for _ in 0..2 {
        for number in 0..POPULAR {
            app.get(&format!("/popular/{number}")).await;
        }
    }
    let mut random = Random(1);
    let (mut requests, mut hits) = (0, 0);
    for number in 0..6000 {
        if number % 10 > 0 {
            app.get(&format!("/flood/{number}")).await.assert_stored();
        } else {
            requests += 1;
            let response = app.get(&format!("/popular/{}", random.next() % POPULAR)).await;
            hits += u64::from(response.is_hit());
        }
        assert!(app.bytes() <= budget, "{} bytes", app.bytes());
    }
    assert!(hits * 100 >= requests * 95, "{hits} hits of {requests} requests");
}

#[actix_web::test]
async fn page_that_was_filled_again_is_evicted_after_older_ones() {
    // With room for nine pages, and for what remembers the first one that is evicted.
    let app = TestApp::builder().cache(|cache| cache.max_bytes(36_500)).handler(body_of(3000)).start().await;
    app.get("/again").await.assert_stored();
    app.advance(30);
    app.get("/oldest").await.assert_stored();
    app.advance(30);
    app.get("/again").await.assert_stored().assert_fwd("stale");
    let mut pages = app.pages();
    for number in 0.. {
        app.get(&format!("/{number}")).await.assert_stored();
        if app.pages() == pages {
            break;
        }
        pages = app.pages();
    }
    app.get("/again").await.assert_hit();
    app.get("/oldest").await.assert_miss();
}

/// Of the old page and the new one, there needs to be room for one.
#[actix_web::test]
async fn large_page_that_is_refreshed_evicts_no_others() {
    let body = |call: &Call| {
        let length = if call.request.uri().path() == "/large" { 45_000 } else { 2000 };
        HttpResponse::Ok().body(vec![b'x'; length])
    };
    let app = TestApp::builder().cache(|cache| cache.max_bytes(400_000)).handler(body).start().await;
    app.get("/large").await.assert_stored();
    app.advance(30);
    while app.bytes() < 380_000 {
        app.get(&format!("/{}", app.pages())).await.assert_stored();
    }
    let pages = app.pages();
    for _ in 0..3 {
        app.get("/large").await.assert_hit();
    }
    app.advance(30);
    app.get("/large").await.assert_stored().assert_fwd("stale");
    assert_eq!(app.pages(), pages);
}
