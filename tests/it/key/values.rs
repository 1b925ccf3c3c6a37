//! `#[key]` arguments: one page per value, by `Hash`, through a wrapper, or by a function of the value.

use std::future::{Ready, ready};

use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest,
    body::BoxBody,
    dev::{ConnectionInfo, Payload, PeerAddr, ServiceRequest},
    middleware::{Next, from_fn},
    web::{self, Json, ReqData},
};
use cache_page::cache_page;
use serde::Deserialize;

use super::assert_own_pages;
use crate::support::{Origin, TestApp, TestAppBuilder};

/// Not `Hash`, as many types of other crates.
#[derive(Clone, Debug, Deserialize)]
struct User {
    name: String,
    share: f64,
}

impl User {
    fn name(&self) -> &str {
        &self.name
    }
}

impl FromRequest for User {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let name = request.headers().get("x-user").map(|name| name.to_str().unwrap().to_owned());
        ready(Ok(Self { name: name.unwrap_or_default(), share: 0.5 }))
    }
}

fn show(origin: &Origin, name: &str) -> String {
    format!("{} {name}", origin.count())
}

#[cache_page(60)]
async fn by_path(origin: Origin, #[key(by = User::name)] user: User) -> String {
    show(&origin, user.name())
}

#[cache_page(60)]
async fn by_reference(origin: Origin, #[key(by = |user| &user.name)] user: User) -> String {
    show(&origin, user.name())
}

#[cache_page(60)]
async fn by_bits(
    origin: Origin,
    #[key(by = |user| (user.name.clone(), user.share.to_bits()))] user: User,
) -> String {
    show(&origin, user.name())
}

#[cache_page(60)]
async fn by_data(origin: Origin, #[key] name: ReqData<String>) -> String {
    show(&origin, &name)
}

#[cache_page(60)]
async fn by_optional_data(origin: Origin, #[key] name: Option<ReqData<String>>) -> String {
    show(&origin, name.as_deref().map_or("none", |name| name))
}

#[cache_page(60)]
async fn by_data_of_a_foreign_type(
    origin: Origin,
    #[key(by = |user| user.name.clone())] user: ReqData<User>,
) -> String {
    show(&origin, user.name())
}

#[cache_page(60)]
async fn by_body(origin: Origin, #[key] name: Json<String>) -> String {
    show(&origin, &name)
}

/// A middleware that puts the user of `x-user` into the request.
fn builder() -> TestAppBuilder {
    TestApp::builder().configure(|config| {
        let identify = |request: ServiceRequest, next: Next<BoxBody>| async move {
            let name = request.headers().get("x-user").map(|name| name.to_str().unwrap().to_owned());
            if let Some(name) = name {
                request.extensions_mut().insert(User { name: name.clone(), share: 0.5 });
                request.extensions_mut().insert(name);
            }
            next.call(request).await
        };
        config.service(
            web::scope("")
                .wrap(from_fn(identify))
                .route("/path", web::to(by_path))
                .route("/reference", web::to(by_reference))
                .route("/bits", web::to(by_bits))
                .route("/data", web::to(by_data))
                .route("/optional-data", web::to(by_optional_data))
                .route("/foreign-data", web::to(by_data_of_a_foreign_type))
                .route("/body", web::to(by_body)),
        );
    })
}

#[actix_web::test]
async fn each_value_has_its_own_page() {
    let app = builder().start().await;
    for path in ["/path", "/reference", "/bits", "/data", "/optional-data", "/foreign-data"] {
        let alice: &[_] = &[("x-user", "alice")];
        assert_own_pages(&app, path, &[alice, &[("x-user", "bob")]]).await;
        let response = app.get(path).headers(alice).await;
        response.assert_hit().assert_header("cache-control", "private, no-cache");
    }
}

#[actix_web::test]
async fn missing_value_has_a_page_of_its_own() {
    let app = builder().start().await;
    assert_own_pages(&app, "/optional-data", &[&[], &[("x-user", "")], &[("x-user", "alice")]]).await;
}

#[actix_web::test]
async fn each_body_that_is_a_key_has_its_own_page() {
    let app = builder().start().await;
    let with = |name: &'static str| app.get("/body").header("content-type", "application/json").body(name);
    let (one, other) = (with("\"alice\"").await, with("\"bob\"").await);
    one.assert_stored().assert_body("1 alice");
    other.assert_stored().assert_body("2 bob");
    with("\"alice\"").await.assert_hit().assert_body("1 alice");
}

#[cache_page(60)]
async fn by_connection(origin: Origin, info: ConnectionInfo) -> String {
    show(&origin, &format!("{:?} {:?} {}", info.peer_addr(), info.realip_remote_addr(), info.host()))
}

#[cache_page(60)]
async fn by_host(origin: Origin, #[unkeyed] info: ConnectionInfo) -> String {
    show(&origin, info.host())
}

#[cache_page(60)]
async fn by_address(origin: Origin, #[key] address: Option<PeerAddr>) -> String {
    show(&origin, &format!("{address:?}"))
}

fn connection() -> TestAppBuilder {
    TestApp::builder().route("/", by_connection).route("/host", by_host).route("/address", by_address)
}

/// A handler that shows the client's address must not show it to another client.
#[actix_web::test]
async fn connection_info_has_a_page_for_each_address() {
    let app = connection().start().await;
    let sets: &[&[_]] = &[
        &[],
        &[("x-forwarded-for", "10.0.0.1")],
        &[("x-forwarded-for", "10.0.0.2")],
        &[("forwarded", "for=10.0.0.3")],
    ];
    assert_own_pages(&app, "/", sets).await;
    app.get("/").await.assert_header("cache-control", "private, no-cache");
}

#[actix_web::test]
async fn unkeyed_connection_info_has_a_page_for_each_host() {
    let app = connection().start().await;
    app.get("/host").header("x-forwarded-for", "10.0.0.1").await.assert_stored();
    app.get("/host").header("x-forwarded-for", "10.0.0.2").await.assert_hit();
    app.get("/host").header("x-forwarded-host", "other.example").await.assert_stored();
}

#[actix_web::test]
async fn peer_address_can_be_a_key() {
    let app = connection().start().await;
    app.get("/address").await.assert_stored();
    app.get("/address").await.assert_hit();
}
