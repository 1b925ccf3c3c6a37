//! Cookies, sessions and CORS headers of a middleware around a cached handler: they are sent, and are no part of the page.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
};

use actix_cors::Cors;
use actix_session::{Session, SessionExt as _, SessionMiddleware, storage::CookieSessionStore};
use actix_web::{
    Error, HttpRequest, HttpResponse, Responder,
    body::BoxBody,
    cookie::Key,
    dev::{ServiceRequest, ServiceResponse},
    get,
    http::{
        Method,
        header::{HeaderValue, ORIGIN, SET_COOKIE},
    },
    middleware::{Logger, Next, from_fn},
    web,
};
use cache_page::cache_page;

use crate::support::{TestApp, TestResponse};

const ALLOW_ORIGIN: &str = "access-control-allow-origin";

const ORIGINS: [&str; 2] = ["https://a.example", "https://b.example"];

fn cors() -> Cors {
    ORIGINS.into_iter().fold(Cors::default().allowed_methods(["GET"]), Cors::allowed_origin)
}

#[get("/page")]
#[cache_page(60)]
async fn page() -> &'static str {
    "page"
}

/// The same page with the middleware around its App and around its scope, which is inside the App's middlewares.
async fn with_cors() -> [TestApp; 2] {
    let around_the_app = TestApp::builder().configure(|config| {
        config.service(page);
    });
    let around_a_scope = TestApp::builder().configure(|config| {
        config.service(web::scope("").wrap(cors()).service(page));
    });
    [around_the_app.wrap(cors).start().await, around_a_scope.wrap(Logger::default).start().await]
}

#[actix_web::test]
async fn each_origin_gets_its_own_cors_headers_on_a_hit() {
    for app in with_cors().await {
        for round in 0..3 {
            for origin in ORIGINS {
                let response = app.get("/page").header("origin", origin).await;
                response.assert_header(ALLOW_ORIGIN, origin);
                assert!(response.header("vary").unwrap().contains("Origin"), "{response:?}");
                assert_eq!(response.is_hit(), round > 0 || origin == ORIGINS[1], "{response:?}");
            }
            app.get("/page").await.assert_hit().assert_no_header(ALLOW_ORIGIN);
        }
    }
}

#[actix_web::test]
async fn preflight_request_is_answered_for_its_own_origin() {
    for app in with_cors().await {
        app.get("/page").header("origin", ORIGINS[0]).await.assert_stored();
        let preflight = app.request(Method::OPTIONS, "/page").header("origin", ORIGINS[1]);
        let response = preflight.header("access-control-request-method", "GET").await;
        response.assert_header(ALLOW_ORIGIN, ORIGINS[1]);
    }
}

#[cache_page(60)]
async fn with_own_cors_header(#[unkeyed] request: HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if let Some(origin) = request.headers().get(ORIGIN) {
        response.insert_header((ALLOW_ORIGIN, origin));
    }
    response.insert_header(("vary", "Origin")).body("page")
}

#[actix_web::test]
async fn handler_that_sends_cors_headers_has_a_page_per_origin() {
    let app = TestApp::builder().route("/", with_own_cors_header).start().await;
    for round in 0..2 {
        for origin in [Some(ORIGINS[0]), None, Some(ORIGINS[1])] {
            let header = origin.map(|origin| ("origin", origin));
            let response = app.get("/").headers(header.as_slice()).await;
            assert_eq!(response.header(ALLOW_ORIGIN).as_deref(), origin, "{response:?}");
            assert_eq!(response.is_hit(), round == 1, "{response:?}");
        }
    }
}

#[cache_page(60)]
async fn anonymous(#[anonymous] _request: HttpRequest) -> HttpResponse {
    HttpResponse::Ok().insert_header(("vary", "Accept-Language")).body("page")
}

/// actix-cors replaces `Vary`, and reads only its first line.
#[actix_web::test]
async fn cors_middleware_removes_nothing_from_vary() {
    let app = TestApp::builder().route("/", anonymous).wrap(|| Cors::default().allow_any_origin());
    let app = app.start().await;
    for _ in 0..2 {
        let vary = app.get("/").header("origin", ORIGINS[0]).await.header("vary").unwrap();
        let names: BTreeSet<_> = vary.split(',').map(|name| name.trim().to_lowercase()).collect();
        for name in ["accept-language", "cookie", "authorization", "origin"] {
            assert!(names.contains(name), "{name} is not in {vary}");
        }
    }
}

