//! Pages of one process in another one.

use std::time::Duration;

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    dev::{Service, ServiceResponse},
    http::{Method, StatusCode},
    test::{TestRequest, init_service},
    web::{self, Bytes},
};
use cache_page::{Outcome, PageCache, PageControl, cache_page};
use futures_util::stream;

use super::{
    backend::Backend,
    site::{advance, is_remote_hit, long_timeouts, process},
    wait_until,
};
use crate::legacy::{Runs, asking, get, send};

#[actix_web::test]
async fn a_page_of_one_process_is_a_hit_in_the_other() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let filled = one.fill("/page?a=1").await;
    let found = other.get("/page?a=1").await;
    assert_eq!(found.outcome(), "cache_page; hit; ttl=60; detail=remote");
    assert_eq!((found.text(), found.status), (filled.text(), filled.status));
    assert_eq!((other.count(Outcome::RemoteHit), other.count(Outcome::Hit), other.runs.get()), (1, 0, 0));
    assert_eq!((one.remote_stats().stored, other.remote_stats().stored, backend.leases()), (1, 0, 0));
    // Another query is not stored.
    assert!(other.get("/page?a=2").await.is_stored());
}

/// The response of a test, in any process.
struct Origin {
    runs: Runs,
    answer: fn() -> HttpResponse,
}

#[cache_page(60, name = "of any kind")]
async fn origin(#[unkeyed] origin: web::Data<Origin>, control: PageControl) -> HttpResponse {
    control.ttl(Duration::from_secs(60));
    origin.runs.count();
    (origin.answer)()
}

async fn app(
    cache: &PageCache,
    answer: fn() -> HttpResponse,
) -> (impl Service<Request, Response = ServiceResponse, Error = Error> + use<>, Runs) {
    let runs = Runs::default();
    let data = web::Data::new(Origin { runs: runs.clone(), answer });
    let app = App::new().app_data(cache.clone()).app_data(data).default_service(web::to(origin));
    (init_service(app).await, runs)
}

fn with_headers() -> HttpResponse {
    let body: Vec<u8> = (0..=u8::MAX).cycle().take(70_000).collect();
    HttpResponse::Ok()
        .content_type("application/octet-stream")
        .append_header(("x-line", "one"))
        .append_header(("x-line", "another, with a comma"))
        .append_header(("x-empty", ""))
        .append_header(("link", "</a>; rel=preload"))
        .append_header(("link", "</b>; rel=preload"))
        .append_header(("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"))
        .append_header(("date", "Mon, 07 Nov 1994 08:49:37 GMT"))
        .append_header(("etag", "W/\"own\""))
        .append_header(("cache-control", "public, max-age=3600"))
        .append_header(("vary", "x-a"))
        .append_header(("content-language", "de"))
        .body(body)
}

fn streamed() -> HttpResponse {
    let pieces =
        [&b"one "[..], b"", b"two ", b"three"].map(|piece| Ok::<_, Error>(Bytes::from_static(piece)));
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").streaming(stream::iter(pieces))
}

#[actix_web::test]
async fn nothing_of_a_page_is_lost_on_the_way() {
    let answers: [fn() -> HttpResponse; 8] = [
        with_headers,
        streamed,
        || HttpResponse::Ok().body("plain"),
        || HttpResponse::Ok().finish(),
        || HttpResponse::NoContent().finish(),
        || HttpResponse::MovedPermanently().insert_header(("location", "/there")).finish(),
        || HttpResponse::NotFound().body("nothing there"),
        || HttpResponse::build(StatusCode::from_u16(299).unwrap()).body("of an unusual status"),
    ];
    let backend = Backend::default();
    for (number, answer) in answers.into_iter().enumerate() {
        let one = process("one", &backend, long_timeouts()).await;
        let other = process("other", &backend, long_timeouts()).await;
        let (app_of_one, _) = app(&one.cache, answer).await;
        let (app_of_other, runs) = app(&other.cache, answer).await;
        let uri = format!("/{number}");
        let first = get(&app_of_one, &uri).await;
        one.wait_stored(1).await;
        let hit = get(&app_of_one, &uri).await;
        assert!(hit.is_hit(), "{number}: {} then {}", first.outcome(), hit.outcome());
        let found = get(&app_of_other, &uri).await;
        assert!(is_remote_hit(&found), "{number}: {}", found.outcome());
        let again = get(&app_of_other, &uri).await;
        assert!(again.is_hit() && !is_remote_hit(&again), "{number}: {}", again.outcome());
        for answer in [&found, &again] {
            assert_eq!(answer.status, hit.status, "{number}");
            assert!(answer.body == hit.body, "{number}: another body");
            assert_eq!(answer.lasting_headers(), hit.lasting_headers(), "{number}");
        }
        assert_eq!(runs.get(), 0);
    }
}

