//! What arguments add to the key, and what the response says about it to downstream caches.

use std::{
    future::{Ready, ready},
    time::{Duration, SystemTime},
};

use actix_web::{
    Error, FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::header::{AcceptLanguage, EXPIRES, HeaderValue, HttpDate},
    web,
};
use cache_page::{KeyBuilder, KeyInput, PageCache, cache_page};

use super::{Headers, assert_own_pages};
use crate::support::{Origin, TestApp};

/// Defines extractors of the user, which `x-user` names.
macro_rules! users {
    ($($(#[$attribute:meta])* $user:ident;)*) => {$(
        $(#[$attribute])*
        struct $user(Option<String>);

        impl FromRequest for $user {
            type Error = Error;
            type Future = Ready<Result<Self, Self::Error>>;

            fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
                let user = request.headers().get("x-user").and_then(|user| user.to_str().ok());
                ready(Ok(Self(user.map(str::to_owned))))
            }
        }
    )*};
}

users! {
    /// A user without a `KeyInput`.
    #[derive(Debug, Hash)]
    User;

    /// A user that adds a value to the key.
    ValueUser;

    /// A user that adds bytes to the key.
    BytesUser;
}

fn user(request: &HttpRequest) -> Option<&[u8]> {
    request.headers().get("x-user").map(HeaderValue::as_bytes)
}

impl KeyInput for ValueUser {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.value(&user(request));
    }
}

impl KeyInput for BytesUser {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.bytes(user(request).unwrap_or_default());
    }
}

/// An extractor that names the header that it reads.
struct Tenant(String);

impl FromRequest for Tenant {
    type Error = Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let lines = request.headers().get_all("x-tenant");
        ready(Ok(Self(lines.map(|line| format!("[{}]", line.to_str().unwrap())).collect())))
    }
}

impl KeyInput for Tenant {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header("X-Tenant");
    }
}

#[cache_page(60)]
async fn by_user(#[key] user: User) -> String {
    format!("{user:?}")
}

#[cache_page(60)]
async fn by_tenant(tenant: Tenant) -> String {
    tenant.0
}

#[cache_page(60)]
async fn by_language(language: Option<web::Header<AcceptLanguage>>, origin: Origin) -> String {
    format!("{} {}", origin.count(), language.is_some())
}

async fn app() -> TestApp {
    TestApp::builder()
        .route("/user", by_user)
        .route("/tenant", by_tenant)
        .route("/language", by_language)
        .start()
        .await
}

