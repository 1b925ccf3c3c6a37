//! The options `query` and `ignore_query`, and the query without them.

use actix_web::web;
use cache_page::cache_page;
use serde::Deserialize;

use super::{assert_one_page, assert_two_pages};
use crate::support::{Origin, TestApp};

#[cache_page(60, query = ["page", "tag"])]
async fn only(origin: Origin) -> String {
    origin.count().to_string()
}

#[actix_web::test]
async fn query_option_ignores_other_parameters_and_spelling() {
    let app = TestApp::builder().route("/", only).start().await;
    for (first, second) in [
        ("/?page=1&tag=a", "/?tag=a&page=1"),
        ("/?page=2", "/?x=1&page=2&utm_source=y&PAGE=3"),
        ("/?page=3", "/?page=%33"),
        ("/?page=4+5", "/?page=4%205"),
        ("/", "/?"),
        ("/", "/?x=1"),
        ("/?page=6", "/?&&page=6&"),
    ] {
        assert_one_page(&app, first, second).await;
    }
}

#[actix_web::test]
async fn query_option_has_a_page_for_each_set_of_values() {
    let app = TestApp::builder().route("/", only).start().await;
    for (first, second) in [
        ("/?tag=a&tag=b", "/?tag=b&tag=a"),
        ("/?tag=c", "/?tag=c&tag=c"),
        ("/?tag=", "/?page="),
        ("/?page=7%26tag=d", "/?page=7&tag=d"),
    ] {
        assert_two_pages(&app, first, second).await;
    }
}

#[derive(Deserialize)]
struct Paged {
    page: Option<String>,
}

#[cache_page(60, query = ["page"])]
async fn paged(query: web::Query<Paged>) -> String {
    format!("{:?}", query.page)
}

/// A client cannot name a parameter so that only the handler reads it.
#[actix_web::test]
async fn parameter_cannot_be_hidden_from_the_key() {
    for attack in ["/?p%61ge=evil", "/?%70%61%67%65=evil", "/?x&p%61ge=evil", "/?page%3D=x&p%61ge=evil"] {
        let app = TestApp::builder().route("/", paged).start().await;
        app.get(attack).await.assert_body("Some(\"evil\")");
        for uri in ["/", "/?x"] {
            assert_eq!(app.get(uri).await.text(), "None", "{uri} after {attack}");
        }
        assert!(app.get("/?page=evil").await.is_hit(), "after {attack}");
    }
}

#[cache_page(60, query = [])]
async fn none() -> &'static str {
    "page"
}

#[actix_web::test]
async fn empty_query_option_ignores_the_query() {
    let app = TestApp::builder().route("/", none).start().await;
    assert_one_page(&app, "/", "/?a=1").await;
    assert_one_page(&app, "/?", "/?b=1&c=2").await;
}

#[cache_page(60, ignore_query = ["utm_*", "ref"])]
async fn ignoring(origin: Origin) -> String {
    origin.count().to_string()
}

#[actix_web::test]
async fn ignore_query_ignores_parameters_by_name_and_pattern() {
    let app = TestApp::builder().route("/", ignoring).start().await;
    for (first, second) in [
        ("/", "/?utm_source=a&utm_=b&ref=c"),
        ("/", "/?"),
        ("/?a=1&b=2", "/?b=2&ref=x&a=1"),
        ("/?a=3", "/?ut%6d_x=1&a=3&r%65f=2"),
    ] {
        assert_one_page(&app, first, second).await;
    }
}

#[actix_web::test]
async fn ignore_query_has_a_page_for_each_set_of_other_values() {
    let app = TestApp::builder().route("/", ignoring).start().await;
    for (first, second) in [
        ("/?a=4&a=5", "/?a=5&a=4"),
        ("/?a=6", "/?a=6&a=6"),
        ("/?refs=1", "/?utm=1"),
        ("/?c=7%26d=8", "/?c=7&d=8"),
        ("/?e", "/?=e"),
    ] {
        assert_two_pages(&app, first, second).await;
    }
}

#[actix_web::test]
async fn query_without_an_option_counts_as_it_was_sent() {
    let app = TestApp::new().await;
    for (first, second) in [("/", "/?"), ("/?a=1&b=2", "/?b=2&a=1"), ("/?a", "/?%61")] {
        assert_two_pages(&app, first, second).await;
    }
}
