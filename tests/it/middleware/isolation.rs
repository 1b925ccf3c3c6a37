//! No visitor gets what was generated for another one: all pages of a middleware are anonymous-only.

use actix_session::{Session, SessionMiddleware, storage::CookieSessionStore};
use actix_web::{
    Error,
    cookie::Key,
    http::header::HeaderName,
    web::{self, ServiceConfig},
};
use cache_page::{PageCacheMiddleware, Reason};

use super::{around, around_for_a_minute, shown};
use crate::support::{TestApp, TestAppBuilder, TestResponse};

/// Usual credential headers, and one that the application configures.
const CREDENTIALS: [&str; 7] = [
    "cookie",
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "x-auth-token",
    "x-forwarded-user",
    "x-badge",
];

async fn app() -> TestApp {
    let badge = HeaderName::from_static("x-badge");
    around_for_a_minute().cache(|cache| cache.credential_header(badge)).handler(shown).start().await
}

#[actix_web::test]
async fn request_with_credentials_is_not_stored() {
    let app = app().await;
    for name in CREDENTIALS {
        for visitor in ["alice", "bob"] {
            let response = app.get("/").header(name, visitor).await;
            response.assert_bypass(Reason::Credentials);
            response.assert_header("cache-control", "private, no-cache").assert_no_header("etag");
            assert!(response.text().contains(visitor), "{response:?}");
        }
    }
    assert_eq!(app.pages(), 0);
    let page = app.get("/").await;
    page.assert_stored();
    assert!(!page.text().contains("alice") && !page.text().contains("bob"), "{page:?}");
}

#[actix_web::test]
async fn request_with_credentials_does_not_get_the_stored_page() {
    let app = app().await;
    let page = app.get("/").await;
    for name in CREDENTIALS {
        let response = app.get("/").header(name, "carol").await;
        response.assert_bypass(Reason::Credentials);
        assert!(response.text().contains("carol"), "{response:?}");
    }
    app.get("/").await.assert_hit().assert_body(&page.body);
    assert_eq!(app.runs(), 1 + CREDENTIALS.len() as u64);
}

/// A browser or a proxy must not send the page to a request with credentials.
#[actix_web::test]
async fn page_varies_by_credentials_downstream() {
    let app = app().await;
    for _ in 0..2 {
        let vary = app.get("/").await.header("vary").unwrap();
        assert_eq!(vary, "cookie, authorization, x-badge");
    }
}

async fn greeting(session: Session) -> Result<String, Error> {
    Ok(session.get("user")?.unwrap_or_else(|| "stranger".to_owned()))
}

async fn login(session: Session, name: web::Path<String>) -> Result<&'static str, Error> {
    session.insert("user", name.into_inner())?;
    Ok("welcome")
}

fn routes(config: &mut ServiceConfig) {
    config.route("/me", web::get().to(greeting)).route("/login/{name}", web::get().to(login));
}

fn sessions() -> SessionMiddleware<CookieSessionStore> {
    SessionMiddleware::new(CookieSessionStore::default(), Key::from(&[3; 64]))
}

fn sessions_inside() -> TestAppBuilder {
    TestApp::builder().configure(routes).wrap(sessions).wrap(|| PageCacheMiddleware::new(60))
}

fn sessions_outside() -> TestAppBuilder {
    around(|| PageCacheMiddleware::new(60)).configure(routes).wrap(sessions)
}

/// Returns the cookie of the session that a login started.
fn session(response: &TestResponse) -> String {
    response.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

#[actix_web::test]
async fn page_of_a_session_is_never_sent_to_another_visitor() {
    for builder in [sessions_inside(), sessions_outside()] {
        let app = builder.start().await;
        for round in 0..3 {
            let mut visitors = Vec::new();
            for name in ["alice", "bob"] {
                visitors.push((name, session(&app.get(&format!("/login/{name}?{round}")).await)));
            }
            for (name, cookie) in visitors {
                let response = app.get("/me").header("cookie", cookie).await;
                response.assert_bypass(Reason::Credentials).assert_body(name);
            }
            let stranger = app.get("/me").await;
            stranger.assert_body("stranger").assert_no_header("set-cookie");
            assert_eq!(stranger.is_hit(), round > 0, "{stranger:?}");
        }
    }
}

#[actix_web::test]
async fn response_that_starts_a_session_inside_is_not_stored() {
    let app = sessions_inside().start().await;
    for _ in 0..2 {
        session(app.get("/login/alice").await.assert_not_stored(Reason::SetCookie));
    }
}

/// The cookie is added outside, but the response is for the visitor whose session it is.
#[cfg(feature = "actix-session")]
#[actix_web::test]
async fn response_that_starts_a_session_outside_is_not_stored() {
    let app = sessions_outside().start().await;
    for _ in 0..2 {
        session(app.get("/login/alice").await.assert_not_stored(Reason::SessionChanged));
    }
}
