//! Errors of the services inside a middleware.

use std::fmt;

use actix_web::{
    Error, HttpResponse, ResponseError,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{Method, StatusCode},
    middleware::{Next, from_fn},
};
use cache_page::PageCacheMiddleware;

use super::seconds;
use crate::support::TestApp;

type Middleware = fn() -> PageCacheMiddleware;

const MIDDLEWARES: [Middleware; 4] = [
    || PageCacheMiddleware::new(60),
    || PageCacheMiddleware::new(60).statuses(&[404]),
    || PageCacheMiddleware::new(60).stale_if_error(seconds(300)).statuses(&[404]),
    || PageCacheMiddleware::new(60).stale_while_revalidate(seconds(30)),
];

#[derive(Debug)]
struct NotFound;

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not found")
    }
}

impl ResponseError for NotFound {
    fn status_code(&self) -> StatusCode {
        StatusCode::NOT_FOUND
    }
}

async fn not_found(_: ServiceRequest, _: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    Err(NotFound.into())
}

#[actix_web::test]
async fn error_of_an_inner_service_is_passed_on_unchanged() {
    for middleware in MIDDLEWARES {
        let app = TestApp::builder().wrap(|| from_fn(not_found)).wrap(middleware).start().await;
        for _ in 0..3 {
            for method in [Method::GET, Method::HEAD, Method::POST] {
                let error = app.request(method, "/").try_call().await.unwrap_err();
                assert!(error.as_error::<NotFound>().is_some(), "{error:?}");
            }
        }
        assert_eq!((app.pages(), app.cache().stats().requests()), (0, 9));
    }
}

/// An error with a response of its own, which can be rendered once.
fn with_response(code: u16) -> Error {
    let mut response = HttpResponse::build(StatusCode::from_u16(code).unwrap());
    let response = response.insert_header(("location", "/login")).body("not for you");
    InternalError::from_response("not for you", response).into()
}

async fn app_failing_with(code: u16, middleware: Middleware) -> TestApp {
    TestApp::builder()
        .wrap(move || {
            from_fn(move |_: ServiceRequest, _: Next<BoxBody>| async move {
                Err::<ServiceResponse, _>(with_response(code))
            })
        })
        .wrap(middleware)
        .start()
        .await
}

/// As a response of a handler, it would be stored.
#[actix_web::test]
async fn error_with_a_status_that_is_stored_is_not_stored() {
    let app = app_failing_with(301, || PageCacheMiddleware::new(60)).await;
    for _ in 0..2 {
        assert!(app.get("/").try_call().await.is_err());
    }
    assert_eq!(app.pages(), 0);
}

#[actix_web::test]
async fn response_of_an_error_is_left_for_the_outer_services() {
    for code in [301, 401, 404, 503] {
        for middleware in MIDDLEWARES {
            let app = app_failing_with(code, middleware).await;
            for method in [Method::GET, Method::HEAD, Method::POST] {
                let error = app.request(method, "/").try_call().await.unwrap_err();
                let response = error.error_response();
                assert_eq!(response.status(), code);
                assert_eq!(response.headers().get("location").unwrap(), "/login");
            }
        }
    }
}

/// An error whose status is that of its response only.
#[derive(Debug)]
struct Forbidden;

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("forbidden")
    }
}

impl ResponseError for Forbidden {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::Forbidden().finish()
    }
}

async fn forbid_on_request(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if request.headers().contains_key("x-forbid") { Err(Forbidden.into()) } else { next.call(request).await }
}

#[actix_web::test]
async fn error_that_renders_as_a_client_error_is_no_failure() {
    let app = TestApp::builder()
        .uncached()
        .wrap(|| from_fn(forbid_on_request))
        .wrap(|| PageCacheMiddleware::new(60).stale_if_error(seconds(300)))
        .start()
        .await;
    app.get("/").await.assert_stored();
    app.advance(60);
    let error = app.get("/").header("x-forbid", "1").try_call().await.unwrap_err();
    assert!(error.as_error::<Forbidden>().is_some(), "{error:?}");
}
