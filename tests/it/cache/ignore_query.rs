//! `PageCacheBuilder::ignore_query` and `ignore_tracking_query`: for all handlers and middlewares.

use actix_web::web::Query;
use cache_page::cache_page;
use serde::Deserialize;

use super::builder;
use crate::support::{Origin, TestApp, TestAppBuilder};

#[derive(Deserialize)]
struct Page {
    #[allow(dead_code)]
    page: Option<u32>,
}

#[cache_page(60)]
async fn paged(_: Query<Page>, origin: Origin) -> String {
    origin.count().to_string()
}

#[cache_page(60, query = ["gclid"])]
async fn selecting(origin: Origin) -> String {
    origin.count().to_string()
}

#[cache_page(60, ignore_query = ["sort"])]
async fn ignoring(origin: Origin) -> String {
    origin.count().to_string()
}

fn app() -> TestAppBuilder {
    builder().route("/paged", paged).route("/selecting", selecting).route("/ignoring", ignoring)
}

async fn assert_pages(app: &TestApp, first: &str, second: &str, share: bool) {
    app.get(first).await.assert_stored();
    let response = app.get(second).await;
    assert_eq!(response.is_hit(), share, "{first} {response:?}");
}

#[actix_web::test]
async fn ignored_parameters_are_left_out_of_all_keys() {
    let app = app().cache(|cache| cache.ignore_query(["ref", "*_id"])).start().await;
    for (first, second, share) in [
        ("/plain?a=1", "/plain?ref=x&a=1&click_id=y", true),
        ("/plain?b=1", "/plain?b=1&r%65f=x", true),
        ("/plain", "/plain?", true),
        ("/plain?c=1&d=2", "/plain?d=2&c=1", true),
        ("/plain?e=1", "/plain?e=1&utm_source=x", false),
        ("/plain?refs=1", "/plain?refs=2", false),
        ("/paged?page=1", "/paged?ref=x&page=1", true),
        ("/own/a?a=1", "/own/a?a=1&ref=x", true),
        ("/ignoring?a=1", "/ignoring?sort=x&ref=y&a=1", true),
        ("/ignoring?a=2", "/ignoring?a=2&b=1", false),
    ] {
        assert_pages(&app, first, second, share).await;
    }
}

#[actix_web::test]
async fn tracking_parameters_are_ignored_on_request() {
    let tracked = ["utm_source=x", "gclid=x", "fbclid=x", "msclkid=x", "mc_eid=x", "utm%5Fid=x"];
    for is_ignored in [false, true] {
        let app = app().cache(|cache| cache.ignore_tracking_query(is_ignored)).start().await;
        app.get("/plain").await.assert_stored();
        for query in tracked {
            assert_eq!(app.get(&format!("/plain?{query}")).await.is_hit(), is_ignored, "{query}");
        }
    }
}

#[actix_web::test]
async fn parameters_that_a_handler_selects_are_not_ignored() {
    let app = app().cache(|cache| cache.ignore_tracking_query(true)).start().await;
    assert_pages(&app, "/selecting?gclid=1", "/selecting?gclid=2", false).await;
    assert_pages(&app, "/selecting?gclid=3", "/selecting?gclid=3&page=1", true).await;
}

#[actix_web::test]
async fn purge_of_a_url_ignores_the_same_parameters() {
    let app = app().cache(|cache| cache.ignore_query(["ref"])).start().await;
    for (stored, purged, pages) in [
        ("/plain?a=1&ref=x", "/plain?ref=y&a=1", 1),
        ("/plain?a=1", "/plain?a=2", 0),
        ("/own/a?ref=x", "/own/a", 1),
    ] {
        app.get(stored).await.assert_stored();
        assert_eq!(app.cache().purge_url(purged).await.unwrap().pages(), pages, "{stored} {purged}");
    }
}
