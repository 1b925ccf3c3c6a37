//! Which responses the clients get while a 304 confirms the page.

use cache_page::Reason;

use super::{KEPT_ON_ERROR, PLAIN, REFRESHED, app, tagged};
use crate::support::{Crowd, TestApp, settle};

/// An application whose page is expired, and unchanged.
async fn expired() -> TestApp {
    let app = app(tagged("\"a\"")).await;
    for uri in [KEPT_ON_ERROR, PLAIN, REFRESHED] {
        app.get(uri).await.assert_stored();
    }
    app.advance(60);
    app
}

#[actix_web::test]
async fn page_is_confirmed_by_a_background_refresh() {
    let app = expired().await;
    app.get(REFRESHED).await.assert_stale(Reason::StaleWhileRevalidate);
    settle().await;
    let hit = app.get(REFRESHED).await;
    hit.assert_hit().assert_ttl(60).assert_age(0).assert_body("page 3").assert_header("x-run", "4");
}

/// They wait for what is sent, not for what the handler returns.
#[actix_web::test]
async fn followers_get_the_confirmed_page() {
    let app = expired().await;
    app.pause();
    let crowd = Crowd::send(app.get(KEPT_ON_ERROR).times(3)).await;
    app.finish(1).await;
    let responses = crowd.responses().await;
    for response in &responses {
        response.assert_status(200).assert_body("page 1");
    }
    for follower in &responses[1..] {
        follower.assert_collapsed();
    }
    assert_eq!(app.runs(), 4);
}

/// The page may not be served stale, but it may be compared (RFC 9111 4.3).
#[actix_web::test]
async fn page_without_a_stale_window_is_confirmed() {
    let app = expired().await;
    let response = app.get(PLAIN).await;
    response.assert_stored().assert_fwd("stale").assert_fwd_status(304).assert_ttl(60).assert_body("page 2");
}

#[actix_web::test]
async fn client_with_the_confirmed_version_gets_a_304() {
    let app = expired().await;
    let response = app.get(KEPT_ON_ERROR).header("if-none-match", "\"a\"").await;
    response.assert_stored().assert_fwd("stale").assert_fwd_status(304).assert_ttl(60);
    response.assert_status(304).assert_body("");
    app.get(KEPT_ON_ERROR).await.assert_hit().assert_body("page 1");
}

#[actix_web::test]
async fn client_with_another_version_gets_the_confirmed_page() {
    let app = expired().await;
    let response = app.get(KEPT_ON_ERROR).header("if-none-match", "\"b\"").await;
    response.assert_status(200).assert_body("page 1");
}

#[actix_web::test]
async fn head_request_gets_the_status_of_the_confirmed_page() {
    let app = expired().await;
    app.head(KEPT_ON_ERROR).await.assert_status(200);
}
