//! Caches that are disabled.

use cache_page::{PageCache, Reason};

use super::builder;

const PATHS: [&str; 4] = ["/plain", "/own/a", "/big", "/site/a"];

fn disabled() -> [(&'static str, PageCache); 3] {
    let overridden = PageCache::builder().enabled(true).enabled(false);
    [
        ("disabled()", PageCache::disabled()),
        ("enabled(false)", PageCache::builder().enabled(false).build()),
        ("enabled twice", overridden.named_cache("big", PageCache::disabled()).build()),
    ]
}

#[actix_web::test]
async fn disabled_cache_runs_the_handler_for_each_request() {
    for (how, cache) in disabled() {
        let app = builder().page_cache(cache).start().await;
        for path in PATHS {
            for _ in 0..3 {
                let runs = app.runs();
                let response = app.get(path).await;
                response.assert_bypass(Reason::Disabled).assert_no_header("etag");
                response.assert_body((runs + 1).to_string());
            }
        }
        assert_eq!((app.pages(), app.cache().purge_all().await.unwrap().pages()), (0, 0), "{how}");
    }
}

#[actix_web::test]
async fn disabled_cache_does_not_evaluate_conditions() {
    for (how, cache) in disabled() {
        let app = builder().page_cache(cache).start().await;
        for path in PATHS {
            let status = app.get(path).header("if-none-match", "*").await.status;
            assert_eq!(status, 200, "{how}, {path}");
        }
    }
}

#[actix_web::test]
async fn disabled_cache_reports_the_method_of_other_requests() {
    for (how, cache) in disabled() {
        let app = builder().page_cache(cache).start().await;
        for path in PATHS {
            let response = app.post(path).await;
            assert_eq!(response.cache_status().fwd(), Some("method"), "{how}: {response:?}");
        }
    }
}

#[actix_web::test]
async fn cache_that_a_disabled_one_names_is_enabled() {
    let cache =
        |cache: cache_page::PageCacheBuilder| cache.enabled(false).named_cache("big", PageCache::new());
    let app = builder().cache(cache).start().await;
    app.get("/big").await.assert_stored();
    app.get("/big").await.assert_hit();
    app.get("/plain").await.assert_bypass(Reason::Disabled);
}

#[actix_web::test]
async fn enabled_cache_stores() {
    let app = builder().cache(|cache| cache.enabled(true)).start().await;
    app.get("/plain").await.assert_stored();
}
