//! The smallest page: requested for the first time, before its TTL ends, and after that.

use std::collections::HashSet;

use actix_web::{HttpResponse, Responder, get, web};
use cache_page::{PageCache, cache_page};

use crate::support::{Origin, TestApp, TestAppBuilder, pipeline};

#[get("/minute")]
#[cache_page(60)]
async fn minute(origin: Origin) -> impl Responder {
    origin.count();
    HttpResponse::Ok().insert_header(("x-from", "the handler")).body("Hello World")
}

#[get("/two-minutes")]
#[cache_page(120)]
async fn two_minutes(origin: Origin) -> impl Responder {
    origin.count();
    "Hello World"
}

#[get("/worker")]
async fn worker() -> String {
    format!("{:?}", std::thread::current().id())
}

fn hello() -> TestAppBuilder {
    TestApp::builder().configure(|config| {
        config.service(minute).service(two_minutes).service(worker);
    })
}

/// The same application in this thread and on a socket.
async fn transports() -> [TestApp; 2] {
    [hello().start().await, hello().serve()]
}

#[actix_web::test]
async fn first_request_runs_the_handler_and_is_stored() {
    for app in transports().await {
        let first = app.get("/minute").await;
        first.assert_stored().assert_fwd("miss").assert_ttl(60).assert_status(200).assert_body("Hello World");
        first.assert_header("cache-control", "max-age=60").assert_header("x-from", "the handler");
        first.assert_no_header("age");
        assert_eq!(app.runs(), 1);
    }
}

#[actix_web::test]
async fn second_request_is_a_hit_with_the_same_headers_and_an_age() {
    for app in transports().await {
        let first = app.get("/minute").await;
        app.advance(59);
        let second = app.get("/minute").await;
        second.assert_hit().assert_ttl(1).assert_age(59).assert_status(200).assert_body(&first.body);
        assert_eq!(second.stored_headers(), first.stored_headers());
        assert_eq!(app.runs(), 1);
    }
}

#[actix_web::test]
async fn stored_page_expires_after_its_ttl() {
    for app in transports().await {
        app.get("/minute").await;
        app.advance(59);
        app.get("/minute").await.assert_hit();
        app.advance(1);
        app.get("/minute")
            .await
            .assert_stored()
            .assert_fwd("stale")
            .assert_ttl(60)
            .assert_body("Hello World");
        assert_eq!(app.runs(), 2);
    }
}

#[actix_web::test]
async fn stored_page_with_a_longer_ttl_is_fresh_for_longer() {
    for app in transports().await {
        app.get("/two-minutes").await.assert_stored().assert_ttl(120);
        app.advance(60);
        app.get("/two-minutes").await.assert_hit().assert_ttl(60);
        assert_eq!(app.runs(), 1);
    }
}

/// The App has a cache of its own, or uses the global one; the factory gives each worker its own data.
#[actix_web::test]
async fn workers_share_pages() {
    for builder in [hello().page_cache(PageCache::new()), hello().without_cache()] {
        let app = builder
            .configure(|config| {
                config.app_data(web::Data::new("per worker"));
            })
            .serve();
        app.get("/minute").await.assert_stored();
        let mut workers = HashSet::new();
        // Connections go to the workers in turn.
        for _ in 0..20 {
            let responses = pipeline(&[app.get("/worker"), app.get("/minute")]).await;
            workers.insert(responses[0].text().to_owned());
            responses[1].assert_hit();
        }
        assert_eq!((workers.len(), app.runs()), (2, 1));
    }
}
