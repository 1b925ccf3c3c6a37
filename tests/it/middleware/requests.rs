//! Bodies of requests.

use actix_web::{
    Error, Responder,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header::CONTENT_LENGTH},
    middleware::{Next, from_fn},
    web::{self, Bytes},
};
use cache_page::{PageCacheMiddleware, Reason};

use super::{around, around_for_a_minute, seconds};
use crate::support::{TestAppBuilder, settle};

async fn echo(body: Bytes) -> Bytes {
    body
}

async fn form(form: web::Form<Vec<(String, String)>>) -> impl Responder {
    format!("{:?}", form.into_inner())
}

#[actix_web::test]
async fn body_of_a_write_reaches_its_handler() {
    let app = around_for_a_minute().route("/echo", echo).route("/form", form).start().await;
    let body = vec![b'x'; 100_000];
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let response = app.request(method, "/echo").body(body.clone()).await;
        response.assert_bypass(Reason::Method).assert_body(&body);
    }
    let filled = app.post("/form").header("content-type", "application/x-www-form-urlencoded");
    filled.body("a=1").await.assert_body("[(\"a\", \"1\")]");
}

async fn quote(body: String) -> String {
    format!("page for {body:?}")
}

fn quoting(middleware: fn() -> PageCacheMiddleware) -> TestAppBuilder {
    around(middleware).route("/", quote)
}

async fn remove_content_length(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    request.headers_mut().remove(CONTENT_LENGTH);
    next.call(request).await
}

/// As [`quoting`], without the `Content-Length` that the requests of the tests have.
fn quoting_without_length(middleware: fn() -> PageCacheMiddleware) -> TestAppBuilder {
    quoting(middleware).wrap(|| from_fn(remove_content_length))
}

#[actix_web::test]
async fn get_request_with_a_body_bypasses_the_cache() {
    let for_a_minute = || PageCacheMiddleware::new(60);
    for (app, name, value) in [
        (quoting(for_a_minute), "content-length", "4"),
        (quoting_without_length(for_a_minute), "transfer-encoding", "chunked"),
    ] {
        let app = app.start().await;
        for _ in 0..2 {
            let with_body = app.get("/").header(name, value).body("evil").await;
            with_body.assert_bypass(Reason::Body).assert_body("page for \"evil\"");
            app.get("/").await.assert_body("page for \"\"");
        }
        app.get("/").await.assert_hit();
    }
}

/// Over HTTP/2, no header announces a body.
#[actix_web::test]
async fn body_without_a_header_is_not_in_a_stored_page() {
    let app = quoting_without_length(|| PageCacheMiddleware::new(60)).start().await;
    app.get("/").body("evil").await.assert_stored().assert_body("page for \"\"");
    app.get("/").await.assert_hit().assert_body("page for \"\"");
}

#[actix_web::test]
async fn body_without_a_header_is_not_in_a_refreshed_page() {
    let middleware = || PageCacheMiddleware::new(60).stale_while_revalidate(seconds(30));
    let app = quoting_without_length(middleware).start().await;
    app.get("/").await.assert_stored();
    app.advance(60);
    app.get("/").body("evil").await.assert_stale(Reason::StaleWhileRevalidate);
    settle().await;
    app.get("/").await.assert_hit().assert_ttl(60).assert_body("page for \"\"");
}

#[actix_web::test]
async fn get_request_with_an_empty_body_is_a_hit() {
    let app = quoting(|| PageCacheMiddleware::new(60)).start().await;
    app.get("/").await.assert_stored();
    app.get("/").header("content-length", "0").await.assert_hit();
}
