//! A middleware within another one: the inner one stores.

use actix_web::web;
use cache_page::{PageCacheMiddleware, Reason};

use super::plain;
use crate::support::{Crowd, TestApp};

async fn nested() -> TestApp {
    TestApp::builder()
        .uncached()
        .configure(|config| {
            let scope = web::scope("/scope").wrap(PageCacheMiddleware::new(300).name("inner"));
            config.service(scope.default_service(web::to(plain)));
        })
        .wrap(|| PageCacheMiddleware::new(60).name("outer"))
        .start()
        .await
}

#[actix_web::test]
async fn inner_middleware_does_not_wait_for_the_outer_one() {
    let app = nested().await;
    let crowd = Crowd::send([app.get("/scope/a")]).await;
    assert_eq!(crowd.answered(), 1);
}

#[actix_web::test]
async fn inner_middleware_stores_the_page_once_with_its_own_options() {
    let app = nested().await;
    app.get("/scope/a").await.assert_stored().assert_ttl(300);
    assert_eq!((app.pages(), app.cache().stats().requests()), (1, 1));
    app.advance(299);
    app.get("/scope/a").await.assert_hit().assert_ttl(1);
    assert_eq!((app.runs(), app.cache().stats().requests()), (1, 2));
    assert_eq!(app.cache().purge_handler("inner").await.unwrap().pages(), 1);
}

#[actix_web::test]
async fn page_outside_of_the_inner_middleware_is_the_outer_ones() {
    let app = nested().await;
    app.get("/b").await.assert_stored().assert_ttl(60);
    assert_eq!(app.cache().purge_handler("outer").await.unwrap().pages(), 1);
}

#[actix_web::test]
async fn request_that_bypasses_both_is_reported_once() {
    let app = nested().await;
    let response = app.get("/scope/a").header("cookie", "a=b").await;
    response.assert_bypass(Reason::Credentials);
    assert_eq!(response.headers.get_all("cache-status").count(), 1, "{response:?}");
}
