//! Requests that a stale page answers.

use cache_page::Reason;

use super::{REFRESHED, site};
use crate::support::settle;

#[actix_web::test]
async fn head_request_gets_the_stale_page_and_starts_no_refresh() {
    let app = site().start().await;
    app.get(REFRESHED).await;
    app.advance(60);
    let response = app.head(REFRESHED).await;
    settle().await;
    response.assert_stale(Reason::StaleWhileRevalidate).assert_ttl(0);
    assert_eq!((response.cache_status().fwd(), app.runs()), (None, 1));
}

#[actix_web::test]
async fn stale_page_answers_conditional_requests() {
    let app = site().start().await;
    let etag = app.get(REFRESHED).await.header("etag").expect("an entity tag");
    app.advance(60);
    let response = app.get(REFRESHED).header("if-none-match", etag).await;
    response.assert_stale(Reason::StaleWhileRevalidate).assert_status(304).assert_body("");
}

#[actix_web::test]
async fn honored_request_directives_refuse_a_stale_page() {
    for (directive, is_stale) in [
        ("", true),
        ("only-if-cached", true),
        ("no-cache", false),
        ("max-age=1000", false),
        ("min-fresh=1", false),
    ] {
        let app = site().cache(|cache| cache.honor_request_cache_control(true)).start().await;
        app.get(REFRESHED).await;
        app.advance(60);
        let response = app.get(REFRESHED).header("cache-control", directive).await;
        assert_eq!(response.text() == "page 1", is_stale, "{response:?}");
    }
}