/// Gives each visitor without a cookie a new token, as a protection against CSRF does.
async fn set_token(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
    static TOKENS: AtomicU64 = AtomicU64::new(0);
    let has_cookie = request.headers().contains_key("cookie");
    let mut response = next.call(request).await?;
    if !has_cookie {
        let token = TOKENS.fetch_add(1, Ordering::SeqCst);
        let cookie = HeaderValue::from_str(&format!("csrf={token}; HttpOnly")).unwrap();
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// A page in a scope with a middleware of its own, inside the App's.
#[get("/inner")]
#[cache_page(60)]
async fn inner() -> &'static str {
    "page"
}

#[actix_web::test]
async fn cookie_of_an_outer_middleware_is_new_on_every_hit() {
    let app = TestApp::builder()
        .configure(|config| {
            config.service(page).service(web::scope("/scope").wrap(from_fn(set_token)).service(inner));
        })
        .wrap(|| from_fn(set_token))
        .start()
        .await;
    for (path, middlewares) in [("/page", 1), ("/scope/inner", 2)] {
        let mut cookies = BTreeSet::new();
        for number in 0..5 {
            let response = app.get(path).await;
            assert_eq!(response.is_hit(), number > 0, "{response:?}");
            assert_eq!(response.headers.get_all(SET_COOKIE).count(), middlewares, "{response:?}");
            assert!(cookies.insert(response.header("set-cookie")), "a replayed cookie: {response:?}");
        }
        let known = app.get(path).header("cookie", "csrf=1").await;
        known.assert_hit().assert_no_header("set-cookie");
    }
    assert_eq!(app.pages(), 2);
}

async fn login(session: Session, name: web::Path<String>) -> Result<&'static str, Error> {
    session.insert("user", name.into_inner())?;
    Ok("welcome")
}

async fn user(session: Session) -> Result<String, Error> {
    Ok(session.get("user")?.unwrap_or_default())
}

#[get("/cached")]
#[cache_page(60)]
async fn cached(#[unkeyed] _session: Session) -> impl Responder {
    "page"
}

/// Changes the session on every request, hits included.
async fn count_visit(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let session = request.get_session();
    let visits = session.get::<u64>("visits")?.unwrap_or_default();
    session.insert("visits", visits + 1)?;
    next.call(request).await
}

fn sessions() -> SessionMiddleware<CookieSessionStore> {
    SessionMiddleware::new(CookieSessionStore::default(), Key::from(&[3; 64]))
}

/// An application whose middlewares count the visits of each session outside of the cached page.
async fn with_sessions() -> TestApp {
    TestApp::builder()
        .configure(|config| {
            config.service(cached).route("/login/{name}", web::get().to(login));
            config.route("/user", web::get().to(user));
        })
        .wrap(|| from_fn(count_visit))
        .wrap(sessions)
        .start()
        .await
}

/// Returns the cookie of the session.
fn session(response: &TestResponse) -> String {
    response.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

#[actix_web::test]
async fn session_that_changes_on_a_hit_stays_with_its_visitor() {
    let app = with_sessions().await;
    let mut visitors = Vec::new();
    for name in ["alice", "bob"] {
        visitors.push((name, session(&app.get(&format!("/login/{name}")).await)));
    }
    let mut seen = BTreeSet::new();
    for round in 0..3 {
        for (name, cookie) in &mut visitors {
            let response = app.get("/cached").header("cookie", &*cookie).await;
            assert_eq!(response.is_hit(), round > 0 || *name == "bob", "{response:?}");
            *cookie = session(&response);
            assert!(seen.insert(cookie.clone()), "a replayed session: {response:?}");
            app.get("/user").header("cookie", &*cookie).await.assert_body(*name);
        }
        let stranger = app.get("/cached").await;
        let cookie = session(stranger.assert_hit());
        assert!(seen.insert(cookie.clone()), "a replayed session: {stranger:?}");
        app.get("/user").header("cookie", cookie).await.assert_body("");
    }
}

#[actix_web::test]
async fn session_of_an_outer_middleware_is_not_stored() {
    let app = with_sessions().await;
    session(app.get("/cached").await.assert_stored());
    let without_visits = TestApp::builder().share_cache(&app).wrap(sessions).configure(|config| {
        config.service(cached);
    });
    without_visits.start().await.get("/cached").await.assert_hit().assert_no_header("set-cookie");
}
