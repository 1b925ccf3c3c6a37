//! Stale pages (RFC 5861): served while they are refreshed, or if the handler fails.

use actix_web::{
    Error, HttpResponse,
    http::{StatusCode, header::SET_COOKIE},
};
use cache_page::cache_page;

use crate::support::{Call, Origin, TestApp, TestAppBuilder};

mod directives;
mod on_error;
mod page_control;
mod refresh_ahead;
mod refresh_failures;
mod requests;
mod revalidation;
mod withdrawn;

/// A page with a window of 30 seconds in which it is served while it is refreshed.
const REFRESHED: &str = "/refreshed";

/// A page with a window of 300 seconds in which it is served if the handler fails.
const KEPT_ON_ERROR: &str = "/kept-on-error";

/// A page with both windows.
const BOTH: &str = "/both";

/// A page without a window.
const PLAIN: &str = "/plain";

#[cache_page(60, stale_while_revalidate = 30)]
async fn refreshed(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[cache_page(60, stale_if_error = 300)]
async fn kept_on_error(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[cache_page(60, stale_while_revalidate = 30, stale_if_error = 300)]
async fn both(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

fn site() -> TestAppBuilder {
    TestApp::builder().route(REFRESHED, refreshed).route(KEPT_ON_ERROR, kept_on_error).route(BOTH, both)
}

type Handler = fn(&Call) -> Result<HttpResponse, Error>;

fn page(call: &Call) -> Result<HttpResponse, Error> {
    Ok(HttpResponse::Ok().body(format!("page {}", call.run)))
}

/// Returns a handler that sends a page with this `Cache-Control`.
fn page_with(directives: &'static str) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |call| {
        let mut response = HttpResponse::Ok();
        response.insert_header(("cache-control", directives)).body(format!("page {}", call.run))
    }
}

fn page_with_a_cookie(call: &Call) -> Result<HttpResponse, Error> {
    Ok(HttpResponse::Ok().insert_header((SET_COOKIE, "id=1")).body(format!("page {}", call.run)))
}

/// Returns a handler that responds with this status.
fn status(code: u16) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |call| {
        HttpResponse::build(StatusCode::from_u16(code).unwrap()).body(format!("response {}", call.run))
    }
}

fn panics(_: &Call) -> Result<HttpResponse, Error> {
    panic!("the handler panics on purpose")
}
