//! What the cache reports about each request: to the client, to `stats`, to logs and to metrics.

use actix_web::{HttpRequest, HttpResponse, web};
use cache_page::{Outcome, Reason, cache_page};

use crate::support::{TestApp, TestAppBuilder};

mod assertions;
mod cache_status;
mod events;
mod handlers;
#[cfg(feature = "metrics")]
mod metrics;
mod names;
mod removals;
mod secrets;
#[cfg(feature = "serde")]
mod serialize;
mod spans;
mod stats;

#[cache_page(60, name = "plain")]
async fn plain() -> &'static str {
    "page"
}

#[cache_page(60, name = "anonymous")]
async fn anonymous(#[anonymous] _request: HttpRequest) -> &'static str {
    "page"
}

#[cache_page(60, name = "status")]
async fn status(code: web::Path<u16>) -> HttpResponse {
    HttpResponse::build(code.into_inner().try_into().unwrap()).body("page")
}

/// An application with three cached handlers; the handler of all other paths is not cached.
fn builder() -> TestAppBuilder {
    TestApp::builder()
        .route("/plain", plain)
        .route("/anonymous", anonymous)
        .route("/status/{code}", status)
        .uncached()
}

/// A request, the handler that it is for, and its outcome if it is sent after those before it.
struct Sample {
    uri: &'static str,
    headers: &'static [(&'static str, &'static str)],
    handler: &'static str,
    outcome: Outcome,
}

const fn sample(
    uri: &'static str,
    headers: &'static [(&'static str, &'static str)],
    handler: &'static str,
    outcome: Outcome,
) -> Sample {
    Sample { uri, headers, handler, outcome }
}

const SAMPLES: [Sample; 13] = [
    sample("/plain", &[], "plain", Outcome::Stored),
    sample("/plain", &[], "plain", Outcome::Hit),
    sample("/plain", &[("range", "bytes=0-1")], "plain", Outcome::Hit),
    sample("/plain", &[("range", "bytes=9-")], "plain", Outcome::Hit),
    sample("/plain", &[("if-none-match", "*")], "plain", Outcome::Revalidated),
    sample("/plain?new", &[("if-none-match", "*")], "plain", Outcome::Stored),
    sample("/plain?new", &[("cookie", "a=b")], "plain", Outcome::Hit),
    sample("/anonymous", &[("cookie", "a=b")], "anonymous", Outcome::Bypass(Reason::Credentials)),
    sample("/anonymous", &[], "anonymous", Outcome::Stored),
    sample("/anonymous", &[], "anonymous", Outcome::Hit),
    sample("/status/404", &[], "status", Outcome::NotStored(Reason::Status)),
    sample("/status/404", &[], "status", Outcome::NotStored(Reason::Status)),
    sample("/status/301", &[], "status", Outcome::Stored),
];

/// Sends all samples.
async fn send_samples(app: &TestApp) {
    for Sample { uri, headers, .. } in SAMPLES {
        app.get(uri).headers(headers).await;
    }
}
