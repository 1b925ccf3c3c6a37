//! Arguments within arguments.

use std::future::{Ready, ready};

use actix_web::{Either, Error, FromRequest, HttpRequest, dev::Payload, error::ErrorBadRequest, web};
use cache_page::{KeyBuilder, KeyInput, Reason, cache_page};

use super::assert_own_pages;
use crate::support::{AnyHeader, TestApp};

/// Reads and keys a header, as the extractor of a tenant would.
struct Tenant;

impl FromRequest for Tenant {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self))
    }
}

impl KeyInput for Tenant {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header("x-a");
    }
}

#[cache_page(60)]
async fn shown<T: FromRequest + KeyInput + 'static>(input: T, #[unkeyed] request: HttpRequest) -> String {
    drop(input);
    format!("{:?}", request.headers().get("x-a"))
}

type Last<T> = ((), (), (), (), (), (), (), (), (), (), (), (), (), (), (), T);

/// Returns an application that takes an argument within others in every way, each on its own path, and the paths.
macro_rules! nested {
    ($inner:ty) => {
        nested!(@routes $inner, Option<$inner>, Result<$inner, Error>, Option<Result<$inner, Error>>,
            Either<$inner, ()>, Either<(), $inner>, Either<web::Path<u64>, $inner>,
            ($inner,), ($inner, ()), ((), $inner), ((), $inner, ()), Last<$inner>, (Option<((), $inner)>,))
    };
    (@routes $($type:ty),*) => {{
        let (mut builder, mut paths) = (TestApp::builder(), Vec::new());
        $(
            let path = format!("/{}", paths.len());
            builder = builder.route(&path, shown::<$type>);
            paths.push(path);
        )*
        (builder.start().await, paths)
    }};
}

#[actix_web::test]
async fn argument_within_another_is_part_of_the_key() {
    let (app, paths) = nested!(Tenant);
    for path in &paths {
        assert_own_pages(&app, path, &[&[], &[("x-a", "")], &[("x-a", "1")], &[("x-a", "2")]]).await;
    }
}

#[actix_web::test]
async fn any_header_within_an_argument_makes_an_anonymous_page() {
    let (app, paths) = nested!(AnyHeader);
    for path in &paths {
        for _ in 0..2 {
            app.get(path).header("cookie", "id=1").await.assert_bypass(Reason::Credentials);
        }
    }
}

#[actix_web::test]
async fn argument_that_reads_nothing_leaves_the_page_to_all() {
    let (app, paths) = nested!(@routes (), Option<()>, Either<(), ()>, ((), ()), (Option<((), ())>,));
    for path in &paths {
        app.get(path).header("cookie", "id=1").await.assert_stored();
    }
}

/// The error of this extractor shows who sent the request, as an error handler may let it do.
struct Rejecting;

impl FromRequest for Rejecting {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match request.headers().get("cookie") {
            Some(cookie) => Err(ErrorBadRequest(format!("{cookie:?}"))),
            None => Ok(Self),
        })
    }
}

impl KeyInput for Rejecting {}

type Hidden = Result<Rejecting, Error>;

fn message(result: Result<Rejecting, Error>) -> String {
    result.err().map(|error| error.to_string()).unwrap_or_default()
}

#[cache_page(60)]
async fn shows_its_error(result: Result<Rejecting, Error>) -> String {
    message(result)
}

#[cache_page(60)]
async fn shows_its_error_in_a_tuple((result, ()): (Result<Rejecting, Error>, ())) -> String {
    message(result)
}

#[cache_page(60)]
async fn shows_a_hidden_error((result, ()): (Hidden, ())) -> String {
    message(result)
}

#[actix_web::test]
async fn err_argument_bypasses_the_cache() {
    let routes = TestApp::builder().route("/", shows_its_error).route("/tuple", shows_its_error_in_a_tuple);
    let app = routes.start().await;
    for path in ["/", "/tuple"] {
        app.get(path).await.assert_stored().assert_body("");
        for cookie in ["alice", "bob"] {
            let response = app.get(path).header("cookie", cookie).await;
            response.assert_bypass(Reason::ExtractorError).assert_body(format!("{cookie:?}"));
        }
        app.get(path).await.assert_hit().assert_body("");
        // A client that does not see an error shares the page, whatever it sends.
        app.get(path).header("authorization", "x").await.assert_hit();
    }
}

/// The macro does not see that the type is a `Result`.
#[actix_web::test]
async fn hidden_result_makes_an_anonymous_page() {
    let app = TestApp::builder().route("/", shows_a_hidden_error).start().await;
    app.get("/").await.assert_stored();
    for cookie in ["alice", "bob"] {
        app.get("/").header("cookie", cookie).await.assert_bypass(Reason::Credentials);
    }
}
