//! Access checks run before a page is served from the cache.

use std::{
    collections::HashSet,
    future::{Ready, ready},
};

use actix_web::{
    Error, FromRequest, HttpRequest, Responder,
    dev::{Payload, ServiceRequest},
    error::ErrorForbidden,
};
use actix_web_grants::{GrantsMiddleware, protect};
use cache_page::cache_page;

use crate::support::{Origin, TestApp};

/// Rejects all users but one.
struct Admin;

impl FromRequest for Admin {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let is_admin = request.headers().get("x-user").is_some_and(|user| user == "admin");
        ready(if is_admin { Ok(Self) } else { Err(ErrorForbidden("not for you")) })
    }
}

#[cache_page(60)]
async fn extracted(#[unkeyed] _admin: Admin, origin: Origin) -> impl Responder {
    origin.count();
    "secret"
}

// Above `#[cache_page]` this does not compile: see `tests/ui/uncovered/access_check_above.rs`.
#[cache_page(60)]
#[protect("admin")]
async fn protected(origin: Origin) -> impl Responder {
    origin.count();
    "secret"
}

async fn authorities(request: &ServiceRequest) -> Result<HashSet<String>, Error> {
    let user = request.headers().get("x-user").and_then(|user| user.to_str().ok());
    Ok(user.map(str::to_owned).into_iter().collect())
}

async fn assert_checked(app: &TestApp) {
    let request = |user| app.get("/").header("x-user", user);
    request("stranger").await.assert_status(403);
    request("admin").await.assert_stored().assert_body("secret");
    request("admin").await.assert_hit().assert_body("secret");
    let rejected = request("stranger").await;
    rejected.assert_status(403);
    assert!(!rejected.text().contains("secret"), "{rejected:?}");
    assert_eq!(app.runs(), 1);
}

#[actix_web::test]
async fn extractor_that_rejects_guards_a_stored_page() {
    assert_checked(&TestApp::builder().route("/", extracted).start().await).await;
}

#[actix_web::test]
async fn protect_attribute_below_guards_a_stored_page() {
    let app = TestApp::builder()
        .route("/", protected)
        .wrap(|| GrantsMiddleware::with_extractor(authorities))
        .start()
        .await;
    assert_checked(&app).await;
}
