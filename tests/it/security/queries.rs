//! Query parameters that are left out of the key get into no page.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest,
    http::Uri,
    middleware::NormalizePath,
    web::{self, Query},
};
use cache_page::{PageCache, PageCacheBuilder, PageCacheMiddleware, cache_page};

use crate::support::{Origin, TestApp, TestAppBuilder};

type All = BTreeMap<String, String>;

/// Shows the query, however it is read.
fn query_of(request: &HttpRequest) -> String {
    let all = Query::<All>::from_query(request.query_string());
    format!(
        "{} {} {} {} {:?}",
        request.uri(),
        request.full_url(),
        request.match_info().get_ref().uri(),
        request.connection_info().host(),
        all.map(Query::into_inner).ok()
    )
}

async fn shown(request: HttpRequest, uri: Uri, query: Query<All>, origin: Origin) -> String {
    origin.count();
    format!("{} {uri} {query:?}", query_of(&request))
}

#[cache_page(60, ignore_query = ["utm_*"])]
async fn anonymous(#[anonymous] request: HttpRequest) -> String {
    query_of(&request)
}

#[cache_page(60, query = ["a", "b"])]
async fn unkeyed(#[unkeyed] request: HttpRequest) -> String {
    query_of(&request)
}

#[cache_page(60, ignore_query = ["utm_*"])]
async fn nested(#[unkeyed] (_, request): (web::Path<()>, Option<HttpRequest>)) -> String {
    request.as_ref().map(query_of).unwrap_or_default()
}

#[cache_page(60, ignore_query = ["utm_*"])]
async fn by(#[key(by = |request| request.path().len())] request: HttpRequest) -> String {
    query_of(&request)
}

#[cache_page(60)]
async fn plain(#[unkeyed] request: HttpRequest) -> String {
    query_of(&request)
}

#[cache_page(60)]
async fn by_uri(uri: Uri) -> String {
    uri.to_string()
}

#[cache_page(60)]
async fn by_query(query: Query<All>) -> String {
    format!("{query:?}")
}

/// An application whose pages show the query: with the attribute, and in middlewares.
fn builder() -> TestAppBuilder {
    TestApp::builder()
        .route("/anonymous", anonymous)
        .route("/unkeyed", unkeyed)
        .route("/nested", nested)
        .route("/by", by)
        .route("/plain", plain)
        .route("/uri", by_uri)
        .route("/query", by_query)
        .configure(|config| {
            let ignoring = PageCacheMiddleware::new(60).ignore_query(&["utm_*"]);
            config.service(web::resource("/ignoring").wrap(ignoring).to(shown));
            let selecting = PageCacheMiddleware::new(60).query(&["a", "b"]);
            config.service(web::resource("/selecting/{id}").wrap(selecting).to(shown));
            config.service(web::resource("/all").wrap(PageCacheMiddleware::new(60)).to(shown));
        })
        .wrap(NormalizePath::trim)
}

const PATHS: [&str; 10] = [
    "/anonymous",
    "/unkeyed",
    "/nested",
    "/by",
    "/plain",
    "/uri",
    "/query",
    "/ignoring",
    "/selecting/%C3%A9%2F1",
    "/all",
];

/// Queries that a client sends to put something into the page of others, or that others send.
const QUERIES: [&str; 20] = [
    "",
    "?",
    "?a=1",
    "?utm_source=evil",
    "?utm%5Fsource=evil",
    "?ut%6D_source=evil&a=1",
    "?a=1&utm_source=evil",
    "?a=1&&utm_source=evil&",
    "?utm_source=evil&a=1&b=2",
    "?b=2&a=1",
    "?a=1&b=2&utm_=evil",
    "?a=%31",
    "?a={evil'",
    "?a=%7Bevil%27",
    "?a=1+1&utm_x=evil",
    "?a=1%201",
    "?a",
    "?a=",
    "?c=evil&utm_x=evil",
    "?a=%ff&utm_x=evil",
];

/// Whatever was requested before, a visitor is sent what an empty cache would send.
async fn assert_pages_of_an_empty_cache(cache: fn(PageCacheBuilder) -> PageCacheBuilder) {
    for path in PATHS {
        let mut expected = Vec::new();
        for query in QUERIES {
            let app = builder().cache(cache).start().await;
            expected.push(app.get(&format!("{path}{query}")).await.text().to_owned());
        }
        for attack in QUERIES {
            let app = builder().cache(cache).start().await;
            app.get(&format!("{path}{attack}")).await;
            for (victim, expected) in QUERIES.iter().zip(&expected) {
                let response = app.get(&format!("{path}{victim}")).await;
                assert_eq!(response.text(), expected, "{path}{victim} after {attack}");
            }
        }
    }
}

#[actix_web::test]
async fn ignored_parameter_gets_into_no_page() {
    assert_pages_of_an_empty_cache(|cache| cache).await;
}

#[actix_web::test]
async fn parameter_that_the_cache_ignores_gets_into_no_page() {
    assert_pages_of_an_empty_cache(|cache| cache.ignore_query(["b*"]).ignore_tracking_query(true)).await;
}

#[actix_web::test]
async fn services_in_a_middleware_see_the_keyed_parameters_only() {
    let app = builder().start().await;
    let response = app.get("/ignoring?utm_source=x&b=2&a=1").await;
    response.assert_stored().assert_body(
        "/ignoring?a=1&b=2 http://localhost:8080/ignoring?a=1&b=2 /ignoring?a=1&b=2 localhost:8080 \
         Some({\"a\": \"1\", \"b\": \"2\"}) /ignoring?a=1&b=2 Query({\"a\": \"1\", \"b\": \"2\"})",
    );
    for other in ["/ignoring?a=1&b=2", "/ignoring?b=2&utm%5Fid=y&a=1"] {
        app.get(other).await.assert_hit();
    }
    assert!(!app.get("/ignoring?utm_source=x").await.text().contains('?'));
    // A request that bypasses the cache reaches the service as it was sent.
    let response = app.get("/ignoring?utm_source=x").header("authorization", "a").await;
    assert!(response.text().starts_with("/ignoring?utm_source=x "), "{response:?}");
}

#[actix_web::test]
async fn route_parameters_stay_when_a_parameter_is_removed() {
    async fn id(path: web::Path<(String, String)>, request: HttpRequest) -> String {
        format!("{} {} {}", path.0, path.1, request.uri())
    }
    let app = TestApp::builder().configure(|config| {
        let middleware = PageCacheMiddleware::new(60).ignore_query(&["utm_*"]);
        config.service(web::scope("/s/{name}").wrap(middleware).route("/{id}", web::get().to(id)));
    });
    let app = app.start().await;
    app.get("/s/a%20b/%C3%A9?utm_x=1").await.assert_stored().assert_body("a b é /s/a%20b/%C3%A9");
}

#[test]
#[should_panic(
    expected = "the name \"*\" of a query parameter is not valid: `*` alone stands for every name"
)]
fn invalid_pattern_of_a_parameter_panics() {
    drop(PageCache::builder().ignore_query(["*"]));
}
