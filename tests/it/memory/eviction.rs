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
    let app = TestApp::builder().cache(|cache| cache.max_bytes(40_000)).handler(body_of(3000)).start().await;
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

fn page_of_one_variant(call: &Call) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    match call.request.path() {
        "/variant" => {
            response.insert_header(("vary", "x-a")).insert_header(("cache-control", "max-age=1000"))
        }
        _ => &mut response,
    };
    response.body("x")
}

/// A variant set is not evicted before its variants. The keys of removed pages count until these reach the front of their queue,
/// which is the small one here.
#[actix_web::test]
async fn room_is_made_if_the_main_queue_has_only_a_variant_set() {
    const BUDGET: usize = 100_000;
    const LENGTH: usize = 12_400;
    let app = TestApp::builder()
        .cache(|cache| cache.max_bytes(BUDGET).honor_request_cache_control(true))
        .handler(page_of_one_variant)
        .start()
        .await;
    // The variant and its set are popular: they move to the main queue.
    for number in 0..200 {
        app.get("/variant").await;
        app.get(&format!("/{number}")).await.assert_stored();
    }
    app.get("/variant").await.assert_hit();
    app.advance(60);
    app.cache().remove_expired();
    // A new variant is in the small queue.
    app.get("/variant").header("cache-control", "no-cache").await.assert_stored();
    let mut removed = Vec::new();
    while app.bytes() < BUDGET - 9000 {
        removed.push(format!("/{}?{}", removed.len(), "k".repeat(7500)));
        app.get(removed.last().unwrap()).await.assert_stored();
    }
    app.advance(60);
    app.set_handler(|_| HttpResponse::InternalServerError().finish());
    for uri in removed {
        app.get(&uri).await.assert_status(500);
    }
    assert!(app.pages() == 1 && app.bytes() + LENGTH > BUDGET, "{} bytes", app.bytes());
    app.set_handler(body_of(LENGTH));
    app.get("/large").await.assert_stored();
    assert!(app.bytes() <= BUDGET, "{} bytes", app.bytes());
}
