//! Handlers of every signature. Each test requests a page twice: the handler runs once, and the hit repeats its response.
//!
//! | module | what differs |
//! |---|---|
//! | `return_types` | the return type, and how the body returns it |
//! | `arguments`, `argument_count` | patterns, attributes and types of arguments; how many there are |
//! | `classification` | `#[key]`, `#[unkeyed]`, request bodies, extractors with a `KeyInput` |
//! | `attributes` | other attributes on the handler, in it and around it |
//! | `routes` | how the handler is registered |
//! | `generics` | type parameters, lifetimes, `Self` |
//! | `names` | names of the user's module that the expansion could collide with |
//! | `ttl` | how the TTL is written, and the options beside it |
//!
//! The lints below are those of a strict user. The expansion must not set off any of them, so every `allow` in these modules
//! is for a line that the user wrote.

#![deny(warnings, clippy::all, clippy::pedantic)]
#![deny(
    let_underscore_drop,
    redundant_lifetimes,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications
)]

use std::cell::Cell;

use actix_web::{dev::HttpServiceFactory, web::Data};

use crate::support::{TestApp, TestAppBuilder, TestRequest, TestResponse};

/// Makes two tests of a handler: with `#[cache_page]` above the route attribute, and below it.
///
/// The handler comes first, because the attributes are put before it. What it uses follows.
macro_rules! in_both_orders {
    (mod $name:ident($route:literal, $uri:literal) => ($status:literal, $body:literal); $($handler:tt)+) => {
        mod $name {
            mod above_route {
                use crate::attribute::signatures::{assert_cached, count_run};

                #[cache_page::cache_page(60)]
                #[actix_web::get($route)]
                $($handler)+

                #[actix_web::test]
                async fn is_cached() {
                    assert_cached(|| page, $uri).await.assert_status($status).assert_body($body);
                }
            }

            mod below_route {
                use crate::attribute::signatures::{assert_cached, count_run};

                #[actix_web::get($route)]
                #[cache_page::cache_page(60)]
                $($handler)+

                #[actix_web::test]
                async fn is_cached() {
                    assert_cached(|| page, $uri).await.assert_status($status).assert_body($body);
                }
            }
        }
    };
}

/// Makes a test of each service.
macro_rules! cached {
    ($($test:ident: $service:expr, $uri:literal => $body:literal;)+) => {$(
        #[actix_web::test]
        async fn $test() {
            crate::attribute::signatures::assert_cached(|| $service, $uri)
                .await
                .assert_status(200)
                .assert_body($body);
        }
    )+};
}

mod argument_count;
mod arguments;
mod attributes;
mod classification;
mod generics;
mod names;
mod return_types;
mod routes;
mod ttl;

thread_local! {
    /// Every test and its application run on one thread.
    static RUNS: Cell<u32> = const { Cell::new(0) };
}

/// Counts a run of a handler, and returns its number since the first request of `assert_cached`.
fn count_run() -> u32 {
    RUNS.set(RUNS.get() + 1);
    RUNS.get()
}

/// Returns an application with this service, and with the text `data` for its handlers.
fn app_with<S: HttpServiceFactory + 'static>(
    service: impl Fn() -> S + Send + Sync + 'static,
) -> TestAppBuilder {
    TestApp::builder().configure(move |config| {
        config.app_data(Data::new("data")).service(service());
    })
}

/// Checks that the page of this URL is stored and repeated by a hit, and returns the hit.
async fn assert_cached<S: HttpServiceFactory + 'static>(
    service: impl Fn() -> S + Send + Sync + 'static,
    uri: &str,
) -> TestResponse {
    assert_page_cached(app_with(service).start().await.get(uri)).await
}

/// As [`assert_cached`], for a request to an application of the test.
async fn assert_page_cached(request: TestRequest) -> TestResponse {
    RUNS.set(0);
    let first = request.clone().await;
    first.assert_stored();
    let second = request.await;
    second.assert_hit().assert_status(first.status).assert_body(&first.body);
    assert_eq!(second.stored_headers(), first.stored_headers(), "{second:?}");
    assert_eq!(RUNS.get(), 1, "a hit does not run the handler: {second:?}");
    second
}
