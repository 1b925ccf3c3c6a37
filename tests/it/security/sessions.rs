//! Identities that are created during a request: sessions and CSRF tokens, whose cookie is set outside of the cache.
#![cfg(feature = "actix-session")]

use std::{
    future::{Ready, ready},
    sync::atomic::{AtomicU64, Ordering},
};

use actix_session::{Session, SessionExt as _, SessionMiddleware, storage::CookieSessionStore};
use actix_web::{
    Error, FromRequest, HttpMessage as _, HttpRequest, HttpResponse, Responder,
    cookie::Key,
    dev::{Payload, ServiceRequest},
    middleware::{Next, from_fn},
    web,
};
use cache_page::{Page, PageCacheMiddleware, Reason, cache_page};
use tracing::Level;

use crate::support::{Crowd, Events, Origin, TestApp, TestResponse};

fn sessions() -> SessionMiddleware<CookieSessionStore> {
    SessionMiddleware::builder(CookieSessionStore::default(), Key::from(&[7; 64]))
        .cookie_secure(false)
        .build()
}

/// Returns the CSRF token of a session, which it begins if there is none.
fn token(session: &Session) -> String {
    static TOKENS: AtomicU64 = AtomicU64::new(1);
    session.get("csrf").unwrap().unwrap_or_else(|| {
        let token = format!("token {}", TOKENS.fetch_add(1, Ordering::Relaxed));
        session.insert("csrf", &token).unwrap();
        token
    })
}

#[cache_page(60)]
async fn form(#[anonymous] request: HttpRequest, origin: Origin) -> String {
    origin.pass().await;
    token(&request.get_session())
}

/// The author has asserted too much.
#[cache_page(60)]
async fn unkeyed_form(#[unkeyed] session: Session, origin: Origin) -> String {
    origin.pass().await;
    token(&session)
}

async fn uncached_form(session: Session, origin: Origin) -> String {
    origin.pass().await;
    token(&session)
}

#[cache_page(60)]
async fn page(#[anonymous] request: HttpRequest, origin: Origin) -> String {
    format!("{} {}", origin.pass().await, request.path())
}

#[cache_page(60)]
async fn no_arguments() -> &'static str {
    "page"
}

fn assert_own_tokens(responses: &[TestResponse]) {
    for response in responses {
        response.assert_not_stored(Reason::SessionChanged).assert_detail("session-changed");
        assert!(response.header("set-cookie").is_some(), "{response:?}");
    }
    let mut tokens: Vec<&str> = responses.iter().map(TestResponse::text).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), responses.len(), "{tokens:?}");
}

#[actix_web::test]
async fn token_of_a_session_that_a_handler_begins_is_not_stored() {
    let app =
        TestApp::builder().route("/form", form).route("/unkeyed", unkeyed_form).wrap(sessions).start().await;
    for path in ["/form", "/unkeyed"] {
        assert_own_tokens(&[app.get(path).await, app.get(path).await]);
    }
    let inside = TestApp::builder()
        .route("/", uncached_form)
        .wrap(|| PageCacheMiddleware::new(60))
        .wrap(sessions)
        .start()
        .await;
    assert_own_tokens(&[inside.get("/").await, inside.get("/").await]);
    assert_eq!((app.pages(), inside.pages()), (0, 0));
}

#[actix_web::test]
async fn token_of_a_session_is_not_shared_in_flight() {
    let apps = [
        TestApp::builder().route("/", form),
        TestApp::builder().route("/", uncached_form).wrap(|| PageCacheMiddleware::new(60)),
    ];
    for app in apps {
        let app = app.wrap(sessions).paused().start().await;
        let crowd = Crowd::send(app.get("/").times(5)).await;
        assert_eq!(app.waiting(), [1]);
        app.finish(5).await;
        assert_own_tokens(&crowd.responses().await);
    }
}

/// In the right order, the cache sees the cookie.
#[actix_web::test]
async fn cookie_of_a_session_middleware_inside_is_not_stored() {
    let events = Events::collect();
    let app = TestApp::builder()
        .route("/", uncached_form)
        .wrap(sessions)
        .wrap(|| PageCacheMiddleware::new(60))
        .start()
        .await;
    let (one, other) = (app.get("/").await, app.get("/").await);
    one.assert_not_stored(Reason::SetCookie);
    assert_ne!(one.body, other.body);
    let cookie = cookie(&one);
    app.get("/").header("cookie", &cookie).await.assert_bypass(Reason::Credentials).assert_body(one.body);
    assert!(events.take().iter().all(|event| event.level > Level::ERROR));
}

/// The value of `Set-Cookie` as a request sends it.
fn cookie(response: &TestResponse) -> String {
    response.header("set-cookie").expect("a cookie").split(';').next().unwrap().to_owned()
}

#[actix_web::test]
async fn session_middleware_outside_of_the_cache_is_logged() {
    for with_session in [false, true] {
        let app = TestApp::builder()
            .route("/", uncached_form)
            .wrap(|| PageCacheMiddleware::new(60))
            .wrap(sessions)
            .start()
            .await;
        let first = app.get("/").await;
        app.advance(60);
        let events = Events::collect();
        let request = app.get("/");
        // A session that was there before is the same mistake.
        let request = if with_session { request.header("cookie", cookie(&first)) } else { request };
        request.await;
        let events = events.take();
        let error = events.iter().find(|event| event.level == Level::ERROR).expect("an error");
        let fix = ".wrap(SessionMiddleware::new(…)).wrap(PageCacheMiddleware::new(…))";
        assert!(error.message().contains(fix), "{error:?}");
    }
}