const USERS: [&Headers<'_>; 4] = [&[], &[("x-user", "")], &[("x-user", "alice")], &[("x-user", "bob")]];

const TENANTS: [&Headers<'_>; 8] = [
    &[],
    &[("x-tenant", "")],
    &[("x-tenant", "a")],
    &[("x-tenant", "A")],
    &[("x-tenant", "a,b")],
    &[("x-tenant", "a"), ("x-tenant", "b")],
    &[("x-tenant", "b"), ("x-tenant", "a")],
    &[("x-tenant", "a"), ("x-tenant", "a")],
];

const LANGUAGES: [&Headers<'_>; 3] = [&[], &[("accept-language", "de")], &[("accept-language", "en")]];

#[actix_web::test]
async fn keyed_argument_has_a_page_for_each_value() {
    assert_own_pages(&app().await, "/user", &USERS).await;
}

#[actix_web::test]
async fn extractor_of_a_header_has_a_page_for_each_list_of_values() {
    assert_own_pages(&app().await, "/tenant", &TENANTS).await;
}

#[actix_web::test]
async fn typed_header_has_a_page_for_each_value() {
    assert_own_pages(&app().await, "/language", &LANGUAGES).await;
}

/// Checks a header of each page, in the response that is stored and in a hit.
async fn assert_on_miss_and_hit(path: &str, sets: &[&Headers<'_>], name: &str, expected: &str) {
    let app = app().await;
    for is_hit in [false, true] {
        for headers in sets {
            let response = app.get(path).headers(headers).await;
            response.assert_header(name, expected);
            assert_eq!(response.is_hit(), is_hit, "{response:?}");
        }
    }
}

#[actix_web::test]
async fn header_of_an_extractor_is_sent_in_vary() {
    assert_on_miss_and_hit("/tenant", &TENANTS, "vary", "x-tenant").await;
}

#[actix_web::test]
async fn page_that_varies_by_an_extractor_is_public_downstream() {
    assert_on_miss_and_hit("/tenant", &TENANTS, "cache-control", "max-age=60").await;
}

#[actix_web::test]
async fn typed_header_is_sent_in_vary() {
    assert_on_miss_and_hit("/language", &LANGUAGES, "vary", "accept-language").await;
}

#[actix_web::test]
async fn typed_header_that_the_handler_names_is_sent_once_in_vary() {
    #[cache_page(60)]
    async fn page(_language: Option<web::Header<AcceptLanguage>>) -> HttpResponse {
        HttpResponse::Ok().insert_header(("vary", "ACCEPT-LANGUAGE")).finish()
    }
    let app = TestApp::builder().route("/", page).start().await;
    app.get("/").await.assert_stored().assert_header("vary", "ACCEPT-LANGUAGE");
}

/// A browser knows a page by its URL alone, and one visitor may use it after another.
#[actix_web::test]
async fn page_of_a_keyed_argument_is_revalidated_downstream() {
    assert_on_miss_and_hit("/user", &USERS, "cache-control", "private, no-cache").await;
}

fn expiring(user: Option<&str>) -> HttpResponse {
    let in_a_minute = HttpDate::from(SystemTime::now() + Duration::from_secs(60));
    HttpResponse::Ok().insert_header((EXPIRES, in_a_minute.to_string())).body(format!("{user:?}"))
}

async fn app_with_custom_keys() -> TestApp {
    #[cache_page(60)]
    async fn value(user: ValueUser) -> String {
        format!("{:?}", user.0)
    }
    #[cache_page(60)]
    async fn bytes(user: BytesUser) -> String {
        format!("{:?}", user.0)
    }
    #[cache_page(60)]
    async fn expiring_value(user: ValueUser) -> HttpResponse {
        expiring(user.0.as_deref())
    }
    #[cache_page(60)]
    async fn expiring_bytes(user: BytesUser) -> HttpResponse {
        expiring(user.0.as_deref())
    }
    #[cache_page(60)]
    async fn expiring_argument(#[key] user: User) -> HttpResponse {
        expiring(user.0.as_deref())
    }
    TestApp::builder()
        .route("/value", value)
        .route("/bytes", bytes)
        .route("/expiring/value", expiring_value)
        .route("/expiring/bytes", expiring_bytes)
        .route("/expiring/argument", expiring_argument)
        .start()
        .await
}

/// If the handler sends a lifetime of its own, browsers may use the page for it.
#[actix_web::test]
async fn page_keyed_by_more_than_headers_is_private_downstream() {
    let app = app_with_custom_keys().await;
    for (path, expected) in [
        ("/value", "private, no-cache"),
        ("/bytes", "private, no-cache"),
        ("/expiring/value", "private"),
        ("/expiring/bytes", "private"),
        ("/expiring/argument", "private"),
    ] {
        for is_hit in [false, true] {
            for visitor in ["alice", "bob"] {
                let response = app.get(path).header("x-user", visitor).await;
                response.assert_body(format!("Some({visitor:?})")).assert_header("cache-control", expected);
                assert_eq!(response.is_hit(), is_hit, "{response:?}");
            }
        }
    }
}

#[actix_web::test]
async fn page_cache_argument_is_the_cache_of_the_application() {
    #[cache_page(60)]
    async fn page(cache: PageCache) -> String {
        format!("{cache:?}")
    }
    let app = TestApp::builder().cache(|cache| cache.max_bytes(12_345)).route("/", page).start().await;
    let response = app.get("/").await;
    assert!(response.text().contains("12345"), "{response:?}");
}
