//! `actix-session` and `actix-identity`: a session is one visitor's.

use actix_identity::{Identity, IdentityMiddleware};
use actix_session::{Session, SessionExt as _};
use actix_web::{
    body::BoxBody,
    dev::ServiceRequest,
    middleware::{Next, from_fn},
    web,
};
use cache_page::{Reason, cache_page};

use crate::{
    key::assert_own_pages,
    support::{Origin, TestApp, TestAppBuilder},
};

const USER: &str = "actix_identity.user_id";

#[cache_page(60)]
async fn anonymous_session(origin: Origin, #[anonymous] session: Session) -> String {
    format!("{} {:?}", origin.count(), session.get::<String>(USER))
}

#[cache_page(60)]
async fn keyed_session(
    origin: Origin,
    #[key(by = |session| session.get::<String>(USER).ok().flatten())] session: Session,
) -> String {
    format!("{} {:?}", origin.count(), session.get::<String>(USER))
}

#[cache_page(60)]
async fn anonymous_identity(origin: Origin, #[anonymous] user: Option<Identity>) -> String {
    format!("{} {:?}", origin.count(), user.map(|user| user.id().unwrap()))
}

#[cache_page(60)]
async fn keyed_identity(origin: Origin, #[key(by = |user| user.id().ok())] user: Identity) -> String {
    format!("{} {}", origin.count(), user.id().unwrap())
}

/// The session of a request is that of the user in `x-user`.
fn builder() -> TestAppBuilder {
    TestApp::builder().configure(|config| {
        let log_in = |request: ServiceRequest, next: Next<BoxBody>| async move {
            if let Some(user) = request.headers().get("x-user") {
                request.get_session().insert(USER, user.to_str().unwrap()).unwrap();
            }
            next.call(request).await
        };
        config.service(
            web::scope("")
                .wrap(IdentityMiddleware::default())
                .wrap(from_fn(log_in))
                .route("/session", web::to(anonymous_session))
                .route("/session/key", web::to(keyed_session))
                .route("/identity", web::to(anonymous_identity))
                .route("/identity/key", web::to(keyed_identity)),
        );
    })
}

#[actix_web::test]
async fn visitor_with_a_session_bypasses_an_anonymous_page() {
    for path in ["/session", "/identity"] {
        let app = builder().start().await;
        app.get(path).header("x-user", "alice").await.assert_bypass(Reason::LoggedIn);
        app.get(path).await.assert_stored();
        let response = app.get(path).header("x-user", "alice").await;
        response.assert_bypass(Reason::LoggedIn).assert_header("cache-control", "private, no-cache");
        assert!(response.text().contains("alice"), "{response:?}");
        let page = app.get(path).await;
        assert!(!page.assert_hit().text().contains("alice"), "{page:?}");
    }
}

#[actix_web::test]
async fn keyed_session_has_a_page_for_each_user() {
    let app = builder().start().await;
    for path in ["/session/key", "/identity/key"] {
        assert_own_pages(&app, path, &[&[("x-user", "alice")], &[("x-user", "bob")]]).await;
    }
}
