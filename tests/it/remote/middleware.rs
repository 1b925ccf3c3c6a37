//! The middleware: its pages are shared, and unsafe requests purge in all processes.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use cache_page::{PageCacheBuilder, PageCacheMiddleware, Reason};

use super::{connect, page, status};
use crate::support::{Backend, Behavior, Crowd, Method, TestApp, TestAppBuilder, advance, until};

async fn change() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header(("location", "/named"))
        .insert_header(("content-location", "http://localhost:8080/named-too"))
        .finish()
}

/// Returns the application of a process whose handler is cached by a middleware only.
fn site(name: &'static str, backend: &Backend) -> TestAppBuilder {
    let stale = Duration::from_secs(300);
    TestApp::builder()
        .configure(|config| {
            config.route("/{path:.*}", web::post().to(change));
        })
        .uncached()
        .handler(page(name))
        .wrap(move || PageCacheMiddleware::new(60).tags(&["site"]).stale_if_error(stale))
        .remote(backend)
}

async fn two_sites() -> (Backend, TestApp, TestApp) {
    let backend = Backend::new();
    let (one, other) = (connect(site("one", &backend)).await, connect(site("other", &backend)).await);
    (backend, one, other)
}

#[actix_web::test]
async fn page_of_a_middleware_is_shared() {
    let (_, one, other) = two_sites().await;
    one.fill(one.get("/page?a=1")).await;
    let remote = other.get("/page?a=1").await;
    remote.assert_remote_hit().assert_ttl(60).assert_status(200).assert_body("page 1 of one");
    assert_eq!(remote.stored_headers(), one.get("/page?a=1").await.stored_headers());
    assert_eq!(other.runs(), 0);
}

#[actix_web::test]
async fn request_with_credentials_gets_no_remote_page_of_a_middleware() {
    let (_, one, other) = two_sites().await;
    one.fill(one.get("/page")).await;
    let response = other.get("/page").header("cookie", "id=1").await;
    response.assert_bypass(Reason::Credentials).assert_body("page 1 of other");
    assert_eq!(other.lookups(), 0);
}

#[actix_web::test]
async fn page_of_a_middleware_is_purged_by_its_tag_in_all_processes() {
    let (_, one, other) = two_sites().await;
    one.fill(one.get("/page")).await;
    other.get("/page").await.assert_remote_hit();
    one.cache().purge_tag("site").await.unwrap();
    other.receive_purges().await;
    other.get("/page").await.assert_stored();
}

#[actix_web::test]
async fn page_of_a_middleware_is_served_on_error_by_another_process() {
    let (backend, one, other) = two_sites().await;
    one.fill(one.get("/page")).await;
    advance(&backend, &[&one, &other], 100);
    other.set_handler(status(500));
    other
        .get("/page")
        .await
        .assert_stale(Reason::StaleIfError)
        .assert_status(200)
        .assert_body("page 1 of one");
}

#[actix_web::test]
async fn page_of_a_middleware_is_withdrawn_in_all_processes() {
    let (backend, one, other) = two_sites().await;
    one.fill(one.get("/page")).await;
    advance(&backend, &[&one, &other], 100);
    other.set_handler(status(410));
    other.get("/page").await.assert_status(410);
    until("the page is purged in the backend", || backend.purges() == 1).await;
    one.receive_purges().await;
    one.set_handler(status(500));
    one.get("/page").await.assert_status(500);
}

#[actix_web::test]
async fn waiting_process_runs_the_handler_of_a_middleware_in_the_end() {
    let (backend, one, other) = two_sites().await;
    one.pause();
    let _leader = Crowd::send([one.get("/page")]).await;
    until("the handler runs", || one.waiting() == [1]).await;
    let waiting = Crowd::send(other.get("/page").times(2)).await;
    until("the other process waits", || other.lookups() > 2).await;
    assert_eq!((waiting.answered(), other.runs()), (0, 0));
    // The process dies, and its lease expires.
    one.store().set_behavior(&Method::ALL, Behavior::Hangs);
    advance(&backend, &[&one, &other], 10);
    for response in waiting.responses().await {
        response.assert_status(200).assert_body("page 1 of other");
    }
    assert_eq!(other.runs(), 1);
}

#[actix_web::test]
async fn one_process_runs_the_handler_of_a_middleware_for_all() {
    let (_backend, one, other) = two_sites().await;
    one.pause();
    let leader = Crowd::send([one.get("/page")]).await;
    until("the handler runs", || one.waiting() == [1]).await;
    let waiting = Crowd::send(other.get("/page").times(2)).await;
    until("the other process waits", || other.lookups() > 2).await;
    one.resume().await;
    for crowd in [leader, waiting] {
        for response in crowd.responses().await {
            response.assert_status(200).assert_body("page 1 of one");
        }
    }
    assert_eq!(other.runs(), 0);
}

/// The pages that a POST to `/page` changes, and one that it does not.
const PAGES: [(&str, bool); 4] = [("/page", true), ("/named", true), ("/named-too", true), ("/else", false)];

#[actix_web::test]
async fn unsafe_request_purges_in_the_store_before_its_response() {
    let (backend, one, _other) = two_sites().await;
    let remote_only = |cache: PageCacheBuilder| cache.local_ttl(Duration::ZERO);
    let third = connect(site("third", &backend).cache(remote_only)).await;
    for (uri, _) in PAGES {
        one.fill(one.get(uri)).await;
    }
    one.post("/page").await.assert_status(303);
    for (uri, is_changed) in PAGES {
        let response = third.get(uri).await;
        assert_eq!(response.text().ends_with("of third"), is_changed, "{response:?}");
    }
}

#[actix_web::test]
async fn unsafe_request_purges_in_the_memory_of_all_processes() {
    let (_, one, other) = two_sites().await;
    for (uri, _) in PAGES {
        one.fill(one.get(uri)).await;
        other.get(uri).await.assert_remote_hit();
    }
    one.post("/page").await.assert_status(303);
    other.receive_purges().await;
    for (uri, is_changed) in PAGES {
        let response = other.get(uri).await;
        assert_eq!(response.is_hit(), !is_changed, "{response:?}");
    }
}

#[actix_web::test]
async fn unsafe_request_is_answered_without_the_store() {
    let (_, one, _other) = two_sites().await;
    one.fill(one.get("/page")).await;
    one.store().set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_unavailable().await;
    one.post("/page").await.assert_status(303);
    assert_ne!(one.get("/page").await.text(), "page 1 of one");
}
