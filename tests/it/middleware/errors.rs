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
    let middlewares: [fn() -> PageCacheMiddleware; 4] = [
        || PageCacheMiddleware::new(60),
        || PageCacheMiddleware::new(60).statuses(&[404]),
        || PageCacheMiddleware::new(60).stale_if_error(seconds(300)).statuses(&[404]),
        || PageCacheMiddleware::new(60).stale_while_revalidate(seconds(30)),
    ];
    for middleware in middlewares {
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

async fn redirect(_: ServiceRequest, _: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = HttpResponse::MovedPermanently().insert_header(("location", "/login")).finish();
    Err(InternalError::from_response("not for you", response).into())
}

/// As a response of a handler, it would be stored.
#[actix_web::test]
async fn error_with_a_status_that_is_stored_is_not_stored() {
    let app =
        TestApp::builder().wrap(|| from_fn(redirect)).wrap(|| PageCacheMiddleware::new(60)).start().await;
    for _ in 0..2 {
        assert!(app.get("/").try_call().await.is_err());
    }
    assert_eq!(app.pages(), 0);
}
