//! URLs that look alike.

use std::future::{Ready, ready};

use actix_web::{
    Error, FromRequest, HttpRequest,
    body::BoxBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::Uri,
    middleware::{Next, NormalizePath, TrailingSlash, from_fn},
    web,
};
use cache_page::{KeyInput, cache_page};

use crate::support::{Origin, TestApp};

/// An extractor of a user that reads what routing found in the path.
struct Language(String);

impl FromRequest for Language {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.match_info().query("language").to_owned())))
    }
}

/// The path is in the key.
impl KeyInput for Language {}

/// Changes the URL and leaves the path that routing reads.
async fn rewrite(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    request.head_mut().uri = Uri::from_static("/page");
    next.call(request).await
}

#[actix_web::test]
async fn path_that_a_middleware_rewrote_for_some_is_in_the_key() {
    #[cache_page(60)]
    async fn path(language: web::Path<String>) -> String {
        language.into_inner()
    }
    #[cache_page(60)]
    async fn own(language: Language) -> String {
        language.0
    }
    let app = TestApp::builder()
        .route("/{language}/path", path)
        .route("/{language}/own", own)
        .wrap(|| from_fn(rewrite))
        .start()
        .await;
    for language in ["en", "de", "en", "de"] {
        for page in ["path", "own"] {
            app.get(&format!("/{language}/{page}")).await.assert_body(language);
        }
    }
}

type Pairs = web::Query<Vec<(String, String)>>;

#[cache_page(60)]
async fn parsed(tail: web::Path<String>, query: Result<Pairs, Error>, uri: Uri) -> String {
    format!("{tail} {query:?} {uri}")
}

#[actix_web::test]
async fn url_gets_the_page_that_an_empty_cache_would_give_it() {
    let start = async || TestApp::builder().route("/{tail:.*}", parsed).start().await;
    let app = start().await;
    let urls = [
        "/item/1",
        "/item/10",
        "/item/1/",
        "/item//1",
        "/item/./1",
        "/item/%31",
        "/item%2F1",
        "/ITEM/1",
        "/item/1;a=1",
        "/item/1?",
        "/item/1?a",
        "/item/1?a=",
        "/item/1?a=1",
        "/item/1?a=1&a=2",
        "/item/1?a=2&a=1",
        "/item/1?A=1",
        "/item/1?%61=1",
        "/item/1?a=%31",
        "/item/1?a=1%1Ea=2",
        "/item/1?a=1%26a=2",
        "/item/1?a=1;a=2",
        "/item/1?a=+",
        "/item/1?a=%20",
        "/item/1?a=%2B",
        "/item/1?a=%2F",
        "/item/1?a=/",
        "/item/1?a=%00",
        "/item/1?a=1%00",
        "/item/1?a=%FF",
        "/item/1??a=1",
        "/item/1?&a=1",
        "/item/1?a=1&",
        "/item/1?a=1&b",
        "/item/1%3Fa=1",
    ];
    for round in 0..2 {
        for url in urls {
            let response = app.get(url).await;
            response.assert_body(start().await.get(url).await.body);
            assert_eq!(response.is_hit(), round == 1, "{response:?}");
        }
    }
}

#[cache_page(60)]
async fn full_url(#[anonymous] request: HttpRequest, origin: Origin) -> String {
    format!("{} {}", origin.count(), request.full_url())
}

#[actix_web::test]
async fn urls_and_hosts_that_look_alike_have_their_own_pages() {
    let app = TestApp::builder().route("/{tail:.*}", full_url).start().await;
    let requests: [(&str, &[(&str, &str)]); 21] = [
        ("/item/1", &[]),
        ("/item/10", &[]),
        ("/item/1/", &[]),
        ("/item/1?", &[]),
        ("/item/1?a=1", &[]),
        ("/item/1?a=1&b=2", &[]),
        ("/item/1?b=2&a=1", &[]),
        ("/item/1?a=1&a=1", &[]),
        ("/item/1?a=%31", &[]),
        ("/item/%31", &[]),
        ("/item%2F1", &[]),
        ("/item/1?a=1%1Eb=2", &[]),
        ("/item/1?a=1;b=2", &[]),
        ("/item/1?a=+", &[]),
        ("/item/1?a=%20", &[]),
        ("/item/1", &[("host", "one.example")]),
        ("/item/1", &[("host", "one.example:80")]),
        ("/item/1", &[("x-forwarded-host", "evil.example")]),
        ("/item/1", &[("x-forwarded-proto", "https")]),
        ("/item/1", &[("forwarded", "host=other.example")]),
        ("/item/1", &[("forwarded", "proto=https;host=other.example")]),
    ];
    let mut bodies = Vec::new();
    for (uri, headers) in requests {
        let response = app.get(uri).headers(headers).await;
        response.assert_stored();
        bodies.push(response.body);
    }
    for ((uri, headers), body) in requests.into_iter().zip(bodies) {
        app.get(uri).headers(headers).await.assert_hit().assert_body(body);
    }
}

#[cache_page(60)]
async fn item(name: web::Path<String>, #[unkeyed] request: HttpRequest) -> String {
    format!("{name} {}", request.uri())
}

#[actix_web::test]
async fn spellings_that_a_middleware_normalizes_share_a_page() {
    for (mode, path, spellings, others) in [
        (TrailingSlash::Trim, "/item/1", &["/item/1/", "//item//1", "/item/1//"][..], &["/item/10"][..]),
        (TrailingSlash::Always, "/item/1/", &["/item/1", "//item/1", "/item/1///"], &["/item/10"]),
        (TrailingSlash::MergeOnly, "/item/1", &["//item/1", "/item///1"], &["/item/10", "/item/1/"]),
    ] {
        let app = TestApp::builder()
            .route("/item/{name}", item)
            .route("/item/{name}/", item)
            .wrap(move || NormalizePath::new(mode))
            .start()
            .await;
        app.get(path).await.assert_stored();
        for spelling in spellings {
            app.get(spelling).await.assert_hit().assert_body(format!("1 {path}"));
            app.get(&format!("{spelling}?a=//")).await.assert_body(format!("1 {path}?a=//"));
        }
        for other in others {
            let response = app.get(other).await;
            response.assert_stored();
            assert!(!response.text().ends_with(path), "{mode:?}: {response:?}");
        }
        assert_eq!(app.pages(), 2 + others.len(), "{mode:?}");
    }
}

/// A forwarding chain identifies each visitor, and no page depends on it.
#[actix_web::test]
async fn address_in_a_forwarding_chain_is_not_in_the_key() {
    #[cache_page(60, key_prefix = "v1")]
    async fn page() -> &'static str {
        "page"
    }
    let app = TestApp::builder().route("/", page).start().await;
    app.get("/").header("forwarded", "for=192.0.2.1;proto=https;host=a").await.assert_stored();
    app.get("/").header("forwarded", "for=192.0.2.2;proto=https;host=a").await.assert_hit();
}