#[actix_web::test]
async fn renewed_or_purged_session_is_not_stored() {
    #[cache_page(60)]
    async fn renews(#[anonymous] request: HttpRequest) -> &'static str {
        request.get_session().renew();
        "renewed"
    }
    #[cache_page(60)]
    async fn purges(#[anonymous] request: HttpRequest) -> &'static str {
        request.get_session().purge();
        "purged"
    }
    let app =
        TestApp::builder().route("/renews", renews).route("/purges", purges).wrap(sessions).start().await;
    for path in ["/renews", "/purges"] {
        for _ in 0..2 {
            app.get(path).await.assert_not_stored(Reason::SessionChanged);
        }
    }
}

#[actix_web::test]
async fn page_that_leaves_the_session_alone_is_stored() {
    let app =
        TestApp::builder().route("/page", page).route("/none", no_arguments).wrap(sessions).start().await;
    for path in ["/page", "/none"] {
        app.get(path).await.assert_stored().assert_no_header("set-cookie");
        app.get(path).await.assert_hit();
    }
    // Without a session middleware too.
    let app = TestApp::builder().route("/page", page).start().await;
    app.get("/page").await.assert_stored();
    app.get("/page").await.assert_hit();
}

/// A middleware that writes to every session makes it one visitor's page where the handler could read that.
#[actix_web::test]
async fn session_changed_by_a_middleware_counts_for_anonymous_pages() {
    let app = TestApp::builder()
        .route("/page", page)
        .route("/none", no_arguments)
        .wrap(|| {
            from_fn(|request: ServiceRequest, next: Next<_>| {
                token(&request.get_session());
                next.call(request)
            })
        })
        .wrap(sessions)
        .start()
        .await;
    for _ in 0..2 {
        app.get("/page").await.assert_not_stored(Reason::SessionChanged);
    }
    app.get("/none").await.assert_stored();
    let hit = app.get("/none").await;
    hit.assert_hit();
    assert!(hit.header("set-cookie").is_some(), "each visitor gets a session");
}

/// Who the session is for, and who has none yet.
#[derive(Debug, Hash)]
struct Visitor(Option<u64>);

impl FromRequest for Visitor {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let session = request.get_session();
        let id = session.get("id").unwrap();
        if id.is_none() {
            session.insert("id", IDS.fetch_add(1, Ordering::Relaxed)).unwrap();
        }
        ready(Ok(Self(id)))
    }
}

#[cache_page(60)]
async fn greeting(#[key] visitor: Visitor) -> String {
    format!("{visitor:?}")
}

#[actix_web::test]
async fn visitors_of_a_session_in_the_key_have_own_pages() {
    let app = TestApp::builder().route("/", greeting).wrap(sessions).start().await;
    let cookies = [cookie(&app.get("/").await), cookie(&app.get("/").await)];
    let mut bodies = Vec::new();
    for cookie in &cookies {
        bodies.push(app.get("/").header("cookie", cookie).await.body);
    }
    assert_ne!(bodies[0], bodies[1]);
    for (cookie, body) in cookies.iter().zip(bodies) {
        app.get("/").header("cookie", cookie).await.assert_hit().assert_body(body);
    }
}

/// A token that a middleware puts into the extensions of the request, as those that set a cookie of their own do.
#[derive(Clone)]
struct CsrfToken(String);

fn shows_token(request: &HttpRequest, _: &Page) -> bool {
    request.extensions().contains::<CsrfToken>()
}

#[cache_page(60, no_store_if = shows_token)]
async fn form_with_token(#[anonymous] request: HttpRequest, origin: Origin) -> impl Responder {
    let token = format!("token {}", origin.count());
    request.extensions_mut().insert(CsrfToken(token.clone()));
    HttpResponse::Ok().body(token)
}

async fn uncached_form_with_token(request: HttpRequest, origin: Origin) -> impl Responder {
    let token = format!("token {}", origin.pass().await);
    request.extensions_mut().insert(CsrfToken(token.clone()));
    request.extensions().get::<CsrfToken>().map(|CsrfToken(token)| token.clone())
}

#[actix_web::test]
async fn no_store_if_sees_what_the_handler_has_put_into_the_request() {
    let apps = [
        TestApp::builder().route("/", form_with_token),
        TestApp::builder()
            .route("/", uncached_form_with_token)
            .wrap(|| PageCacheMiddleware::new(60).no_store_if(shows_token)),
    ];
    for app in apps {
        let app = app.start().await;
        for run in 1..4 {
            let response = app.get("/").await;
            response.assert_not_stored(Reason::NoStoreIf).assert_body(format!("token {run}"));
        }
    }
}

/// The author has named another cookie than the one of the sessions.
#[actix_web::test]
async fn page_of_a_session_is_not_stored_under_a_wrong_cookie_name() {
    async fn login(session: Session) -> Result<&'static str, Error> {
        session.insert("csrf", "alice")?;
        Ok("welcome")
    }
    let apps = [
        TestApp::builder().route("/", form),
        TestApp::builder().configure(|config| {
            config.service(web::resource("/").wrap(PageCacheMiddleware::new(60)).to(uncached_form));
        }),
    ];
    for app in apps {
        let app =
            app.route("/login", login).wrap(sessions).cache(|cache| cache.session_cookies(["sessionid"]));
        let app = app.start().await;
        let cookie = app.get("/login").await.header("set-cookie").unwrap();
        let cookie = cookie.split(';').next().unwrap();
        app.get("/")
            .header("cookie", cookie)
            .await
            .assert_not_stored(Reason::SessionChanged)
            .assert_body("alice");
    }
}
