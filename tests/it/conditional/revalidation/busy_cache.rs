//! Expired pages in a cache that stores others: they can be confirmed until room is needed.

use actix_web::{Error, HttpResponse};
use cache_page::{PageCacheMiddleware, PageControl};

use super::{PLAIN, app, confirming, tagged};
use crate::support::{Call, Origin, TestApp};

const PAGES: usize = 20;

/// Requests the pages with these numbers, and returns how many of them were confirmed.
async fn confirmed(app: &TestApp, numbers: std::ops::Range<usize>) -> usize {
    let mut confirmed = 0;
    for number in numbers {
        let response = app.get(&format!("{PLAIN}?{number}")).await;
        response.assert_status(200).assert_stored();
        confirmed += usize::from(response.cache_status().fwd_status() == Some(304));
    }
    confirmed
}

/// Stores pages, lets them expire, and stores as many others as `others` says.
async fn expired(app: &TestApp, others: usize) {
    assert_eq!(confirmed(app, 0..PAGES).await, 0);
    app.advance(60);
    assert_eq!(confirmed(app, 1000..1000 + others).await, 0);
}

#[actix_web::test]
async fn expired_pages_are_confirmed_in_a_busy_cache() {
    for others in [0, PAGES, 2000] {
        let app = app(tagged("\"a\"")).await;
        expired(&app, others).await;
        assert_eq!(confirmed(&app, 0..PAGES).await, PAGES, "{others} others");
    }
}

#[actix_web::test]
async fn expired_pages_without_a_validator_of_the_handler_are_confirmed() {
    let app = app(confirming(|_: &Call| HttpResponse::Ok().body("page"))).await;
    expired(&app, 200).await;
    assert_eq!(confirmed(&app, 0..PAGES).await, PAGES);
}

#[actix_web::test]
async fn expired_pages_of_a_middleware_are_confirmed_in_a_busy_cache() {
    async fn inner(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
        origin.respond_with(&control).await
    }
    let app = TestApp::builder()
        .route(PLAIN, inner)
        .wrap(|| PageCacheMiddleware::new(60))
        .handler(tagged("\"a\""))
        .start()
        .await;
    expired(&app, 200).await;
    assert_eq!(confirmed(&app, 0..PAGES).await, PAGES);
}

#[actix_web::test]
async fn expired_pages_are_confirmed_again_and_again() {
    let app = app(tagged("\"a\"")).await;
    expired(&app, 100).await;
    for round in 0..3 {
        assert_eq!(confirmed(&app, 0..PAGES).await, PAGES);
        app.get(&format!("{PLAIN}?0")).await.assert_hit();
        app.advance(60);
        assert_eq!(confirmed(&app, 2000 + 100 * round..2100 + 100 * round).await, 0);
    }
}

/// What cannot be confirmed does not take room that later pages may need.
#[actix_web::test]
async fn expired_pages_of_a_handler_that_does_not_ask_are_removed() {
    let app = app(|_: &Call| HttpResponse::Ok().insert_header(("etag", "\"a\"")).body("page")).await;
    expired(&app, 100).await;
    assert_eq!(app.pages(), 100);
}

#[actix_web::test]
async fn expired_pages_are_evicted_before_fresh_ones() {
    let app = TestApp::builder()
        .route(PLAIN, super::plain)
        .cache(|cache| cache.max_bytes(100_000))
        .handler(tagged("\"a\""))
        .start()
        .await;
    expired(&app, PAGES).await;
    let mut number = 2000;
    // Until there is room for no more.
    loop {
        let pages = app.pages();
        confirmed(&app, number..number + 1).await;
        number += 1;
        if app.pages() == pages {
            break;
        }
    }
    confirmed(&app, number..number + PAGES - 3).await;
    assert!(app.bytes() <= 100_000);
    for fresh in (1000..1000 + PAGES).chain(2000..number) {
        app.get(&format!("{PLAIN}?{fresh}")).await.assert_hit();
    }
}

#[actix_web::test]
async fn expired_page_that_was_purged_is_not_confirmed() {
    let app = app(tagged("\"a\"")).await;
    expired(&app, 50).await;
    assert_eq!(app.cache().purge_path(PLAIN).await.unwrap().pages(), PAGES + 50);
    assert_eq!((confirmed(&app, 0..PAGES).await, app.pages()), (0, PAGES));
}

#[actix_web::test]
async fn remove_expired_removes_pages_that_could_be_confirmed() {
    let app = app(tagged("\"a\"")).await;
    expired(&app, 50).await;
    assert_eq!((app.pages(), app.cache().remove_expired(), app.pages()), (PAGES + 50, PAGES, 50));
    assert_eq!(confirmed(&app, 0..PAGES).await, 0);
}
