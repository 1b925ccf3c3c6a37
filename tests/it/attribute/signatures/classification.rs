//! Arguments that are in the key and arguments that are not.

use std::future::{Ready, ready};

use actix_web::{
    Error, FromRequest, HttpRequest,
    dev::{HttpServiceFactory, Payload},
    http::Method,
    web,
};
use cache_page::{KeyBuilder, KeyInput, cache_page};

use super::{app_with, assert_page_cached, count_run};

/// The visitor that `x-visitor` names. As it is not a `KeyInput`, an argument of this type needs an attribute.
#[derive(Hash, PartialEq, Eq, Debug)]
struct Visitor {
    name: String,
}

/// The same as a `KeyInput`.
struct KeyedVisitor(Visitor);

impl FromRequest for Visitor {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = request.headers().get("x-visitor").and_then(|name| name.to_str().ok());
        ready(Ok(Self { name: header.unwrap_or("none").to_owned() }))
    }
}

impl FromRequest for KeyedVisitor {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Visitor::from_request(request, payload).into_inner().map(Self))
    }
}

impl KeyInput for KeyedVisitor {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header("x-visitor");
    }
}

/// Checks that each visitor has a page.
async fn assert_one_page_per_visitor<S: HttpServiceFactory + 'static>(
    service: impl Fn() -> S + Send + Sync + 'static,
) {
    let app = app_with(service).start().await;
    for visitor in ["ann", "bob"] {
        let page = assert_page_cached(app.get("/").header("x-visitor", visitor)).await;
        page.assert_body(format!("{visitor}, run 1"));
    }
    app.get("/").header("x-visitor", "ann").await.assert_hit().assert_body("ann, run 1");
}

/// Checks that all visitors have one page.
async fn assert_one_page<S: HttpServiceFactory + 'static>(
    service: impl Fn() -> S + Send + Sync + 'static,
    body: &str,
) {
    let app = app_with(service).start().await;
    assert_page_cached(app.get("/").header("x-visitor", "ann")).await.assert_body(body);
    app.get("/").header("x-visitor", "bob").await.assert_hit().assert_body(body);
}

/// Makes two tests of a handler that calls the assertion: with `#[cache_page]` above the route attribute, and below it.
macro_rules! test_in_both_orders {
    (mod $name:ident: $assert:ident($($expected:literal)?); $($handler:tt)+) => {
        mod $name {
            use super::*;

            #[actix_web::test]
            async fn above_route() {
                #[cache_page(60)]
                #[actix_web::get("/")]
                $($handler)+

                $assert(|| page $(, $expected)?).await;
            }

            #[actix_web::test]
            async fn below_route() {
                #[actix_web::get("/")]
                #[cache_page(60)]
                $($handler)+

                $assert(|| page $(, $expected)?).await;
            }
        }
    };
}

test_in_both_orders! {
    mod key_attribute_makes_one_page_per_value: assert_one_page_per_visitor();
    async fn page(#[key] visitor: Visitor) -> String {
        format!("{}, run {}", visitor.name, count_run())
    }
}

test_in_both_orders! {
    mod key_attribute_among_others_makes_one_page_per_value: assert_one_page_per_visitor();
    async fn page(
        #[cfg(true)]
        #[key]
        #[allow(unused_mut)]
        mut visitor: Visitor,
        _: web::Data<&'static str>,
    ) -> String {
        format!("{}, run {}", visitor.name, count_run())
    }
}

test_in_both_orders! {
    mod key_input_makes_one_page_per_value: assert_one_page_per_visitor();
    async fn page(KeyedVisitor(Visitor { name }): KeyedVisitor) -> String {
        format!("{name}, run {}", count_run())
    }
}

test_in_both_orders! {
    mod unkeyed_attribute_makes_one_page: assert_one_page("false, run 1");
    async fn page(#[unkeyed] Visitor { name }: Visitor) -> String {
        format!("{}, run {}", name.is_empty(), count_run())
    }
}

in_both_orders! {
    mod unkeyed_bytes("/", "/") => (200, "0, run 1");
    async fn page(#[unkeyed] body: web::Bytes) -> String {
        format!("{}, run {}", body.len(), count_run())
    }
    use actix_web::web;
}

in_both_orders! {
    mod unkeyed_json_and_http_request("/", "/") => (200, "none, run 1");
    async fn page(#[unkeyed] json: Option<web::Json<Vec<u32>>>, #[unkeyed] _: HttpRequest) -> String {
        let text = json.map_or("none".into(), |web::Json(numbers)| format!("{numbers:?}"));
        format!("{text}, run {}", count_run())
    }
    use actix_web::{HttpRequest, web};
}

in_both_orders! {
    mod unkeyed_payload("/", "/") => (200, "0, run 1");
    async fn page(#[unkeyed] payload: web::Payload) -> actix_web::Result<impl Responder> {
        let body = payload.to_bytes().await?;
        Ok(format!("{}, run {}", body.len(), count_run()))
    }
    use actix_web::{Responder, web};
}

#[cache_page(60)]
async fn length_of_the_body(#[unkeyed] body: web::Bytes, #[key] method: Method) -> String {
    format!("{method} {}, run {}", body.len(), count_run())
}

#[actix_web::test]
async fn body_of_a_post_reaches_the_handler() {
    let app = app_with(|| web::resource("/").to(length_of_the_body)).start().await;
    app.post("/").body("body").await.assert_body("POST 4, run 1");
    assert_page_cached(app.get("/")).await.assert_body("GET 0, run 1");
}
