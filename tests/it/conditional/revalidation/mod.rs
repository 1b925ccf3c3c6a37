//! Handlers that respond with 304 to the validators of the stored page, which is fresh again then (RFC 9111 4.3.4).

use actix_web::{Error, HttpResponse};
use cache_page::{PageControl, cache_page};

use crate::support::{Call, Origin, TestApp};

mod busy_cache;
mod confirmed_page;
mod requests;
mod validators;

const PLAIN: &str = "/plain";
const REFRESHED: &str = "/refreshed";
pub(super) const KEPT_ON_ERROR: &str = "/kept-on-error";
const VARYING: &str = "/varying";

#[cache_page(60)]
async fn plain(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

#[cache_page(60, stale_while_revalidate = 30)]
async fn refreshed(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

#[cache_page(60, stale_if_error = 300)]
async fn kept_on_error(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

/// The cache adds a name to the page's `Vary`.
#[cache_page(60, stale_if_error = 300, vary = ["accept-language"])]
async fn varying(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

pub(super) async fn app(handler: impl Fn(&Call) -> HttpResponse + Send + Sync + 'static) -> TestApp {
    TestApp::builder()
        .route(PLAIN, plain)
        .route(REFRESHED, refreshed)
        .route(KEPT_ON_ERROR, kept_on_error)
        .route(VARYING, varying)
        .handler(handler)
        .start()
        .await
}

fn page(call: &Call) -> HttpResponse {
    HttpResponse::Ok().body(format!("page {}", call.run))
}

/// Returns a handler of a page with this entity tag, which responds with 304 if the stored page has the same.
fn tagged(etag: &'static str) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |call| {
        let validators = call.control().validators();
        let is_same =
            validators.and_then(|stored| stored.etag().cloned()).is_some_and(|stored| stored == etag);
        let mut response = if is_same { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response.insert_header(("etag", etag)).insert_header(("x-run", call.run.to_string()));
        if is_same { response.finish() } else { response.body(format!("page {}", call.run)) }
    }
}

/// Returns a handler that makes the page by another one, and confirms it from then on.
fn confirming(
    handler: impl Fn(&Call) -> HttpResponse + Send + Sync + 'static,
) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |call| match call.control().validators() {
        Some(_) => HttpResponse::NotModified().finish(),
        None => handler(call),
    }
}
