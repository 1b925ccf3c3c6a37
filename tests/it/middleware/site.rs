//! A site with scopes, path parameters and other middlewares inside a `PageCacheMiddleware`.

use std::{
    ops::Deref,
    sync::atomic::{AtomicU16, Ordering},
};

use actix_web::{
    Error, HttpResponse,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    middleware::{Compress, Logger, Next, NormalizePath, from_fn},
    web::{self, ServiceConfig},
};
use cache_page::PageCacheMiddleware;

use super::seconds;
use crate::support::{Call, Origin, TestApp, TestAppBuilder};

/// The page of the site.
pub(super) const PAGE: &str = "/a/posts/1";

/// What [`PAGE`] sends as `x-route`.
pub(super) const ROUTE: &str = "a 1 of the scope";

/// An application with a site inside its middlewares, whose fills time out after two seconds.
pub(super) struct Site {
    app: TestApp,
    fault: web::Data<Fault>,
}

/// The status of the error that an inner middleware returns, or 0 if it does not fail.
#[derive(Default)]
struct Fault(AtomicU16);

/// A failure inside the middleware.
pub(super) type Failure = fn(&Site);

impl Site {
    /// Starts a site with these middlewares around it.
    pub(super) async fn start(wrap: impl FnOnce(TestAppBuilder) -> TestAppBuilder) -> Self {
        let fault = web::Data::<Fault>::default();
        let data = web::Data::clone(&fault);
        let builder =
            TestApp::builder().cache(|cache| cache.fill_timeout(seconds(2))).configure(move |config| {
                config.app_data(data.clone());
                let scope = web::scope("/{name}")
                    .wrap(from_fn(fail))
                    .wrap(NormalizePath::trim())
                    .wrap(Logger::default())
                    .wrap(Compress::default());
                config.service(scope.configure(posts));
            });
        Self { app: wrap(builder).start().await, fault }
    }

    /// Lets an inner middleware return an error with this status.
    pub(super) fn fail_inside(&self, code: u16) {
        self.fault.0.store(code, Ordering::SeqCst);
    }

    /// Ends all failures.
    pub(super) async fn recover(&self) {
        self.fail_inside(0);
        self.set_handler(page);
        self.resume().await;
    }

    /// Returns how many background refreshes have stored a page.
    pub(super) fn refreshes(&self) -> u64 {
        refreshes(&self.app)
    }
}

impl Deref for Site {
    type Target = TestApp;

    fn deref(&self) -> &TestApp {
        &self.app
    }
}

pub(super) fn refreshes(app: &TestApp) -> u64 {
    app.cache().stats().handlers().map(|(_, counts)| counts.refreshes()).sum()
}

/// Adds the pages to a scope with a parameter `name`.
pub(super) fn posts(config: &mut ServiceConfig) {
    config.app_data(web::Data::new("of the scope"));
    config.service(web::scope("/posts").app_data(web::Data::new(1_u64)).route("/{id}", web::to(post)));
}

async fn post(
    path: web::Path<(String, u64)>,
    scope: web::Data<&'static str>,
    origin: Origin,
) -> Result<HttpResponse, Error> {
    let mut response = origin.respond().await?;
    let route = format!("{} {} {}", path.0, path.1, scope.get_ref());
    response.headers_mut().insert(HeaderName::from_static("x-route"), HeaderValue::try_from(route).unwrap());
    Ok(response)
}

async fn fail(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    let code = request.app_data::<web::Data<Fault>>().unwrap().0.load(Ordering::SeqCst);
    match StatusCode::from_u16(code) {
        Ok(status) => Err(InternalError::new("fails on purpose", status).into()),
        Err(_) => next.call(request).await,
    }
}

fn page(call: &Call) -> HttpResponse {
    HttpResponse::Ok().body(format!("page {}", call.run))
}

/// Lets the handler respond with this status.
pub(super) fn respond_with(site: &Site, code: u16) {
    let status = StatusCode::from_u16(code).unwrap();
    site.set_handler(move |call| HttpResponse::build(status).body(format!("response {}", call.run)));
}

pub(super) fn set_a_cookie(site: &Site) {
    site.set_handler(|call| {
        HttpResponse::Ok().insert_header(("set-cookie", "id=1")).body(format!("page {}", call.run))
    });
}

pub(super) fn panic(site: &Site) {
    site.set_handler(|_| -> HttpResponse { panic!("the handler panics on purpose") });
}

/// A middleware that refreshes stale pages in the background.
pub(super) fn refreshing() -> PageCacheMiddleware {
    PageCacheMiddleware::new(60).stale_while_revalidate(seconds(30))
}
