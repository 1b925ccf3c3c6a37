//! Arguments that read the query, beside `query` and `ignore_query`: a client must not choose what other clients see with a parameter
//! that is not in the key.

use std::collections::BTreeMap;

use actix_web::{Either, Error, HttpRequest, http::Uri, web::Query};
use cache_page::cache_page;
use serde::Deserialize;

use super::{assert_one_page, assert_two_pages};
use crate::support::{Origin, TestApp, TestAppBuilder};

#[derive(Debug, Deserialize)]
struct Page {
    #[allow(dead_code)]
    page: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Search {
    #[allow(dead_code)]
    page: Option<u32>,
    #[serde(alias = "q")]
    #[allow(dead_code)]
    text: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    #[allow(dead_code)]
    page: Option<u32>,
}

type All = BTreeMap<String, String>;

#[cache_page(60, query = ["page"])]
async fn page(origin: Origin, query: Query<Page>) -> String {
    format!("{} {query:?}", origin.count())
}

#[cache_page(60, query = ["page"])]
async fn search(origin: Origin, query: Option<Query<Search>>) -> String {
    format!("{} {query:?}", origin.count())
}

#[cache_page(60, query = ["page"])]
async fn strict(origin: Origin, query: Option<Query<Strict>>) -> String {
    format!("{} {query:?}", origin.count())
}

#[cache_page(60, query = ["page"])]
async fn all(origin: Origin, query: Query<All>) -> String {
    format!("{} {query:?}", origin.count())
}

#[cache_page(60, ignore_query = ["utm_*"])]
async fn nested(origin: Origin, (query, ()): (Either<Query<All>, ()>, ())) -> String {
    format!("{} {}", origin.count(), matches!(query, Either::Left(query) if query.contains_key("utm_source")))
}

#[cache_page(60, ignore_query = ["utm_*"])]
async fn by_uri(origin: Origin, uri: Uri) -> String {
    format!("{} {uri}", origin.count())
}

#[cache_page(60, ignore_query = ["utm_*"])]
async fn by_request(origin: Origin, #[unkeyed] request: HttpRequest) -> String {
    format!("{} {}", origin.count(), request.query_string())
}

#[cache_page(60, query = ["page"])]
async fn by_anonymous_request(origin: Origin, #[anonymous] request: HttpRequest) -> String {
    format!("{} {}", origin.count(), request.query_string())
}

#[cache_page(60, ignore_query = ["utm_*"])]
async fn ignoring(origin: Origin, query: Result<Query<Search>, Error>) -> String {
    format!("{} {query:?}", origin.count())
}

fn builder() -> TestAppBuilder {
    TestApp::builder()
        .route("/page", page)
        .route("/search", search)
        .route("/strict", strict)
        .route("/all", all)
        .route("/nested", nested)
        .route("/uri", by_uri)
        .route("/request", by_request)
        .route("/anonymous", by_anonymous_request)
        .route("/ignoring", ignoring)
}

#[actix_web::test]
async fn argument_that_reads_keyed_parameters_ignores_others() {
    let app = builder().start().await;
    for (first, second) in [
        ("/page?page=1", "/page?page=1&utm_source=x"),
        ("/page?page=2", "/page?x&p%61ge=2"),
        ("/search?page=1", "/search?utm_source=x&page=1"),
        ("/ignoring?page=1", "/ignoring?page=1&utm_source=x"),
    ] {
        assert_one_page(&app, first, second).await;
    }
}

#[actix_web::test]
async fn parameter_that_only_an_argument_reads_is_in_the_key() {
    let app = builder().start().await;
    for (first, second) in [
        ("/search?page=1&text=evil", "/search?page=1"),
        ("/search?page=2&q=evil", "/search?page=2"),
        ("/search?page=3&te%78t=evil", "/search?page=3"),
        ("/search?page=4&text=a&q=b", "/search?page=4&text=a"),
        ("/strict?page=1&x=evil", "/strict?page=1"),
        ("/all?page=1&x=evil", "/all?page=1"),
        ("/nested?utm_source=evil", "/nested"),
        ("/uri?utm_source=evil", "/uri"),
        ("/request?utm_source=evil", "/request"),
        ("/anonymous?x=evil", "/anonymous"),
    ] {
        assert_two_pages(&app, first, second).await;
    }
}
