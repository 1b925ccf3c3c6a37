//! Purging and expiring pages: which pages a call selects, and what running fills and later requests get.

use actix_web::{Error, HttpResponse};
use cache_page::{PageCache, PageControl, PurgeFuture, cache_page, testing::ManualClock};

use crate::support::{Origin, TestApp, TestAppBuilder};

mod arguments;
mod expired;
mod fills;
mod followers;
mod hosts;
mod immediate;
mod named;
mod refill;
mod refreshes;
mod remote;
mod selection;
mod spelling;
mod streams;
mod tags;
mod writers;

type Purge = fn(&PageCache) -> PurgeFuture;

/// The page that all of [`PURGES`] and [`EXPIRIES`] select.
const POST: &str = "/posts/1?x=1";

/// The name of the handler of `/posts/{id}`.
const POST_HANDLER: &str = concat!(module_path!(), "::post");

/// The name of the handler of `/refreshed/{id}`.
const REFRESHED_HANDLER: &str = concat!(module_path!(), "::refreshed");

const PURGES: [(&str, Purge); 8] = [
    ("purge_path", |cache| cache.purge_path("/posts/1")),
    ("purge_url", |cache| cache.purge_url(POST)),
    ("purge_url with a host", |cache| cache.purge_url("http://localhost:8080/posts/1?x=1")),
    ("purge_prefix", |cache| cache.purge_prefix("/posts")),
    ("purge_tag", |cache| cache.purge_tag("posts")),
    ("purge_tag with a placeholder", |cache| cache.purge_tag("post:1")),
    ("purge_handler", |cache| cache.purge_handler(POST_HANDLER)),
    ("purge_all", PageCache::purge_all),
];

const EXPIRIES: [(&str, Purge); 8] = [
    ("expire_path", |cache| cache.expire_path("/posts/1")),
    ("expire_url", |cache| cache.expire_url(POST)),
    ("expire_url with a host", |cache| cache.expire_url("http://localhost:8080/posts/1?x=1")),
    ("expire_prefix", |cache| cache.expire_prefix("/posts")),
    ("expire_tag", |cache| cache.expire_tag("posts")),
    ("expire_tag with a placeholder", |cache| cache.expire_tag("post:1")),
    ("expire_handler", |cache| cache.expire_handler(POST_HANDLER)),
    ("expire_all", PageCache::expire_all),
];

/// The tags that the handler of a post adds by itself.
const ADDED_TAGS: [(&str, Purge); 4] = [
    ("purge_tag, added before the run waits", |cache| cache.purge_tag("early")),
    ("purge_tag, added at the end", |cache| cache.purge_tag("late")),
    ("expire_tag, added before the run waits", |cache| cache.expire_tag("early")),
    ("expire_tag, added at the end", |cache| cache.expire_tag("late")),
];

#[cache_page(60, tags = ["posts", "post:{id}"])]
async fn post(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    control.tag("early");
    let response = origin.respond().await;
    control.tag("late");
    response
}

#[cache_page(60, stale_while_revalidate = 30, tags = ["post:{id}"])]
async fn refreshed(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[cache_page(60, stale_if_error = 300)]
async fn kept_on_error(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[cache_page(60, cache = "big", tags = ["posts"])]
async fn big(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

/// An application with a handler for each of the options that matter to a purge.
fn site() -> TestAppBuilder {
    TestApp::builder()
        .route("/posts/{id}", post)
        .route("/refreshed/{id}", refreshed)
        .route("/kept-on-error", kept_on_error)
}

/// Adds the page `/big`, which is in a cache of its own, and returns that cache.
fn with_a_named_cache(app: TestAppBuilder) -> (TestAppBuilder, PageCache) {
    let clock = ManualClock::new();
    let named = PageCache::builder().clock(clock.clone()).build();
    let app = app.clock(&clock).cache(|cache| cache.named_cache("big", named.clone())).route("/big", big);
    (app, named)
}

/// Returns how many pages were purged or expired.
async fn removed(purge: PurgeFuture) -> usize {
    purge.await.expect("the argument is valid").pages()
}

/// Requests all pages, and checks that the ones that are not hits are stored again and are exactly the expected ones.
async fn assert_only_gone(app: &TestApp, uris: &[&str], expected: impl Fn(&str) -> bool, purge: &str) {
    for uri in uris {
        let response = app.get(uri).await;
        assert_eq!(response.is_stored(), expected(uri), "{purge}: {response:?}");
        assert_eq!(response.is_hit(), !expected(uri), "{purge}: {response:?}");
    }
}
