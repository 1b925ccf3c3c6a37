//! Stored responses with a body, with an empty one and without one, on a socket.

use actix_web::{HttpResponse, Responder};
use cache_page::cache_page;

use crate::support::{TestApp, TestResponse, pipeline};

#[cache_page(60)]
async fn without_a_body() -> impl Responder {
    HttpResponse::MovedPermanently().insert_header(("location", "/page")).finish()
}

#[cache_page(60)]
async fn empty_body() -> impl Responder {
    ""
}

#[cache_page(60)]
async fn page() -> impl Responder {
    "page"
}

const PATHS: [&str; 3] = ["/without-a-body", "/empty-body", "/page"];

fn app() -> TestApp {
    TestApp::builder()
        .route("/without-a-body", without_a_body)
        .route("/empty-body", empty_body)
        .route("/page", page)
        .serve()
}

/// The last response of a connection closes it, which adds a header.
fn headers(response: &TestResponse) -> Vec<(String, Vec<u8>)> {
    let mut headers = response.stored_headers();
    headers.retain(|(name, _)| name != "connection");
    headers
}

#[actix_web::test]
async fn hit_on_a_socket_is_the_same_as_the_stored_response() {
    let app = app();
    for path in PATHS {
        let first = app.get(path).await;
        first.assert_stored();
        for hit in pipeline(&app.get(path).times(2)).await {
            hit.assert_hit().assert_status(first.status).assert_body(&first.body);
            assert_eq!(headers(&hit), headers(&first), "{path}");
        }
    }
}

#[actix_web::test]
async fn head_request_on_a_socket_gets_the_length_of_the_page() {
    let app = app();
    for path in PATHS {
        let first = app.get(path).await;
        let head = app.head(path).await;
        head.assert_hit();
        assert_eq!(head.header("content-length"), first.header("content-length"), "{head:?}");
    }
}
