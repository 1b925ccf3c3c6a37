//! Pages of one process in another one.

use std::time::Duration;

use actix_web::{Error, HttpResponse, http::StatusCode, web::Bytes};
use cache_page::Outcome;
use futures_util::stream;

use super::{KEPT_ON_ERROR, POST, connect, page_with, process, remote_only, two_processes};
use crate::support::{Backend, Call, advance, until};

#[actix_web::test]
async fn page_of_one_process_is_a_remote_hit_in_another() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get("/page?a=1")).await;
    other
        .get("/page?a=1")
        .await
        .assert_remote_hit()
        .assert_ttl(60)
        .assert_status(200)
        .assert_body("page 1 of one");
    assert_eq!((other.count(Outcome::RemoteHit), other.count(Outcome::Hit), other.runs()), (1, 0, 0));
    assert_eq!((one.remote_stats().stored, other.remote_stats().stored, backend.leases()), (1, 0, 0));
}

#[actix_web::test]
async fn page_of_another_query_is_not_a_remote_hit() {
    let (_, one, other) = two_processes().await;
    one.fill(one.get("/page?a=1")).await;
    other.get("/page?a=2").await.assert_stored().assert_body("page 1 of other");
}

const LONG_BODY: usize = 70_000;

fn long_body() -> Vec<u8> {
    (0..=u8::MAX).cycle().take(LONG_BODY).collect()
}

fn with_many_headers() -> HttpResponse {
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
        .body(long_body())
}

fn streamed() -> HttpResponse {
    let chunks =
        [&b"one "[..], b"", b"two ", b"three"].map(|chunk| Ok::<_, Error>(Bytes::from_static(chunk)));
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").streaming(stream::iter(chunks))
}

type Respond = fn() -> HttpResponse;

/// Returns a handler whose response is stored whatever its status and its `Date` are.
fn for_a_minute(response: Respond) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |call| {
        call.control().ttl(Duration::from_secs(60));
        response()
    }
}

#[actix_web::test]
async fn remote_hit_has_the_stored_status_headers_and_body() {
    let responses: [(&str, Respond); 8] = [
        ("many headers", with_many_headers),
        ("streamed", streamed),
        ("body", || HttpResponse::Ok().body("plain")),
        ("empty", || HttpResponse::Ok().finish()),
        ("204", || HttpResponse::NoContent().finish()),
        ("301", || HttpResponse::MovedPermanently().insert_header(("location", "/there")).finish()),
        ("404", || HttpResponse::NotFound().body("nothing there")),
        ("299", || HttpResponse::build(StatusCode::from_u16(299).unwrap()).body("of an unusual status")),
    ];
    for (name, response) in responses {
        let (_, one, other) = two_processes().await;
        one.set_handler(for_a_minute(response));
        one.get("/tagged").await;
        until("the page is stored in the backend", || one.remote_stats().stored == 1).await;
        let hit = one.get("/tagged").await;
        assert!(hit.is_hit(), "{name}: {hit:?}");
        let remote = other.get("/tagged").await;
        assert_eq!(remote.outcome(), Some(Outcome::RemoteHit), "{name}: {remote:?}");
        let local = other.get("/tagged").await;
        assert!(local.is_hit(), "{name}: {local:?}");
        for response in [remote, local] {
            assert_eq!(response.status, hit.status, "{name}");
            assert!(response.body == hit.body, "{name}: {response:?}");
            assert_eq!(response.stored_headers(), hit.stored_headers(), "{name}");
        }
        assert_eq!(other.runs(), 0, "{name}");
    }
}

#[actix_web::test]
async fn age_includes_the_time_in_the_store() {
    let (backend, one, other) = two_processes().await;
    one.set_handler(page_with("one", &[("age", "7")]));
    one.fill(one.get("/")).await;
    advance(&backend, &[&one, &other], 10);
    other.get("/").await.assert_remote_hit().assert_age(17).assert_ttl(50);
    other.get("/").await.assert_hit().assert_age(17).assert_ttl(50);
    advance(&backend, &[&one, &other], 49);
    other.get("/").await.assert_age(66).assert_ttl(1);
}

#[actix_web::test]
async fn page_expires_in_all_processes_at_the_same_time() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get("/")).await;
    advance(&backend, &[&one, &other], 59);
    other.get("/").await.assert_remote_hit().assert_ttl(1);
    advance(&backend, &[&one, &other], 1);
    for process in [&other, &one] {
        assert_ne!(process.get("/").await.text(), "page 1 of one");
    }
}

