//! The option `vary` of a cache.

use actix_web::http::header::{AUTHORIZATION, HeaderName};
use cache_page::{PageCache, PageCacheBuilder};

use super::builder;
use crate::support::TestApp;

const PATHS: [&str; 4] = ["/plain", "/big", "/own/a", "/site/a"];

fn by_theme(cache: PageCacheBuilder) -> PageCacheBuilder {
    let header = HeaderName::from_static("x-theme");
    cache.vary(header.clone()).vary(header)
}

async fn app() -> TestApp {
    let big = by_theme(PageCache::builder()).build();
    builder().cache(|cache| by_theme(cache).named_cache("big", big)).start().await
}

#[actix_web::test]
async fn all_handlers_have_a_page_for_each_value() {
    let app = app().await;
    for path in PATHS {
        let runs = app.runs();
        for is_hit in [false, true] {
            for theme in ["dark", "light", ""] {
                let response = app.get(path).header("x-theme", theme).await;
                assert_eq!(response.is_hit(), is_hit, "{response:?}");
            }
            assert_eq!(app.get(path).await.is_hit(), is_hit, "{path}");
        }
        assert_eq!(app.runs(), runs + 4, "{path}");
    }
}

#[actix_web::test]
async fn header_that_is_added_twice_is_sent_in_vary_once() {
    let app = app().await;
    for path in PATHS {
        for _ in 0..2 {
            let vary = app.get(path).header("x-theme", "dark").await.header("vary").unwrap();
            assert_eq!(vary.matches("x-theme").count(), 1, "{path}: {vary}");
        }
    }
}

#[actix_web::test]
async fn credential_in_vary_selects_a_page_and_does_not_bypass() {
    let app = builder().cache(|cache| cache.vary(AUTHORIZATION)).start().await;
    for is_hit in [false, true] {
        for name in ["alice", "bob"] {
            let response = app.get("/own/a").header("authorization", name).await;
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
        }
    }
    assert_eq!(app.runs(), 2);
}
