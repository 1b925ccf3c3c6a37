//! Pages for anonymous visitors: `#[anonymous]` arguments, and `KeyBuilder::anonymous_if`.

use std::future::{Ready, ready};

use actix_web::{
    Error, FromRequest, HttpRequest, HttpResponse, Responder, dev::Payload, error::ErrorUnauthorized,
};
use cache_page::{KeyBuilder, KeyInput, Reason, cache_page};

use crate::support::{Crowd, Origin, TestApp, TestAppBuilder, TestResponse};

/// The user of the request's `x-user`. A request without one is rejected.
struct User(String);

impl FromRequest for User {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(user(request).map(Self).ok_or_else(|| ErrorUnauthorized("no user")))
    }
}

/// The user of the request's `x-user`, or a guest.
struct Visitor(Option<String>);

impl Visitor {
    fn is_guest(&self) -> bool {
        self.0.is_none()
    }
}

impl FromRequest for Visitor {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(user(request))))
    }
}

/// As [`Visitor`], but classified by its type.
struct ClassifiedVisitor(Visitor);

impl FromRequest for ClassifiedVisitor {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(Visitor(user(request)))))
    }
}

impl KeyInput for ClassifiedVisitor {
    fn key(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.anonymous_if(user(request).is_none());
    }
}

fn user(request: &HttpRequest) -> Option<String> {
    request.headers().get("x-user")?.to_str().ok().map(str::to_owned)
}

fn greet(origin: &Origin, user: Option<String>) -> impl Responder + use<> {
    format!("{} {}", origin.count(), user.unwrap_or_else(|| "guest".to_owned()))
}

#[cache_page(60)]
async fn optional(origin: Origin, #[anonymous] user: Option<User>) -> impl Responder {
    greet(&origin, user.map(|user| user.0))
}

#[cache_page(60)]
async fn by_path(origin: Origin, #[anonymous(by = Visitor::is_guest)] visitor: Visitor) -> impl Responder {
    greet(&origin, visitor.0)
}

#[cache_page(60)]
async fn by_closure(
    origin: Origin,
    #[anonymous(by = |visitor| visitor.0.is_none())] visitor: Visitor,
) -> impl Responder {
    greet(&origin, visitor.0)
}

#[cache_page(60)]
async fn by_type(origin: Origin, (visitor, ()): (ClassifiedVisitor, ())) -> impl Responder {
    greet(&origin, visitor.0.0)
}

#[cache_page(60)]
async fn with_own_headers(origin: Origin, #[anonymous] user: Option<User>) -> HttpResponse {
    origin.count();
    let caching = ("cache-control", "max-age=5");
    HttpResponse::Ok()
        .insert_header(caching)
        .insert_header(("vary", "accept"))
        .body(user.map(|user| user.0).unwrap_or_default())
}

#[cache_page(60, browser_ttl = 10)]
async fn with_browser_ttl(origin: Origin, #[anonymous] user: Option<User>) -> impl Responder {
    greet(&origin, user.map(|user| user.0))
}

#[cache_page(60, bypass_if = |request| request.path() == "/by-condition")]
async fn by_condition(origin: Origin, #[anonymous] user: Option<User>) -> impl Responder {
    greet(&origin, user.map(|user| user.0))
}

#[cache_page(60, bypass_if = |request| request.path() == "/by-type-and-condition")]
async fn by_type_and_condition(origin: Origin, visitor: ClassifiedVisitor) -> impl Responder {
    greet(&origin, visitor.0.0)
}

#[cache_page(60)]
async fn slow(origin: Origin, #[anonymous] user: Option<User>) -> impl Responder {
    format!("{} {}", origin.pass().await, user.map_or("guest".to_owned(), |user| user.0))
}

#[cache_page(60)]
async fn by_request(origin: Origin, #[anonymous] request: HttpRequest) -> impl Responder {
    greet(&origin, user(&request))
}

fn builder() -> TestAppBuilder {
    TestApp::builder()
        .route("/optional", optional)
        .route("/by-path", by_path)
        .route("/by-closure", by_closure)
        .route("/by-type", by_type)
        .route("/own-headers", with_own_headers)
        .route("/browser-ttl", with_browser_ttl)
        .route("/by-condition", by_condition)
        .route("/by-type-and-condition", by_type_and_condition)
        .route("/by-request", by_request)
        .route("/slow", slow)
}

