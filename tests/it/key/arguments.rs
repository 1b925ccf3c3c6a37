//! Arguments within arguments.

use std::future::{Ready, ready};

use actix_web::{Either, Error, FromRequest, HttpRequest, dev::Payload, web};
use cache_page::{KeyBuilder, KeyInput, Reason, cache_page};

use super::assert_own_pages;
use crate::support::TestApp;

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
async fn http_request_within_an_argument_makes_an_anonymous_page() {
    let (app, paths) = nested!(HttpRequest);
    for path in &paths {
        for _ in 0..2 {
            app.get(path).header("cookie", "id=1").await.assert_bypass(Reason::Credentials);
        }
    }
}

#[actix_web::test]
async fn argument_that_reads_nothing_leaves_the_page_to_all() {
    let (app, paths) = nested!(());
    for path in &paths {
        app.get(path).header("cookie", "id=1").await.assert_stored();
    }
}
