//! `PageCacheMiddleware`: the cache around an App, a scope or a resource.

use std::time::Duration;

use actix_web::{Error, HttpRequest, HttpResponse};
use cache_page::PageCacheMiddleware;

use crate::support::{Call, Origin, TestApp, TestAppBuilder, TestRequest};

mod access_checks;
mod coalescing;
mod errors;
mod handlers;
mod head;
mod isolation;
mod keys;
mod nesting;
mod options;
mod parity;
mod placement;
mod refresh;
mod requests;
mod routing;
mod site;
mod stale_on_error;
mod storability;
mod variants;
mod write_references;
mod writes;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A handler without a cache of its own.
async fn plain(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

/// Shows everything that a handler can read of the head of a request.
fn shown(call: &Call) -> HttpResponse {
    show(call.run, &call.request)
}

fn show(run: u64, request: &HttpRequest) -> HttpResponse {
    HttpResponse::Ok().body(format!("{run} {} {:?}", request.uri(), request.headers()))
}

/// An application with this middleware around it, whose handler has no cache of its own.
fn around(middleware: impl Fn() -> PageCacheMiddleware + Send + Sync + 'static) -> TestAppBuilder {
    TestApp::builder().uncached().wrap(middleware)
}

/// An application with a middleware without options around it.
fn around_for_a_minute() -> TestAppBuilder {
    around(|| PageCacheMiddleware::new(60))
}

/// Returns the status of a response, or of the error of a service.
async fn status(request: TestRequest) -> u16 {
    match request.try_call().await {
        Ok(response) => response.status().as_u16(),
        Err(error) => error.as_response_error().status_code().as_u16(),
    }
}