#[actix_web::test]
async fn a_page_goes_on_growing_older() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    one.headers.borrow_mut().push(("age", "7"));
    one.fill("/").await;
    advance(&backend, &[&one, &other], 10);
    for (uri, age, ttl) in [("/", 17, 50), ("/", 17, 50)] {
        let answer = other.get(uri).await;
        assert_eq!(answer.header("age"), Some(age.to_string()), "{}", answer.outcome());
        assert!(answer.outcome().contains(&format!("; ttl={ttl}")), "{}", answer.outcome());
    }
    advance(&backend, &[&one, &other], 49);
    assert_eq!(other.get("/").await.header("age").as_deref(), Some("66"));
    advance(&backend, &[&one, &other], 2);
    assert!(other.get("/").await.is_stored(), "the page is expired in all processes");
}

#[actix_web::test]
async fn what_is_in_memory_is_not_asked_for() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    one.fill("/").await;
    assert!(is_remote_hit(&other.get("/").await));
    let asked = (one.lookups(), other.lookups());
    for process in [&one, &other] {
        for _ in 0..6 {
            assert_eq!(process.get("/").await.outcome(), "cache_page; hit; ttl=60");
        }
    }
    assert_eq!((one.lookups(), other.lookups()), asked);
    // Even if the backend does not have the page any more.
    backend.evict();
    assert!(other.get("/").await.is_hit());
    assert_eq!(other.runs.get(), 0);
}

#[actix_web::test]
async fn what_was_in_memory_for_its_time_is_asked_for_again() {
    let backend = Backend::default();
    let options = || long_timeouts().local_ttl(Duration::from_secs(10));
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    let filled = one.fill("/").await;
    assert!(is_remote_hit(&other.get("/").await));
    // Often enough for a local copy of the worker.
    for _ in 0..20 {
        assert_eq!(other.get("/").await.outcome(), "cache_page; hit; ttl=60");
    }
    for round in 1..=4 {
        advance(&backend, &[&one, &other], 10);
        for process in [&one, &other] {
            let asked = process.lookups();
            let answer = process.get("/").await;
            assert!(is_remote_hit(&answer), "{}, round {round}: {}", process.name, answer.outcome());
            assert_eq!(answer.body, filled.body);
            assert_eq!(process.lookups(), asked + 1);
            assert_eq!(process.get("/").await.outcome(), format!("cache_page; hit; ttl={}", 60 - 10 * round));
        }
    }
    assert_eq!((one.runs.get(), other.runs.get()), (1, 0));
}

#[actix_web::test]
async fn where_nothing_is_in_memory_every_request_asks() {
    let backend = Backend::default();
    let options = || long_timeouts().local_ttl(Duration::ZERO);
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    one.fill("/").await;
    for process in [&one, &other] {
        for _ in 0..6 {
            let asked = process.lookups();
            assert!(is_remote_hit(&process.get("/").await));
            assert_eq!(process.lookups(), asked + 1);
        }
    }
    backend.evict();
    assert!(other.get("/").await.is_stored());
}

#[actix_web::test]
async fn head_is_answered_and_makes_nothing() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let head = || TestRequest::default().method(Method::HEAD).uri("/");
    let missing = other.send(head()).await;
    assert!(missing.outcome().ends_with("; detail=head"), "{}", missing.outcome());
    assert_eq!((backend.entries(), backend.leases()), (0, 0));
    let filled = one.fill("/").await;
    let found = other.send(head()).await;
    assert!(is_remote_hit(&found), "{}", found.outcome());
    assert_eq!(other.runs.get(), 1);
    let hit = one.get("/").await;
    assert_eq!(found.lasting_headers(), hit.lasting_headers());
    assert_eq!(other.get("/").await.body, filled.body);
}

#[actix_web::test]
async fn a_client_is_told_that_it_has_the_page_already() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let filled = one.fill("/").await;
    let etag = filled.header("etag").expect("no ETag");
    let answer = other.send(asking("/", &[("if-none-match", &etag)])).await;
    assert_eq!((answer.status, answer.body.len()), (304, 0));
    assert_eq!((other.count(Outcome::Revalidated), other.count(Outcome::RemoteHit)), (1, 0));
    let third = process("third", &backend, long_timeouts()).await;
    let part = third.send(asking("/", &[("range", "bytes=0-3")])).await;
    assert_eq!((part.status, part.text()), (206, "page"));
    assert_eq!(third.get("/").await.body, filled.body, "the full page is in local memory");
}

#[actix_web::test]
async fn a_page_is_in_the_engine_for_as_long_as_it_is_of_use() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    one.fill("/").await;
    one.fill("/stale-if-error").await;
    advance(&backend, &[&one, &other], 61);
    // A lookup removes expired entries.
    assert!(other.get("/else").await.is_stored());
    other.wait_stored(1).await;
    assert_eq!(backend.entries(), 2, "the new entry, and the one with `stale_if_error`");
}

