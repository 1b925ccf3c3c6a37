//! Bodies of refreshes in the background, which no client reads.

use actix_web::{Error, HttpResponse};
use cache_page::cache_page;

use super::{Bodies, streaming};
use crate::support::{Origin, TestApp, settle};

#[cache_page(60, stale_while_revalidate = 30)]
async fn refreshed(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

/// An application that has stored the body `old`, which is stale.
async fn with_stale_page() -> (TestApp, Bodies) {
    let (app, bodies) = streaming();
    let app = app.cache(|cache| cache.max_body(8)).route("/", refreshed).start().await;
    bodies.add(&["old"]).finish();
    app.get("/").await.assert_body("old");
    app.advance(60);
    (app, bodies)
}

#[actix_web::test]
async fn body_of_a_refresh_is_read_by_the_cache() {
    let (app, bodies) = with_stale_page().await;
    let source = bodies.add(&["n"]);
    app.get("/").await.assert_body("old");
    source.push("ew");
    settle().await;
    app.get("/").await.assert_body("old");
    source.finish();
    settle().await;
    app.get("/").await.assert_hit().assert_body("new");
}

#[actix_web::test]
async fn body_of_a_refresh_is_dropped_when_it_exceeds_the_limit() {
    let (app, bodies) = with_stale_page().await;
    let source = bodies.add(&["12345678", "9"]);
    app.get("/").await.assert_body("old");
    settle().await;
    assert!(!source.is_read(), "the body is dropped");
}
