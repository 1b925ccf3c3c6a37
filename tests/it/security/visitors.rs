//! Pages that depend on the visitor, whose handlers name what identifies a visitor.

use std::future::{Ready, ready};

use actix_session::{Session, SessionExt as _, SessionMiddleware, storage::CookieSessionStore};
use actix_web::{Error, FromRequest, HttpRequest, cookie::Key, dev::Payload, web};
use cache_page::{KeyBuilder, KeyInput, cache_page};

use crate::support::{TestApp, TestResponse};

/// The headers that identify a visitor to the handlers below.
const HEADERS: [&str; 4] = ["cookie", "authorization", "x-api-key", "x-tenant"];

fn identity(request: &HttpRequest) -> String {
    let values = HEADERS.iter().filter_map(|name| request.headers().get(*name)?.to_str().ok());
    values.collect::<Vec<_>>().join(" ")
}

#[derive(Hash)]
struct Visitor(String);

impl FromRequest for Visitor {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(identity(request))))
    }
}

#[cache_page(60)]
async fn keyed(#[key] visitor: Visitor) -> String {
    format!("for {}", visitor.0)
}

#[cache_page(60)]
async fn anonymous(#[anonymous] request: HttpRequest) -> String {
    format!("for {}", identity(&request))
}

async fn app() -> TestApp {
    TestApp::builder().route("/keyed", keyed).route("/anonymous", anonymous).start().await
}

/// Two visitors and an anonymous one take turns. Checks that all get their own pages, and returns the responses of the two.
async fn take_turns(path: &str, header: &str) -> Vec<TestResponse> {
    let app = app().await;
    let mut responses = Vec::new();
    for _ in 0..2 {
        for visitor in ["alice", "bob"] {
            let response = app.get(path).header(header, visitor).await;
            response.assert_body(format!("for {visitor}"));
            responses.push(response);
        }
        app.get(path).await.assert_body("for ");
    }
    responses
}

#[actix_web::test]
async fn keyed_page_is_never_sent_to_another_visitor() {
    for header in HEADERS {
        drop(take_turns("/keyed", header).await);
    }
}

#[actix_web::test]
async fn anonymous_only_page_never_contains_a_visitors_data() {
    for header in ["cookie", "authorization", "x-api-key"] {
        drop(take_turns("/anonymous", header).await);
    }
}

#[actix_web::test]
async fn shared_caches_may_not_store_the_page_of_one_visitor() {
    let keyed = HEADERS.map(|header| ("/keyed", header));
    let anonymous = ["cookie", "authorization", "x-api-key"].map(|header| ("/anonymous", header));
    for (path, header) in keyed.into_iter().chain(anonymous) {
        for response in take_turns(path, header).await {
            let cache_control = response.header("cache-control");
            let is_public = cache_control.is_some_and(|value| !value.contains("private"));
            assert!(!is_public, "{path} {header}: {response:?}");
        }
    }
}

/// A tenant, as an extractor that names its header once for all handlers.
struct Tenant(String);

impl FromRequest for Tenant {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(identity(request))))
    }
}

impl KeyInput for Tenant {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header("x-tenant");
    }
}

#[cache_page(60)]
async fn of_tenant(tenant: Tenant) -> String {
    format!("for {}", tenant.0)
}

/// Absent differs from empty, and two lines from one.
#[actix_web::test]
async fn tenant_header_has_a_page_for_each_list_of_values() {
    let app = TestApp::builder().route("/", of_tenant).start().await;
    for round in 0..2 {
        for lines in [&["a"][..], &["b"], &["a", "b"], &["b", "a"], &["a, b"], &[""], &[]] {
            let headers: Vec<_> = lines.iter().map(|line| ("x-tenant", *line)).collect();
            let response = app.get("/").headers(&headers).await;
            response.assert_body(format!("for {}", lines.first().unwrap_or(&"")));
            response.assert_header("vary", "x-tenant");
            assert_eq!(response.is_hit(), round == 1, "{lines:?}");
        }
    }
}

/// The user of a session.
#[derive(Hash)]
struct User(Option<String>);

impl FromRequest for User {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.get_session().get("user").map(Self).map_err(Into::into))
    }
}

#[cache_page(60)]
async fn account(#[key] user: User) -> String {
    format!("for {:?}", user.0)
}

async fn login(session: Session, name: web::Path<String>) -> Result<&'static str, Error> {
    session.insert("user", name.into_inner())?;
    Ok("welcome")
}

async fn app_with_sessions() -> TestApp {
    TestApp::builder()
        .route("/account", account)
        .route("/login/{name}", login)
        .wrap(|| SessionMiddleware::new(CookieSessionStore::default(), Key::from(&[7; 64])))
        .start()
        .await
}

/// Returns the cookie of a new session.
async fn session(app: &TestApp, name: &str) -> String {
    let set_cookie = app.get(&format!("/login/{name}")).await.header("set-cookie").unwrap();
    set_cookie.split(';').next().unwrap().to_owned()
}

#[actix_web::test]
async fn each_user_of_a_session_has_an_own_page() {
    let app = app_with_sessions().await;
    let (alice, bob) = (session(&app, "alice").await, session(&app, "bob").await);
    for round in 0..2 {
        for (cookie, name) in [(&alice, "alice"), (&bob, "bob")] {
            let response = app.get("/account").header("cookie", cookie).await;
            response.assert_body(format!("for Some({name:?})"));
            assert_eq!(response.is_hit(), round == 1, "{name}, round {round}");
        }
        app.get("/account").await.assert_body("for None");
    }
}

#[actix_web::test]
async fn sessions_of_one_user_share_a_page() {
    let app = app_with_sessions().await;
    let (first, second) = (session(&app, "alice").await, session(&app, "alice").await);
    app.get("/account").header("cookie", first).await.assert_stored();
    app.get("/account").header("cookie", second).await.assert_hit();
}

#[actix_web::test]
async fn forged_session_gets_the_page_of_no_user() {
    let app = app_with_sessions().await;
    let (alice, bob) = (session(&app, "alice").await, session(&app, "bob").await);
    for cookie in [&alice, &bob] {
        app.get("/account").header("cookie", cookie).await.assert_stored();
    }
    let forged = format!("{}{}", &alice[..alice.len() / 2], &bob[bob.len() / 2..]);
    app.get("/account").header("cookie", forged).await.assert_body("for None");
}