#[actix_web::test]
async fn open_pages_of_clients_with_credentials_are_nobody_elses() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    for line in [("cookie", "id=1"), ("authorization", "Bearer secret"), ("x-api-key", "secret")] {
        let asked = one.lookups();
        let answer = one.send(asking("/anonymous-only", &[line])).await;
        assert!(answer.outcome().ends_with("; detail=credentials"), "{}", answer.outcome());
        assert_eq!((one.lookups(), backend.entries(), backend.leases()), (asked, 0, 0), "{line:?}");
    }
    let filled = one.fill("/anonymous-only").await;
    let answer = other.send(asking("/anonymous-only", &[("cookie", "id=1")])).await;
    assert!(answer.outcome().ends_with("; detail=credentials"), "{}", answer.outcome());
    assert_eq!(other.lookups(), 0);
    let found = other.get("/anonymous-only").await;
    assert!(is_remote_hit(&found) && found.body == filled.body);
}

/// No request header is stored.
#[actix_web::test]
async fn no_credentials_come_into_the_engine() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let headers = [("cookie", "a-secret"), ("authorization", "a-secret"), ("x-api-key", "a-secret")];
    let answer = one.send(asking("/posts/1", &headers)).await;
    assert!(answer.is_stored(), "{}", answer.outcome());
    one.wait_stored(1).await;
    let bytes = backend.bytes();
    assert!(!bytes.windows(8).any(|part| part == b"a-secret"));
    assert!(bytes.windows(6).any(|part| part == b"page 1"), "the body of the page is not stored");
}

#[cache_page(60)]
async fn one_handler(site: web::Data<Runs>) -> String {
    format!("one {}", site.count())
}

#[cache_page(60)]
async fn another_handler(site: web::Data<Runs>) -> String {
    format!("another {}", site.count())
}

#[actix_web::test]
async fn two_handlers_of_one_path_have_pages_of_their_own() {
    for prefix in ["", "shop"] {
        let backend = Backend::default();
        let options = || long_timeouts().key_prefix(prefix);
        let (one, other) =
            (process("one", &backend, options()).await, process("other", &backend, options()).await);
        let runs = web::Data::new(Runs::default());
        let app = |cache: &PageCache| App::new().app_data(cache.clone()).app_data(runs.clone());
        let first = init_service(app(&one.cache).default_service(web::to(one_handler))).await;
        let second = init_service(app(&other.cache).default_service(web::to(another_handler))).await;
        let third = init_service(app(&other.cache).default_service(web::to(one_handler))).await;
        let filled = get(&first, "/").await;
        one.wait_stored(1).await;
        assert_eq!(get(&second, "/").await.text(), "another 2");
        other.wait_stored(1).await;
        let found = get(&third, "/").await;
        assert!(is_remote_hit(&found), "{prefix:?}: {}", found.outcome());
        assert_eq!(found.body, filled.body);
    }
}

#[actix_web::test]
async fn caches_with_other_prefixes_share_nothing() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts().key_prefix("one")).await;
    let same = process("same", &backend, long_timeouts().key_prefix("one")).await;
    let other = process("other", &backend, long_timeouts().key_prefix("other")).await;
    let none = process("none", &backend, long_timeouts()).await;
    let filled = one.fill("/").await;
    let own = other.fill("/").await;
    none.fill("/").await;
    let found = same.get("/").await;
    assert!(is_remote_hit(&found) && found.body == filled.body);
    one.cache.purge_all().await.unwrap();
    same.get_until_changed("/", &filled).await;
    for process in [&other, &none] {
        process.wait_polled().await;
        assert!(process.get("/").await.is_hit(), "{} was purged with another namespace", process.name);
    }
    let again = process("again", &backend, long_timeouts().key_prefix("other")).await;
    let found = again.get("/").await;
    assert!(is_remote_hit(&found) && found.body == own.body);
}

#[actix_web::test]
async fn what_the_engine_lets_go_is_made_anew() {
    let backend = Backend::default();
    let options = || long_timeouts().local_ttl(Duration::ZERO);
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    one.fill("/").await;
    backend.evict();
    assert!(other.fill("/").await.is_stored());
    // No page is stored if a purge may have been forgotten.
    backend.forget_purges();
    let answer = one.get("/").await;
    assert!(answer.is_stored(), "{}", answer.outcome());
    one.wait_polled().await;
    wait_until("the process is connected", || one.remote_stats().is_available).await;
    one.get("/").await;
    one.wait_stored(2).await;
    assert!(is_remote_hit(&other.get("/").await));
}

#[actix_web::test]
async fn what_other_requests_get_from_a_hit_is_all_of_it() {
    let backend = Backend::default();
    let (one, other) =
        (process("one", &backend, long_timeouts()).await, process("other", &backend, long_timeouts()).await);
    let (app_of_one, _) = app(&one.cache, with_headers).await;
    let (app_of_other, _) = app(&other.cache, with_headers).await;
    let first = send(&app_of_one, asking("/", &[("x-a", "1")])).await;
    one.wait_stored(1).await;
    // The first request is for a range.
    let part = send(&app_of_other, asking("/", &[("x-a", "1"), ("range", "bytes=5-9")])).await;
    assert_eq!((part.status, &part.body[..]), (206, &[5, 6, 7, 8, 9][..]));
    let whole = send(&app_of_other, asking("/", &[("x-a", "1")])).await;
    assert!(whole.is_hit() && whole.body == first.body);
}
