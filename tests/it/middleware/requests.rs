//! Bodies and methods of requests.

use actix_web::{
    Error, Responder,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::Method,
    middleware::{Next, from_fn},
    web::{self, Bytes},
};
use cache_page::{PageCacheMiddleware, Reason};

use super::{around_for_a_minute, shown};
use crate::support::TestApp;

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

#[actix_web::test]
async fn get_request_with_a_body_bypasses_the_cache() {
    let app = around_for_a_minute().route("/", quote).start().await;
    for (name, value, body) in [("content-length", "4", "evil"), ("transfer-encoding", "chunked", "many")] {
        for _ in 0..2 {
            let with_body = app.get("/").header(name, value).body(body).await;
            with_body.assert_bypass(Reason::Body).assert_body(format!("page for {body:?}"));
            app.get("/").await.assert_body("page for \"\"");
        }
    }
    app.get("/").await.assert_hit();
}

/// HTTP/2 has no header for the body.
#[actix_web::test]
async fn body_without_a_header_is_not_in_a_stored_page() {
    let app = around_for_a_minute().route("/", quote).start().await;
    let with_body = app.get("/").body("evil").await;
    assert!(["page for \"\"", "page for \"evil\""].contains(&with_body.text()), "{with_body:?}");
    app.get("/").await.assert_body("page for \"\"");
}

#[actix_web::test]
async fn get_request_with_an_empty_body_is_a_hit() {
    let app = around_for_a_minute().route("/", quote).start().await;
    app.get("/").await.assert_stored();
    app.get("/").header("content-length", "0").await.assert_hit();
}

/// As frameworks do that answer `HEAD` by `GET`.
async fn head_to_get(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    next.call(request).await
}

#[actix_web::test]
async fn head_request_that_an_inner_service_changes_stores_nothing() {
    let app = TestApp::builder()
        .uncached()
        .handler(shown)
        .wrap(|| from_fn(head_to_get))
        .wrap(|| PageCacheMiddleware::new(60))
        .start()
        .await;
    app.head("/").await.assert_not_stored(Reason::Head).assert_status(200);
    let page = app.get("/").await;
    page.assert_stored().assert_status(200);
    assert!(!page.body.is_empty());
    app.head("/").await.assert_hit();
}
