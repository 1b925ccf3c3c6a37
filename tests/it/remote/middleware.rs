//! What is around handlers: pages of a `PageCacheMiddleware` are shared too, and so is what changing requests purge.

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
    memory::{Does, Engine, Op},
    site::{advance, is_remote_hit, patient, process},
    until,
};
use crate::legacy::{Crowd, Runs, asking, get, send};

/// An App of handlers that know nothing of a cache.
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
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let ((app_of_one, _), (app_of_other, data)) = (app(&one.cache).await, app(&other.cache).await);
    let made = get(&*app_of_one, "/page?a=1").await;
    assert!(made.is_stored(), "{}", made.outcome());
    one.gives(1).await;
    let found = get(&*app_of_other, "/page?a=1").await;
    assert_eq!(found.outcome(), "cache_page; hit; ttl=60; detail=remote");
    assert_eq!((found.status, &found.body, data.runs.get()), (200, &made.body, 0));
    assert_eq!(found.lasting_headers(), get(&*app_of_one, "/page?a=1").await.lasting_headers());
    // Nobody's with credentials.
    let answer = send(&*app_of_other, asking("/page?a=1", &[("cookie", "id=1")])).await;
    assert!(answer.outcome().ends_with("; detail=credentials"), "{}", answer.outcome());
    one.cache.purge_tag("plain").await.unwrap();
    other.hears().await;
    assert!(get(&*app_of_other, "/page?a=1").await.is_stored());
    assert_eq!(other.of(Outcome::RemoteHit), 1);
}

#[actix_web::test]
async fn a_page_of_a_middleware_stands_in_and_is_withdrawn() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let ((app_of_one, of_one), (app_of_other, of_other)) = (app(&one.cache).await, app(&other.cache).await);
    let old = get(&*app_of_one, "/page").await;
    one.gives(1).await;
    advance(&engine, &[&one, &other], 100);
    of_other.status.set(500);
    let sent = get(&*app_of_other, "/page").await;
    assert_eq!((sent.status, &sent.body), (200, &old.body), "{}", sent.outcome());
    // It is tried again after some time, and is gone then.
    advance(&engine, &[&one, &other], 100);
    of_other.status.set(410);
    assert_eq!(get(&*app_of_other, "/page").await.status, 410);
    of_one.status.set(500);
    for _ in 0..15_000 {
        if get(&*app_of_one, "/page").await.status == 500 {
            return;
        }
        advance(&engine, &[&one, &other], 1);
        actix_web::rt::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("the withdrawn page is still sent");
}

#[actix_web::test]
async fn one_process_makes_the_page_of_a_middleware_for_all() {
    let engine = Engine::default();
    let options = || patient().coalesce_timeout(Duration::from_secs(3600));
    let (one, other) = (process("one", &engine, options()).await, process("other", &engine, options()).await);
    let ((app_of_one, of_one), (app_of_other, of_other)) = (app(&one.cache).await, app(&other.cache).await);
    // It comes to the engine by and by.
    one.store.set(&[Op::Put], Does::Hangs);
    let made = get(&*app_of_one, "/page").await;
    until("it is on its way", || one.store.count(Op::Put) == 1).await;
    let waits = Crowd::send(&app_of_other, [asking("/page", &[]), asking("/page", &[])]).await;
    until("it waits", || other.asked() > 2).await;
    assert_eq!(waits.answered(), 0);
    // Its time, and not that of whoever waits, is over.
    advance(&engine, &[&one, &other], 10);
    let answers = waits.all().await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body == made.body), "{answers:?}");
    assert_eq!((of_one.runs.get(), of_other.runs.get()), (1, 1));
}

#[actix_web::test]
async fn a_change_through_a_middleware_is_one_for_all_processes() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let third = process("third", &engine, patient().local_ttl(Duration::ZERO)).await;
    let (app_of_one, _) = app(&one.cache).await;
    let (app_of_other, _) = app(&other.cache).await;
    let (app_of_third, _) = app(&third.cache).await;
    let paths = ["/page", "/named", "/named-too", "/else"];
    for (number, path) in paths.into_iter().enumerate() {
        assert!(get(&*app_of_one, path).await.is_stored());
        one.gives(number as u64 + 1).await;
        assert!(is_remote_hit(&get(&*app_of_other, path).await));
    }
    let answer = send(&*app_of_one, TestRequest::post().uri("/page")).await;
    assert_eq!(answer.status, 303);
    // When that was answered.
    for path in paths {
        assert_eq!(is_remote_hit(&get(&*app_of_third, path).await), path == "/else", "{path}");
    }
    other.hears().await;
    for path in paths {
        let answer = get(&*app_of_other, path).await;
        let is_old = answer.is_hit() && !is_remote_hit(&answer);
        assert_eq!(is_old, path == "/else", "{path}: {}", answer.outcome());
    }
}

#[actix_web::test]
async fn a_handler_that_writes_purges_in_all_processes() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let third = process("third", &engine, patient().local_ttl(Duration::ZERO)).await;
    let edit = || TestRequest::post().uri("/posts/1");
    let old = one.make("/posts/1").await;
    assert!(is_remote_hit(&other.get("/posts/1").await));
    // One that fails has written nothing.
    one.status.set(500);
    assert_eq!(one.send(edit()).await.status, 500);
    other.hears().await;
    assert!(is_remote_hit(&third.get("/posts/1").await) && other.get("/posts/1").await.is_hit());
    one.status.set(200);
    assert_eq!(one.send(edit()).await.status, 200);
    // When that was answered.
    assert_ne!(third.get("/posts/1").await.body, old.body);
    other.get_until_not("/posts/1", &old).await;
}

/// What it wrote is written, and its answer does not depend on who hears of it.
#[actix_web::test]
async fn a_handler_that_writes_is_answered_whether_or_not_the_engine_is_there() {
    let engine = Engine::default();
    let (one, other) = (process("one", &engine, patient()).await, process("other", &engine, patient()).await);
    let (app_of_one, _) = app(&one.cache).await;
    let old = one.make("/posts/1").await;
    assert!(is_remote_hit(&other.get("/posts/1").await));
    one.store.set(&Op::ALL, Does::Fails);
    one.is_up(false).await;
    assert_eq!(one.send(TestRequest::post().uri("/posts/1")).await.status, 200);
    assert_eq!(send(&*app_of_one, TestRequest::post().uri("/page")).await.status, 303);
    assert_ne!(one.get("/posts/1").await.body, old.body);
    one.store.set(&Op::ALL, Does::Works);
    other.get_until_not("/posts/1", &old).await;
}