#[actix_web::test]
async fn head_request_is_answered_from_the_store() {
    let (_, one, other) = two_processes().await;
    one.fill(one.get("/")).await;
    let head = other.head("/").await;
    head.assert_remote_hit();
    assert_eq!(head.stored_headers(), one.get("/").await.stored_headers());
    other.get("/").await.assert_hit().assert_body("page 1 of one");
    assert_eq!(other.runs(), 0);
}

#[actix_web::test]
async fn head_request_stores_nothing_and_takes_no_lease() {
    let (backend, one, _) = two_processes().await;
    one.head("/").await.assert_miss().assert_detail("head");
    assert_eq!((backend.entries(), backend.leases()), (0, 0));
}

#[actix_web::test]
async fn conditional_request_is_answered_from_the_store() {
    let (_, one, other) = two_processes().await;
    let etag = one.fill(one.get("/")).await.header("etag").expect("an entity tag");
    other.get("/").header("if-none-match", etag).await.assert_status(304).assert_body("");
    assert_eq!((other.count(Outcome::Revalidated), other.count(Outcome::RemoteHit)), (1, 0));
}

/// Also where the response varies.
#[actix_web::test]
async fn range_request_is_answered_and_the_whole_page_is_stored() {
    let (_, one, other) = two_processes().await;
    one.set_handler(for_a_minute(with_many_headers));
    one.fill(one.get("/tagged").header("x-a", "1")).await;
    let range = other.get("/tagged").headers(&[("x-a", "1"), ("range", "bytes=5-9")]).await;
    range.assert_status(206).assert_body([5, 6, 7, 8, 9]);
    other.get("/tagged").header("x-a", "1").await.assert_hit().assert_body(long_body());
}

/// A lookup removes expired entries of the backend.
#[actix_web::test]
async fn entry_is_in_the_store_until_its_stale_window_ends() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get("/")).await;
    one.fill(one.get(KEPT_ON_ERROR)).await;
    for (seconds, entries) in [(59, 2), (1, 1), (299, 1), (1, 0)] {
        advance(&backend, &[&one, &other], seconds);
        other.head("/else").await;
        assert_eq!(backend.entries(), entries, "after {seconds} more seconds");
    }
}

/// The page is cached although the request has credentials, because its handler does not read them.
#[actix_web::test]
async fn request_headers_are_not_stored() {
    let (backend, one, _) = two_processes().await;
    let headers = [("cookie", "a-secret"), ("authorization", "a-secret"), ("x-api-key", "a-secret")];
    one.fill(one.get(POST).headers(&headers)).await;
    let bytes = backend.bytes();
    assert!(!bytes.windows(8).any(|part| part == b"a-secret"));
    assert!(bytes.windows(6).any(|part| part == b"page 1"), "the body of the page is not stored");
}

#[actix_web::test]
async fn evicted_page_is_generated_again() {
    let backend = Backend::new();
    let (one, other) = (remote_only("one", &backend).await, remote_only("other", &backend).await);
    one.fill(one.get("/")).await;
    backend.evict();
    other.fill(other.get("/")).await.assert_body("page 1 of other");
    one.get("/").await.assert_remote_hit().assert_body("page 1 of other");
}

#[actix_web::test]
async fn page_is_not_shared_if_a_purge_may_have_been_forgotten() {
    let backend = Backend::new();
    let (one, other) = (remote_only("one", &backend).await, remote_only("other", &backend).await);
    one.fill(one.get("/")).await;
    backend.forget_purges();
    other.get("/").await.assert_stored().assert_body("page 1 of other");
}

#[actix_web::test]
async fn fill_after_a_forgotten_purge_is_shared_again() {
    let backend = Backend::new();
    let (one, other) = (remote_only("one", &backend).await, remote_only("other", &backend).await);
    backend.forget_purges();
    one.receive_purges().await;
    one.fill(one.get("/")).await;
    other.get("/").await.assert_remote_hit().assert_body("page 1 of one");
}

#[actix_web::test]
async fn process_that_starts_later_gets_the_stored_pages() {
    let (backend, one, _) = two_processes().await;
    one.fill(one.get("/")).await;
    let third = connect(process("third", &backend)).await;
    third.get("/").await.assert_remote_hit().assert_body("page 1 of one");
}
