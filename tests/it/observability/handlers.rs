//! What each handler has in memory.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use cache_page::{HandlerStats, cache_page};

use crate::support::{Crowd, TestApp};

#[cache_page(60, name = "small", tags = ["small:{id}"])]
async fn small(_id: web::Path<u32>) -> &'static str {
    "page"
}

#[cache_page(60, name = "large")]
async fn large(_id: web::Path<u32>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("vary", "x-theme")).body("page".repeat(1000))
}

async fn app() -> TestApp {
    let app = TestApp::builder()
        .cache(|cache| cache.max_bytes(200_000))
        .route("/small/{id}", small)
        .route("/large/{id}", large);
    app.start().await
}

fn of(app: &TestApp, handler: &str) -> HandlerStats {
    let stats = app.cache().stats();
    stats.handlers().find(|(name, _)| *name == handler).expect("it has run").1.clone()
}

/// Checks that the handlers have all that is in memory.
fn check(app: &TestApp) {
    let stats = app.cache().stats();
    let pages: usize = stats.handlers().map(|(_, handler)| handler.pages()).sum();
    assert_eq!(pages, stats.pages());
    for (name, handler) in stats.handlers() {
        let entries = app.cache().entries().filter(|entry| entry.handler() == name);
        assert_eq!(handler.bytes(), entries.map(|entry| entry.bytes()).sum::<usize>(), "{name}");
    }
}

#[actix_web::test]
async fn pages_and_bytes_are_those_in_memory_whatever_removes_them() {
    let app = app().await;
    for id in 0..60 {
        app.get(&format!("/small/{id}")).await.assert_stored();
        app.get(&format!("/large/{id}")).header("x-theme", "dark").await.assert_stored();
    }
    assert!(of(&app, "large").pages() < 60, "some are evicted");
    assert!(of(&app, "large").bytes() > of(&app, "small").bytes());
    check(&app);
    app.cache().purge_tag("small:59").await.unwrap();
    check(&app);
    app.get("/small/59").await.assert_stored();
    app.advance(60);
    app.get("/small/59").await.assert_stored();
    app.cache().remove_expired();
    check(&app);
    assert_eq!((of(&app, "small").pages(), of(&app, "large").pages()), (1, 0));
    app.cache().purge_all().await.unwrap();
    check(&app);
    app.get("/small/59").await.assert_stored();
    check(&app);
}

#[actix_web::test]
async fn purged_pages_are_counted_for_their_handler() {
    let app = app().await;
    for id in 0..5 {
        app.get(&format!("/small/{id}")).await.assert_stored();
        app.get(&format!("/large/{id}")).await.assert_stored();
    }
    app.cache().purge_tag("small:1").await.unwrap();
    app.cache().expire_path("/small/2").await.unwrap();
    assert_eq!((of(&app, "small").purged(), of(&app, "large").purged()), (1, 0));
    app.cache().purge_all().await.unwrap();
    assert_eq!((of(&app, "small").purged(), of(&app, "large").purged()), (5, 5));
}

#[actix_web::test]
async fn fill_time_quantiles_are_an_eighth_wrong_at_most() {
    let app = TestApp::builder().paused().start().await;
    for (run, millis) in [1, 1, 1, 1, 1, 1, 1, 1, 1, 3000].into_iter().enumerate() {
        let crowd = Crowd::send([app.get(&format!("/{run}"))]).await;
        app.advance_by(Duration::from_millis(millis));
        app.finish(1).await;
        crowd.responses().await;
    }
    let stats = app.cache().stats();
    let (_, handler) = stats.handlers().next().unwrap();
    for (share, millis) in [(0.0, 1), (0.5, 1), (0.9, 1), (0.91, 3000), (1.0, 3000)] {
        let (found, exact) = (handler.fill_time_quantile(share).unwrap(), Duration::from_millis(millis));
        assert!(found.abs_diff(exact) <= exact / 8, "{share}: {found:?}");
    }
}
