//! What a page counts. An empty body is no reason not to count: requests can add keys and headers without limit.

use actix_web::{HttpRequest, HttpResponse};
use cache_page::cache_page;

use super::weight;
use crate::support::{Call, TestApp};

fn empty(_: &Call) -> HttpResponse {
    HttpResponse::MovedPermanently().finish()
}

#[actix_web::test]
async fn empty_page_counts_at_least_512_bytes() {
    let bytes = weight("/", empty).await;
    assert!(bytes >= 512, "{bytes}");
}

/// Checks that the page counts at least as many bytes more than an empty one.
async fn assert_counts(
    bytes: usize,
    uri: &str,
    handler: impl Fn(&Call) -> HttpResponse + Send + Sync + 'static,
) {
    let (empty, page) = (weight("/", empty).await, weight(uri, handler).await);
    assert!(page >= empty + bytes, "{page} bytes, and {empty} for an empty page");
}

#[actix_web::test]
async fn key_of_a_page_counts() {
    assert_counts(1000, &format!("/?{}", "k".repeat(1000)), empty).await;
}

#[actix_web::test]
async fn body_of_a_page_counts() {
    assert_counts(1000, "/", |_| HttpResponse::MovedPermanently().body(vec![b'x'; 1000])).await;
}

#[actix_web::test]
async fn value_of_a_header_counts() {
    let handler =
        |_: &Call| HttpResponse::MovedPermanently().insert_header(("x-long", "v".repeat(1000))).finish();
    assert_counts(1000, "/", handler).await;
}

/// The name, the value, and what it takes to store them.
#[actix_web::test]
async fn each_of_many_headers_counts() {
    let name = |number| format!("x-header-of-number-{number:03}");
    let handler = move |_: &Call| {
        let mut response = HttpResponse::MovedPermanently();
        for number in 0..100 {
            response.append_header((name(number), "v"));
        }
        response.finish()
    };
    assert_counts(100 * (name(0).len() + 1 + 64), "/", handler).await;
}

/// The page is only for requests without credentials, so `Vary` does not make variants of it.
#[actix_web::test]
async fn vary_of_an_anonymous_page_costs_no_second_key() {
    #[cache_page(60)]
    async fn without_vary(#[anonymous] _request: HttpRequest) -> HttpResponse {
        HttpResponse::Ok().insert_header(("x-same", "authorization, x-api-key")).finish()
    }
    #[cache_page(60)]
    async fn with_vary(#[anonymous] _request: HttpRequest) -> HttpResponse {
        HttpResponse::Ok().insert_header(("vary", "authorization, x-api-key")).finish()
    }
    let app = TestApp::builder().route("/one", without_vary).route("/two", with_vary).start().await;
    app.get("/one").await.assert_stored();
    let one = app.bytes();
    app.get("/two").await.assert_stored();
    assert!(app.bytes() <= 2 * one, "{} bytes, and {one} for the page without Vary", app.bytes());
}
