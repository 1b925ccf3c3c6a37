//! The option `key_prefix` of a cache.

use actix_web::HttpRequest;
use cache_page::{PageCache, cache_page};

use super::builder;
use crate::support::TestApp;

async fn app() -> TestApp {
    let big = PageCache::builder().key_prefix("v1").build();
    builder().cache(|cache| cache.key_prefix("v1").named_cache("big", big)).start().await
}

#[actix_web::test]
async fn each_handler_has_its_own_page_under_one_prefix() {
    let app = app().await;
    for path in ["/plain", "/big", "/prefixed", "/own/a", "/site/a"] {
        app.get(path).await.assert_stored();
        app.get(path).await.assert_hit();
    }
    assert_eq!(app.runs(), 5);
}

#[actix_web::test]
async fn purge_of_a_path_needs_no_prefix() {
    let app = app().await;
    app.get("/own/a").await.assert_stored();
    assert_eq!(app.cache().purge_path("/own/a").await.unwrap().pages(), 1);
}

#[actix_web::test]
async fn prefix_may_look_like_the_rest_of_a_key() {
    #[cache_page(60)]
    async fn path(#[anonymous] request: HttpRequest) -> String {
        request.path().to_owned()
    }
    let app = TestApp::builder().cache(|cache| cache.key_prefix("http")).route("/a", path).start().await;
    app.get("/a").await.assert_stored();
    app.get("/a").await.assert_hit().assert_body("/a");
}
