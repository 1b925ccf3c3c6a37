//! The middleware: its pages are shared, and unsafe requests purge in all processes.

use std::{cell::Cell, rc::Rc, time::Duration};

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    dev::{Service, ServiceResponse},
    http::StatusCode,
    test::{TestRequest, init_service},
    web,
};
use cache_page::{Outcome, PageCache, PageCacheMiddleware};

use super::{
    backend::{Backend, Behavior, Method},
    site::{advance, is_remote_hit, long_timeouts, process},
    wait_until,
};
use crate::legacy::{Crowd, Runs, asking, get, send};

/// The state of an App whose handlers have no attributes.
struct Plain {
    runs: Runs,
    status: Cell<u16>,
}

async fn plain(plain: web::Data<Plain>) -> HttpResponse {
    let run = plain.runs.count();
    HttpResponse::build(StatusCode::from_u16(plain.status.get()).unwrap()).body(format!("plain page {run}"))
}

async fn change() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header(("location", "/named"))
        .insert_header(("content-location", "http://localhost:8080/named-too"))
        .finish()
}

async fn app(
    cache: &PageCache,
) -> (Rc<impl Service<Request, Response = ServiceResponse, Error = Error> + use<>>, web::Data<Plain>) {
    let data = web::Data::new(Plain { runs: Runs::default(), status: Cell::new(200) });
    let app = App::new()
        .app_data(cache.clone())
        .app_data(data.clone())
        .wrap(PageCacheMiddleware::new(60).tags(&["plain"]).stale_if_error(Duration::from_secs(300)))
        .route("/{path:.*}", web::post().to(change))
        .default_service(web::route().to(plain));
    (Rc::new(init_service(app).await), data)
}

#[actix_web::test]
async fn pages_of_a_middleware_are_shared() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let ((app_of_one, _), (app_of_other, data)) = (app(&one.cache).await, app(&other.cache).await);
    let filled = get(&*app_of_one, "/page?a=1").await;
    assert!(filled.is_stored(), "{}", filled.outcome());
    one.wait_stored(1).await;
    let found = get(&*app_of_other, "/page?a=1").await;
    assert_eq!(found.outcome(), "cache_page; hit; ttl=60; detail=remote");
    assert_eq!((found.status, &found.body, data.runs.get()), (200, &filled.body, 0));
    assert_eq!(found.lasting_headers(), get(&*app_of_one, "/page?a=1").await.lasting_headers());
    // A request with credentials bypasses the cache.
    let answer = send(&*app_of_other, asking("/page?a=1", &[("cookie", "id=1")])).await;
    assert!(answer.outcome().ends_with("; detail=credentials"), "{}", answer.outcome());
    one.cache.purge_tag("plain").await.unwrap();
    other.wait_polled().await;
    assert!(get(&*app_of_other, "/page?a=1").await.is_stored());
    assert_eq!(other.count(Outcome::RemoteHit), 1);
}

#[actix_web::test]
async fn a_page_of_a_middleware_stands_in_and_is_withdrawn() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let ((app_of_one, of_one), (app_of_other, of_other)) = (app(&one.cache).await, app(&other.cache).await);
    let old = get(&*app_of_one, "/page").await;
    one.wait_stored(1).await;
    advance(&backend, &[&one, &other], 100);
    of_other.status.set(500);
    let sent = get(&*app_of_other, "/page").await;
    assert_eq!((sent.status, &sent.body), (200, &old.body), "{}", sent.outcome());
    // The handler runs again after the backoff.
    advance(&backend, &[&one, &other], 100);
    of_other.status.set(410);
    assert_eq!(get(&*app_of_other, "/page").await.status, 410);
    of_one.status.set(500);
    for _ in 0..15_000 {
        if get(&*app_of_one, "/page").await.status == 500 {
            return;
        }
        advance(&backend, &[&one, &other], 1);
        actix_web::rt::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the withdrawn page is still sent");
}

