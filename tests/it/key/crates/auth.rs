//! `actix-web-httpauth`: one page per user.

use actix_web_httpauth::extractors::{basic::BasicAuth, bearer::BearerAuth};
use cache_page::cache_page;

use crate::{
    key::assert_own_pages,
    support::{Origin, TestApp, TestAppBuilder},
};

#[cache_page(60)]
async fn bearer(origin: Origin, auth: BearerAuth) -> String {
    format!("{} {}", origin.count(), auth.token())
}

#[cache_page(60)]
async fn basic(origin: Origin, auth: BasicAuth) -> String {
    format!("{} {}", origin.count(), auth.user_id())
}

#[cache_page(60)]
async fn optional(origin: Origin, auth: Option<BearerAuth>) -> String {
    format!("{} {:?}", origin.count(), auth.as_ref().map(BearerAuth::token))
}

fn builder() -> TestAppBuilder {
    TestApp::builder().route("/bearer", bearer).route("/basic", basic).route("/optional", optional)
}

const BEARER: [&[(&str, &str)]; 2] =
    [&[("authorization", "Bearer alice")], &[("authorization", "Bearer bob")]];
const BASIC: [&[(&str, &str)]; 2] =
    [&[("authorization", "Basic YWxpY2U6MQ==")], &[("authorization", "Basic Ym9iOjE=")]];

#[actix_web::test]
async fn authorization_header_has_a_page_for_each_user() {
    let app = builder().start().await;
    for (path, users) in [("/bearer", BEARER), ("/basic", BASIC), ("/optional", BEARER)] {
        assert_own_pages(&app, path, &users).await;
        let response = app.get(path).headers(users[0]).await;
        response.assert_hit().assert_header("cache-control", "private, no-cache");
        response.assert_header("vary", "authorization");
    }
    app.get("/optional").await.assert_stored();
}

#[actix_web::test]
async fn request_without_credentials_is_rejected_beside_a_page() {
    let app = builder().start().await;
    app.get("/bearer").headers(BEARER[0]).await.assert_stored();
    app.get("/bearer").await.assert_status(401);
}
