//! Access checks outside, inside and between middlewares.

use actix_web::{
    Error,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    error::ErrorForbidden,
    http::header::HeaderName,
    middleware::{Next, from_fn},
    web,
};
use cache_page::{PageCacheMiddleware, Reason};

use super::{around, plain, status};
use crate::support::{TestApp, TestRequest};

/// Rejects all requests without an `x-pass`.
async fn check_access(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    match request.headers().contains_key("x-pass") {
        true => next.call(request).await,
        false => Err(ErrorForbidden("not for you")),
    }
}

fn with_pass(app: &TestApp, uri: &str) -> TestRequest {
    app.get(uri).header("x-pass", "1")
}

#[actix_web::test]
async fn access_check_outside_guards_a_stored_page() {
    let app = around(|| PageCacheMiddleware::new(60)).wrap(|| from_fn(check_access)).start().await;
    for is_hit in [false, true, true] {
        assert_eq!(status(app.get("/")).await, 403);
        assert_eq!(with_pass(&app, "/").await.assert_status(200).is_hit(), is_hit);
    }
}

#[actix_web::test]
async fn access_check_inside_guards_by_a_credential_header() {
    let app = TestApp::builder()
        .uncached()
        .cache(|cache| cache.credential_header(HeaderName::from_static("x-pass")))
        .wrap(|| from_fn(check_access))
        .wrap(|| PageCacheMiddleware::new(60))
        .start()
        .await;
    for _ in 0..3 {
        assert_eq!(status(app.get("/")).await, 403);
        with_pass(&app, "/").await.assert_bypass(Reason::Credentials).assert_status(200);
    }
}

/// The inner middleware stores the page, and the outer one has none.
#[actix_web::test]
async fn access_check_between_two_middlewares_guards_a_stored_page() {
    let app = TestApp::builder()
        .configure(|config| {
            let scope = web::scope("/scope").wrap(PageCacheMiddleware::new(60)).wrap(from_fn(check_access));
            config.service(scope.default_service(web::to(plain)));
        })
        .wrap(|| PageCacheMiddleware::new(60))
        .start()
        .await;
    for is_hit in [false, true] {
        assert_eq!(with_pass(&app, "/scope/a").await.assert_status(200).is_hit(), is_hit);
        assert_eq!(status(app.get("/scope/a")).await, 403);
    }
}
