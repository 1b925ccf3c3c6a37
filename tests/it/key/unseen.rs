//! What the check of the key cannot see. It is the author's, who can key it.

use std::rc::Rc;

use actix_http::Extensions;
use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    dev::ServiceRequest,
    error::ParseError,
    http::header::{AUTHORIZATION, Header, HeaderName, HeaderValue, InvalidHeaderValue, TryIntoHeaderValue},
    middleware::{Next, from_fn},
    web,
};
use cache_page::{Reason, cache_page};

use super::assert_own_pages;
use crate::support::{Origin, TestApp};

/// Two requests that the cache cannot tell apart: the second one gets the page of the first.
async fn assert_one_page(app: &TestApp, path: &str, name: &str) {
    let first = app.get(path).header(name, "alice").await;
    first.assert_stored();
    app.get(path).header(name, "bob").await.assert_hit().assert_body(&first.body);
}

/// Data that a middleware adds to single requests. All requests of an App are expected to have the same.
#[derive(Clone)]
struct Shop(String);

#[cache_page(60)]
async fn shop(shop: web::Data<Shop>, origin: Origin) -> String {
    format!("{} {}", shop.0, origin.count())
}

#[cache_page(60)]
async fn keyed_shop(#[key(by = |shop| shop.0.clone())] shop: web::Data<Shop>, origin: Origin) -> String {
    format!("{} {}", shop.0, origin.count())
}

#[actix_web::test]
async fn data_of_single_requests_is_in_the_key_if_marked() {
    let add_shop = |mut request: ServiceRequest, next: Next<BoxBody>| async move {
        let name = request.headers().get("x-shop").map(|name| name.to_str().unwrap().to_owned());
        let mut data = Extensions::new();
        data.insert(web::Data::new(Shop(name.unwrap_or_default())));
        request.add_data_container(Rc::new(data));
        next.call(request).await
    };
    let app = TestApp::builder().configure(move |config| {
        let scope = web::scope("").wrap(from_fn(add_shop));
        config
            .service(scope.route("/unseen", web::get().to(shop)).route("/keyed", web::get().to(keyed_shop)));
    });
    let app = app.start().await;
    assert_one_page(&app, "/unseen", "x-shop").await;
    assert_own_pages(&app, "/keyed", &[&[("x-shop", "one")], &[("x-shop", "two")]]).await;
}

/// A response that is made of the request.
struct Greeting;

impl Responder for Greeting {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().body(format!("{:?}", request.headers().get("cookie")))
    }
}

#[cache_page(60)]
async fn greeting() -> Greeting {
    Greeting
}

#[cache_page(60)]
async fn anonymous_greeting(#[anonymous] _request: HttpRequest) -> Greeting {
    Greeting
}

#[cache_page(60, vary_cookie = ["name"])]
async fn greeting_of_a_name() -> Greeting {
    Greeting
}

/// The handler says what its responder reads, as if it read that itself.
#[actix_web::test]
async fn what_a_responder_reads_is_in_the_key_if_named() {
    let routes = TestApp::builder().route("/unseen", greeting).route("/anonymous", anonymous_greeting);
    let app = routes.route("/named", greeting_of_a_name).start().await;
    assert_one_page(&app, "/unseen", "cookie").await;
    for cookie in ["name=alice", "name=bob"] {
        let response = app.get("/anonymous").header("cookie", cookie).await;
        response.assert_bypass(Reason::Credentials).assert_body(format!("Some({cookie:?})"));
    }
    assert_own_pages(&app, "/named", &[&[("cookie", "name=alice")], &[("cookie", "name=bob")]]).await;
}

/// A header type that reads another header than it names.
#[derive(Clone)]
struct Token(String);

impl TryIntoHeaderValue for Token {
    type Error = InvalidHeaderValue;

    fn try_into_value(self) -> Result<HeaderValue, Self::Error> {
        HeaderValue::try_from(self.0)
    }
}

impl Header for Token {
    fn name() -> HeaderName {
        AUTHORIZATION
    }

    fn parse<M: HttpMessage>(message: &M) -> Result<Self, ParseError> {
        let headers = message.headers();
        let token =
            headers.get("authorization").or_else(|| headers.get("x-key")).ok_or(ParseError::Header)?;
        Ok(Self(token.to_str().map_err(|_| ParseError::Header)?.to_owned()))
    }
}

#[cache_page(60)]
async fn token(token: web::Header<Token>, origin: Origin) -> String {
    format!("{} {}", token.0.0, origin.count())
}

#[cache_page(60, vary = ["x-key"])]
async fn token_of_both(token: web::Header<Token>, origin: Origin) -> String {
    format!("{} {}", token.0.0, origin.count())
}

#[actix_web::test]
async fn header_that_a_type_does_not_name_is_in_the_key_if_listed() {
    let app = TestApp::builder().route("/unseen", token).route("/listed", token_of_both).start().await;
    assert_one_page(&app, "/unseen", "x-key").await;
    let sets: &[&[_]] = &[&[("x-key", "alice")], &[("x-key", "bob")], &[("authorization", "alice")]];
    assert_own_pages(&app, "/listed", sets).await;
}

/// An error that its handler makes of the request.
#[cache_page(60)]
async fn shows_an_error(page: Result<web::Query<PageNumber>, Error>) -> String {
    page.map_or_else(|error| error.to_string(), |page| page.page.to_string())
}

#[derive(serde::Deserialize)]
struct PageNumber {
    page: u32,
}

#[actix_web::test]
async fn error_that_a_handler_makes_of_the_request_is_not_stored() {
    let config = web::QueryConfig::default().error_handler(|_, request| {
        actix_web::error::ErrorBadRequest(format!("{:?}", request.headers().get("cookie")))
    });
    let app = TestApp::builder().route("/", shows_an_error).configure(move |services| {
        services.app_data(config.clone());
    });
    let app = app.start().await;
    for cookie in ["name=alice", "name=bob"] {
        let response = app.get("/?page=x").header("cookie", cookie).await;
        response.assert_bypass(Reason::ExtractorError).assert_body(format!("Some({cookie:?})"));
    }
    app.get("/?page=1").await.assert_stored().assert_body("1");
}
