//! What separates pages in the remote store: the handler, the key prefix, and credentials.

use actix_web::{Error, HttpRequest, HttpResponse};
use cache_page::{Reason, cache_page};

use super::{connect, process};
use crate::support::{Backend, Origin, TestApp};

#[cache_page(60)]
async fn handler(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[cache_page(60)]
async fn other_handler(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[cache_page(60)]
async fn anonymous_only(#[anonymous] _request: HttpRequest, origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[actix_web::test]
async fn handlers_of_one_path_have_their_own_pages() {
    for prefix in ["", "shop"] {
        let backend = Backend::new();
        let start = |name| process(name, &backend).cache(|cache| cache.key_prefix(prefix));
        let one = connect(start("one").route("/x", handler)).await;
        let other = connect(start("other").route("/x", other_handler)).await;
        let third = connect(start("third").route("/x", handler)).await;
        one.fill(one.get("/x")).await;
        other.fill(other.get("/x")).await.assert_body("page 1 of other");
        third.get("/x").await.assert_remote_hit().assert_body("page 1 of one");
    }
}

async fn with_prefix(name: &'static str, backend: &Backend, prefix: &str) -> TestApp {
    connect(process(name, backend).cache(|cache| cache.key_prefix(prefix))).await
}

#[actix_web::test]
async fn caches_with_different_key_prefixes_share_no_pages() {
    let backend = Backend::new();
    let one = with_prefix("one", &backend, "one").await;
    one.fill(one.get("/")).await;
    for prefix in ["other", ""] {
        let other = with_prefix("other", &backend, prefix).await;
        other.fill(other.get("/")).await.assert_body("page 1 of other");
    }
    let same = with_prefix("same", &backend, "one").await;
    same.get("/").await.assert_remote_hit().assert_body("page 1 of one");
}

#[actix_web::test]
async fn caches_with_different_key_prefixes_share_no_purges() {
    let backend = Backend::new();
    let one = with_prefix("one", &backend, "one").await;
    let same = with_prefix("same", &backend, "one").await;
    let others = [with_prefix("other", &backend, "other").await, with_prefix("none", &backend, "").await];
    for process in [&one, &others[0], &others[1]] {
        process.fill(process.get("/")).await;
    }
    same.get("/").await.assert_remote_hit();
    one.cache().purge_all().await.unwrap();
    same.receive_purges().await;
    same.get("/").await.assert_stored();
    for process in &others {
        process.receive_purges().await;
        process.get("/").await.assert_hit();
    }
    let another = with_prefix("another", &backend, "other").await;
    another.get("/").await.assert_remote_hit().assert_body("page 1 of other");
}

#[actix_web::test]
async fn request_with_credentials_does_not_use_the_store() {
    let backend = Backend::new();
    let one = connect(process("one", &backend).route("/x", anonymous_only)).await;
    for (name, value) in [("cookie", "id=1"), ("authorization", "Bearer secret"), ("x-api-key", "secret")] {
        one.get("/x").header(name, value).await.assert_bypass(Reason::Credentials);
        assert_eq!((one.lookups(), backend.entries(), backend.leases()), (0, 0, 0), "{name}");
    }
}

#[actix_web::test]
async fn request_with_credentials_gets_no_remote_page() {
    let backend = Backend::new();
    let [one, other] = ["one", "other"].map(|name| process(name, &backend).route("/x", anonymous_only));
    let (one, other) = (connect(one).await, connect(other).await);
    one.fill(one.get("/x")).await;
    other
        .get("/x")
        .header("cookie", "id=1")
        .await
        .assert_bypass(Reason::Credentials)
        .assert_body("page 1 of other");
    assert_eq!(other.lookups(), 0);
    other.get("/x").await.assert_remote_hit().assert_body("page 1 of one");
}
