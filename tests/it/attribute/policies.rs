//! A `Policy` that handlers and middlewares share.

use std::time::Duration;

use actix_web::web;
use cache_page::{PageCacheMiddleware, PageControl, Policy, Reason, cache_page};

use crate::support::{Origin, TestApp};

const LISTING: Policy = Policy::new(300)
    .tags(&["posts"])
    .ignore_query(&["utm_*"])
    .bypass_if(|request| request.headers().contains_key("x-preview"));

static FEED: Policy = Policy::with_ttl(None).statuses(&[404]);

#[cache_page(policy = LISTING)]
async fn listing(origin: Origin) -> String {
    origin.count().to_string()
}

#[cache_page("1h", policy = LISTING, tags = ["archive"], ignore_query = ["ref"])]
async fn archive(origin: Origin) -> String {
    origin.count().to_string()
}

#[cache_page(policy = FEED)]
async fn feed(origin: Origin) -> String {
    origin.count().to_string()
}

#[cache_page(policy = FEED)]
async fn feed_with_a_ttl(origin: Origin, control: PageControl) -> String {
    control.ttl(Duration::from_secs(5));
    origin.count().to_string()
}

async fn app() -> TestApp {
    TestApp::builder()
        .route("/listing", listing)
        .route("/archive", archive)
        .route("/feed", feed)
        .route("/feed-with-a-ttl", feed_with_a_ttl)
        .start()
        .await
}

#[actix_web::test]
async fn policy_gives_a_handler_its_options() {
    let app = app().await;
    app.get("/listing").await.assert_stored().assert_ttl(300);
    app.get("/listing?utm_source=a").await.assert_hit();
    app.get("/listing").header("x-preview", "1").await.assert_bypass(Reason::BypassIf);
    app.cache().purge_tag("posts").await.unwrap();
    app.get("/listing").await.assert_stored();
}

#[actix_web::test]
async fn option_beside_a_policy_replaces_that_of_the_policy() {
    let app = app().await;
    app.get("/archive").await.assert_stored().assert_ttl(3600);
    app.get("/archive?ref=a").await.assert_hit();
    app.get("/archive?utm_source=a").await.assert_stored();
    app.get("/archive").header("x-preview", "1").await.assert_bypass(Reason::BypassIf);
    app.cache().purge_tag("posts").await.unwrap();
    app.get("/archive").await.assert_hit();
    app.cache().purge_tag("archive").await.unwrap();
    app.get("/archive").await.assert_stored();
}

#[actix_web::test]
async fn policy_without_expiry_applies() {
    let app = app().await;
    app.get("/feed").await.assert_stored().assert_ttl(None);
    app.advance(1_000_000);
    app.get("/feed").await.assert_hit();
    app.get("/feed-with-a-ttl").await.assert_stored().assert_ttl(5);
}

#[actix_web::test]
async fn handlers_of_one_policy_have_pages_and_counts_of_their_own() {
    let app = app().await;
    app.get("/listing").await.assert_stored().assert_body("1");
    app.get("/archive").await.assert_stored().assert_body("2");
    let stats = app.cache().stats();
    let names: Vec<_> = stats.handlers().map(|(name, _)| name).collect();
    assert!(names.iter().any(|name| name.ends_with("::listing")), "{names:?}");
    assert!(names.iter().any(|name| name.ends_with("::archive")), "{names:?}");
}

const REFRESHED: Policy = Policy::new(60).stale_while_revalidate(Duration::from_secs(30));

#[cache_page(policy = REFRESHED)]
async fn refreshed(origin: Origin) -> String {
    origin.count().to_string()
}

#[actix_web::test]
async fn stale_window_of_a_policy_refreshes_in_the_background() {
    let app = TestApp::builder().route("/", refreshed).start().await;
    app.get("/").await.assert_stored().assert_body("1");
    app.advance(60);
    app.get("/").await.assert_stale(Reason::StaleWhileRevalidate).assert_body("1");
    crate::support::settle().await;
    app.get("/").await.assert_hit().assert_body("2");
}

#[actix_web::test]
async fn policy_gives_a_middleware_its_options() {
    let app = TestApp::builder().uncached().wrap(|| PageCacheMiddleware::with_policy(LISTING)).start().await;
    app.get("/").await.assert_stored().assert_ttl(300);
    app.get("/?utm_source=a").await.assert_hit();
    app.get("/").header("x-preview", "1").await.assert_bypass(Reason::BypassIf);
    app.cache().purge_tag("posts").await.unwrap();
    app.get("/").await.assert_stored();
}

#[actix_web::test]
async fn ttl_of_a_policy_that_is_built_at_run_time_applies() {
    let configured = web::Data::new(Duration::from_secs(7));
    let middleware = move || {
        PageCacheMiddleware::with_policy(LISTING.ttl(Some(**configured))).ignore_query(&["ref"]).name("site")
    };
    let app = TestApp::builder().uncached().wrap(middleware).start().await;
    app.get("/").await.assert_stored().assert_ttl(7);
    app.get("/?ref=a").await.assert_hit();
    app.get("/?utm_source=a").await.assert_stored();
}