#[actix_web::test]
async fn one_process_makes_the_page_of_a_middleware_for_all() {
    let backend = Backend::default();
    let options = || long_timeouts().coalesce_timeout(Duration::from_secs(3600));
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    let ((app_of_one, of_one), (app_of_other, of_other)) = (app(&one.cache).await, app(&other.cache).await);
    // The put takes long.
    one.store.set_behavior(&[Method::Put], Behavior::Hangs);
    let filled = get(&*app_of_one, "/page").await;
    wait_until("the put is in flight", || one.store.calls(Method::Put) == 1).await;
    let waiting = Crowd::send(&app_of_other, [asking("/page", &[]), asking("/page", &[])]).await;
    wait_until("the other process waits", || other.lookups() > 2).await;
    assert_eq!(waiting.answered(), 0);
    // The lease expires, and not the coalesce timeout.
    advance(&backend, &[&one, &other], 10);
    let answers = waiting.all().await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == filled.body), "{answers:?}");
    assert_eq!((of_one.runs.get(), of_other.runs.get()), (1, 1));
}

#[actix_web::test]
async fn a_change_through_a_middleware_is_one_for_all_processes() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let third = process("third", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    let (app_of_one, _) = app(&one.cache).await;
    let (app_of_other, _) = app(&other.cache).await;
    let (app_of_third, _) = app(&third.cache).await;
    let paths = ["/page", "/named", "/named-too", "/else"];
    for (number, path) in paths.into_iter().enumerate() {
        assert!(get(&*app_of_one, path).await.is_stored());
        one.wait_stored(number as u64 + 1).await;
        assert!(is_remote_hit(&get(&*app_of_other, path).await));
    }
    let answer = send(&*app_of_one, TestRequest::post().uri("/page")).await;
    assert_eq!(answer.status, 303);
    // The purge is executed before the response is sent.
    for path in paths {
        assert_eq!(is_remote_hit(&get(&*app_of_third, path).await), path == "/else", "{path}");
    }
    other.wait_polled().await;
    for path in paths {
        let answer = get(&*app_of_other, path).await;
        let is_old = answer.is_hit() && !is_remote_hit(&answer);
        assert_eq!(is_old, path == "/else", "{path}: {}", answer.outcome());
    }
}

#[actix_web::test]
async fn a_handler_that_writes_purges_in_all_processes() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let third = process("third", &backend, long_timeouts().local_ttl(Duration::ZERO)).await;
    let edit = || TestRequest::post().uri("/posts/1");
    let old = one.fill("/posts/1").await;
    assert!(is_remote_hit(&other.get("/posts/1").await));
    // A request that fails does not purge.
    one.status.set(500);
    assert_eq!(one.send(edit()).await.status, 500);
    other.wait_polled().await;
    assert!(is_remote_hit(&third.get("/posts/1").await) && other.get("/posts/1").await.is_hit());
    one.status.set(200);
    assert_eq!(one.send(edit()).await.status, 200);
    // The purge is executed before the response is sent.
    assert_ne!(third.get("/posts/1").await.body, old.body);
    other.get_until_changed("/posts/1", &old).await;
}

/// The response does not depend on the purge.
#[actix_web::test]
async fn a_handler_that_writes_is_answered_whether_or_not_the_engine_is_there() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let (app_of_one, _) = app(&one.cache).await;
    let old = one.fill("/posts/1").await;
    assert!(is_remote_hit(&other.get("/posts/1").await));
    one.store.set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_available(false).await;
    assert_eq!(one.send(TestRequest::post().uri("/posts/1")).await.status, 200);
    assert_eq!(send(&*app_of_one, TestRequest::post().uri("/page")).await.status, 303);
    assert_ne!(one.get("/posts/1").await.body, old.body);
    one.store.set_behavior(&Method::ALL, Behavior::Works);
    other.get_until_changed("/posts/1", &old).await;
}