const PATHS: [&str; 4] = ["/optional", "/by-path", "/by-closure", "/by-type"];

#[track_caller]
fn assert_shows(response: &TestResponse, user: &str) {
    assert!(response.text().ends_with(user), "{response:?}");
}

#[actix_web::test]
async fn logged_in_visitor_bypasses_the_page_of_anonymous_ones() {
    for path in PATHS {
        let app = builder().start().await;
        app.get(path).await.assert_stored();
        for user in ["alice", "bob", "alice"] {
            let response = app.get(path).header("x-user", user).await;
            assert_shows(response.assert_bypass(Reason::LoggedIn).assert_detail("logged-in"), user);
        }
        assert_shows(app.get(path).await.assert_hit(), "guest");
    }
}

#[actix_web::test]
async fn page_of_a_logged_in_visitor_is_never_stored() {
    for path in PATHS {
        let app = builder().start().await;
        app.get(path).header("x-user", "alice").await.assert_bypass(Reason::LoggedIn);
        assert_shows(app.get(path).await.assert_stored(), "guest");
        app.head(path).header("x-user", "alice").await.assert_bypass(Reason::LoggedIn);
    }
}

#[actix_web::test]
async fn logged_in_visitor_neither_leads_nor_follows_a_flight() {
    let app = builder().paused().start().await;
    let by_user = |user| app.get("/slow").header("x-user", user);
    let crowd = Crowd::send([by_user("alice"), app.get("/slow"), by_user("bob"), app.get("/slow")]).await;
    assert_eq!(app.waiting().len(), 3);
    app.finish(3).await;
    for (response, body) in crowd.responses().await.iter().zip(["1 alice", "2 guest", "3 bob", "2 guest"]) {
        response.assert_body(body);
    }
}

/// A browser must not show the page that it has to a visitor who has logged in since. A shared cache has it for requests without
/// `Cookie` and `Authorization` only.
#[actix_web::test]
async fn anonymous_page_is_revalidated_by_browsers() {
    for path in PATHS {
        let app = builder().start().await;
        for _ in 0..2 {
            let page = app.get(path).await;
            page.assert_header("cache-control", "max-age=0, s-maxage=60");
            page.assert_header("vary", "cookie, authorization");
        }
        let response = app.get(path).header("x-user", "alice").await;
        response.assert_header("cache-control", "private, no-cache");
        response.assert_header("vary", "cookie, authorization");
    }
}

#[actix_web::test]
async fn cache_control_of_the_handler_is_sent_as_it_is() {
    let app = builder().start().await;
    for user in [&[][..], &[("x-user", "alice")]] {
        let response = app.get("/own-headers").headers(user).await;
        response.assert_header("cache-control", "max-age=5");
        response.assert_header("vary", "accept, cookie, authorization");
    }
}

#[actix_web::test]
async fn browser_ttl_of_an_anonymous_page_is_sent_as_given() {
    let app = builder().start().await;
    app.get("/browser-ttl").await.assert_header("cache-control", "max-age=10");
    let response = app.get("/browser-ttl").header("x-user", "alice").await;
    response.assert_header("cache-control", "private, no-cache");
}

#[actix_web::test]
async fn bypass_for_another_reason_is_private_too() {
    let app = builder().start().await;
    for path in ["/by-condition", "/by-type-and-condition"] {
        let response = app.get(path).header("x-user", "alice").await;
        response.assert_bypass(Reason::BypassIf).assert_header("cache-control", "private, no-cache");
    }
}

#[actix_web::test]
async fn response_to_credentials_is_private() {
    let response = builder().start().await.get("/by-request").header("cookie", "id=1").await;
    response.assert_bypass(Reason::Credentials).assert_header("cache-control", "private, no-cache");
}

/// The cache is off: the response is what the handler made.
#[actix_web::test]
async fn response_of_a_disabled_cache_is_unchanged() {
    let app = builder().cache(|cache| cache.enabled(false)).start().await;
    let response = app.get("/optional").header("x-user", "alice").await;
    response.assert_bypass(Reason::Disabled).assert_no_header("vary").assert_no_header("cache-control");
}
