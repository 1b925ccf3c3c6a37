//! Handlers of every shape: each is asked for twice, runs once, and gives the same page both times.
//!
//! | module | what differs |
//! |---|---|
//! | `returns` | the return type, and the ways a body comes to return it |
//! | `arguments`, `many` | patterns and attributes of arguments; how many there are |
//! | `classified` | what the key covers: `#[key]`, `#[unkeyed]`, bodies, an extractor of the user's own |
//! | `attributes` | what else stands on the handler, in it, or around it |
//! | `routes` | how the handler is registered |
//! | `generics` | type parameters, lifetimes, `Self` |
//! | `names` | what the user's module calls its own things |
//! | `times` | the ways to write a time to live, and the options |
//!
//! The lints below are what a strict user of the crate turns on: the expansion must not set off one of them, so what is
//! allowed in these modules is allowed for the sake of a line that the user wrote.

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

use actix_web::{
    App, Error,
    body::MessageBody,
    dev::{HttpServiceFactory, Service, ServiceResponse},
    test::{TestRequest, init_service},
    web::Data,
};

use crate::legacy::{Answer, send};

/// Makes one test of a handler, its `#[cache_page]` above the route attribute, and one with it below.
///
/// The handler stands first, because attributes are put before it; what it uses follows.
macro_rules! in_both_orders {
    (mod $name:ident($route:literal, $uri:literal) => $answer:expr; $($handler:tt)+) => {
        mod $name {
            mod above {
                use crate::shapes::{kept, run};

                #[cache_page::cache_page(60)]
                #[actix_web::get($route)]
                $($handler)+

                #[actix_web::test]
                async fn is_kept() {
                    let answer = kept(page, $uri).await;
                    assert_eq!((answer.status, answer.text()), $answer);
                }
            }

            mod below {
                use crate::shapes::{kept, run};

                #[actix_web::get($route)]
                #[cache_page::cache_page(60)]
                $($handler)+

                #[actix_web::test]
                async fn is_kept() {
                    let answer = kept(page, $uri).await;
                    assert_eq!((answer.status, answer.text()), $answer);
                }
            }
        }
    };
}

mod arguments;
mod attributes;
mod classified;
mod generics;
mod many;
mod names;
mod returns;
mod routes;
mod times;

thread_local! {
    /// A test and its App share one thread with nobody else at a time.
    static RUNS: Cell<u32> = const { Cell::new(0) };
}

/// What every handler calls: how many have run since the page was first asked for.
fn run() -> u32 {
    RUNS.set(RUNS.get() + 1);
    RUNS.get()
}

/// The page of a URL, which must be the same whether the handler ran for it or not.
async fn kept(service: impl HttpServiceFactory + 'static, uri: &str) -> Answer {
    let app = init_service(App::new().app_data(Data::new("data")).service(service)).await;
    kept_by(&app, || TestRequest::get().uri(uri)).await
}

/// The same for an App and a request of the test's own.
async fn kept_by<B: MessageBody>(
    app: &impl Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    request: impl Fn() -> TestRequest,
) -> Answer {
    RUNS.set(0);
    let first = send(app, request()).await;
    assert!(first.is_stored(), "{}", first.outcome());
    let second = send(app, request()).await;
    assert!(second.is_hit(), "{}", second.outcome());
    assert_eq!(RUNS.get(), 1, "a hit runs no handler");
    assert_eq!(first.status, second.status);
    assert_eq!(first.lasting_headers(), second.lasting_headers());
    assert_eq!(first.body, second.body);
    second
}
