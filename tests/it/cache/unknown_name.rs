//! Handlers that name a cache that is not there.

use actix_web::web;
use cache_page::{Outcome, PageCache, PageCacheMiddleware, Reason, cache_page};
use tracing::Level;

use super::builder;
use crate::support::{Events, TestApp};

async fn app() -> TestApp {
    builder().cache(|cache| cache.named_cache("other", PageCache::new())).start().await
}

#[actix_web::test]
async fn page_of_an_unknown_cache_is_sent_and_not_stored() {
    let app = app().await;
    for path in ["/big", "/site/a"] {
        for _ in 0..5 {
            let runs = app.runs();
            let response = app.get(path).await;
            response.assert_bypass(Reason::UnknownCache).assert_status(200);
            response.assert_body((runs + 1).to_string());
            response.assert_no_header("etag");
        }
    }
    assert_eq!(app.pages(), 0);
    app.post("/site/a").await.assert_status(200);
}

#[actix_web::test]
async fn unknown_cache_is_counted_by_the_cache_of_the_app() {
    let app = app().await;
    for path in ["/big", "/site/a"] {
        app.get(path).await.assert_status(200);
    }
    assert_eq!(app.count(Outcome::Bypass(Reason::UnknownCache)), 2);
    assert_eq!(app.cache().named("other").unwrap().stats().requests(), 0);
}

/// The handler of no other test: the minute is counted for each handler of the process.
#[cache_page(60, cache = "big", name = "logged")]
async fn logged() -> &'static str {
    "page"
}

fn logged_site(config: &mut web::ServiceConfig) {
    let middleware = PageCacheMiddleware::new(60).cache("big").name("logged-site");
    let scope = web::scope("/logged-site").wrap(middleware);
    config.service(scope.default_service(web::to(async || "page")));
}

#[actix_web::test]
async fn unknown_cache_is_logged_as_an_error_once_a_minute() {
    let app = TestApp::builder().route("/logged", logged).configure(logged_site).start().await;
    let events = Events::collect();
    let errors = || events.take().into_iter().filter(|event| event.level == Level::ERROR).collect::<Vec<_>>();
    for path in ["/logged", "/logged-site/a"] {
        for _ in 0..4 {
            app.get(path).await.assert_bypass(Reason::UnknownCache);
        }
        let found = errors();
        assert_eq!(found.len(), 1, "{path}: {found:#?}");
        for text in ["no cache named \"big\"", ".named_cache(\"big\""] {
            assert!(found[0].message().contains(text), "{path}: {found:#?}");
        }
        app.advance(61);
        app.get(path).await.assert_bypass(Reason::UnknownCache);
        assert_eq!(errors().len(), 1, "{path}, one minute later");
    }
}
