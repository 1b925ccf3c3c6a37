//! Purges and soft purges: they take effect in all processes.

use actix_web::{Error, HttpResponse};
use cache_page::{PageCache, PurgeFuture, cache_page};

use super::{POST, Purge, connect, process, remote_only, two_processes};
use crate::support::{Backend, Method, Origin, TestApp, until};

/// All purges that select [`POST`].
const PURGES: [(&str, Purge); 17] = [
    ("purge_path", |cache| cache.purge_path("/posts/1")),
    ("purge_url", |cache| cache.purge_url("/posts/1")),
    ("purge_url with a host", |cache| cache.purge_url("http://localhost:8080/posts/1")),
    ("purge_prefix", |cache| cache.purge_prefix("/post")),
    ("purge_tag", |cache| cache.purge_tag("posts")),
    ("purge_tag with a placeholder", |cache| cache.purge_tag("post:1")),
    ("purge_handler", |cache| cache.purge_handler("posts")),
    ("purge_all", PageCache::purge_all),
    ("purge_path with a slash", |cache| cache.purge_path("/posts/1/")),
    ("expire_path", |cache| cache.expire_path("/posts/1")),
    ("expire_url", |cache| cache.expire_url("/posts/1")),
    ("expire_url with a host", |cache| cache.expire_url("http://localhost:8080/posts/1")),
    ("expire_prefix", |cache| cache.expire_prefix("/post")),
    ("expire_tag", |cache| cache.expire_tag("posts")),
    ("expire_tag with a placeholder", |cache| cache.expire_tag("post:1")),
    ("expire_handler", |cache| cache.expire_handler("posts")),
    ("expire_all", PageCache::expire_all),
];

/// Purges that do not select [`POST`].
const OTHER_PURGES: [(&str, Purge); 13] = [
    ("purge_path", |cache| cache.purge_path("/posts/2")),
    ("purge_url", |cache| cache.purge_url("/posts/1?page=2")),
    ("purge_url with an empty parameter", |cache| cache.purge_url("/posts/1?=")),
    ("purge_prefix", |cache| cache.purge_prefix("/posts/1/")),
    ("purge_prefix in another case", |cache| cache.purge_prefix("/Posts")),
    ("purge_tag, shorter", |cache| cache.purge_tag("post")),
    ("purge_tag, longer", |cache| cache.purge_tag("post:11")),
    ("purge_handler", |cache| cache.purge_handler("post")),
    ("expire_path", |cache| cache.expire_path("/posts/2")),
    ("expire_url", |cache| cache.expire_url("/posts/1?page=2")),
    ("expire_prefix", |cache| cache.expire_prefix("/posts/10")),
    ("expire_tag in another case", |cache| cache.expire_tag("Posts")),
    ("expire_handler", |cache| cache.expire_handler("other")),
];

#[actix_web::test]
async fn purge_takes_effect_in_the_store_at_once() {
    for (name, purge) in PURGES {
        let (backend, one, _) = two_processes().await;
        let third = remote_only("third", &backend).await;
        one.fill(one.get(POST)).await;
        third.get(POST).await.assert_remote_hit();
        purge(one.cache()).await.unwrap();
        let response = third.get(POST).await;
        assert_ne!(response.text(), "page 1 of one", "{name}: {response:?}");
    }
}

#[actix_web::test]
async fn purge_takes_effect_in_the_memory_of_all_processes() {
    for (name, purge) in PURGES {
        let (_, one, other) = two_processes().await;
        one.fill(one.get(POST)).await;
        other.get(POST).await.assert_remote_hit();
        purge(one.cache()).await.unwrap();
        other.receive_purges().await;
        for process in [&one, &other] {
            let response = process.get(POST).await;
            assert_ne!(response.text(), "page 1 of one", "{name}: {response:?}");
        }
    }
}

#[actix_web::test]
async fn received_purge_is_not_sent_again() {
    for (name, purge) in PURGES {
        let (_, one, other) = two_processes().await;
        purge(one.cache()).await.unwrap();
        other.receive_purges().await;
        assert_eq!((one.store().calls(Method::Purge), other.store().calls(Method::Purge)), (1, 0), "{name}");
    }
}

#[actix_web::test]
async fn page_that_no_purge_selects_stays() {
    let (backend, one, other) = two_processes().await;
    let third = remote_only("third", &backend).await;
    one.fill(one.get(POST)).await;
    other.get(POST).await.assert_remote_hit();
    for (name, purge) in OTHER_PURGES {
        purge(one.cache()).await.unwrap();
        other.receive_purges().await;
        for process in [&one, &other] {
            let response = process.get(POST).await;
            assert!(response.is_hit(), "{name}: {response:?}");
        }
        third.get(POST).await.assert_remote_hit().assert_body("page 1 of one");
    }
}

#[actix_web::test]
async fn purge_that_is_not_awaited_takes_effect() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get(POST)).await;
    other.get(POST).await.assert_remote_hit();
    drop(one.cache().purge_tag("posts"));
    until("the purge is executed", || backend.purges() == 1).await;
    other.receive_purges().await;
    assert_ne!(other.get(POST).await.text(), "page 1 of one");
}

const QUERIES: [&str; 5] = ["/a", "/a?", "/a?page=1", "/a?page=2", "/a?page=1&x"];

#[actix_web::test]
async fn purge_of_a_url_selects_one_query() {
    let (backend, one, _) = two_processes().await;
    let third = remote_only("third", &backend).await;
    for uri in QUERIES {
        one.fill(one.get(uri)).await;
    }
    one.cache().purge_url("/a?page=1").await.unwrap();
    for uri in QUERIES {
        let response = third.get(uri).await;
        assert_eq!(response.text().ends_with("of one"), uri != "/a?page=1", "{response:?}");
    }
}

#[cache_page(60, query = ["page"])]
async fn paged(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

/// The attribute of the handler selects query parameters.
#[actix_web::test]
async fn purge_of_a_url_selects_all_queries_of_a_normalized_page() {
    let backend = Backend::new();
    let start = |name| connect(process(name, &backend).route("/paged", paged));
    let (one, other) = (start("one").await, start("other").await);
    other.fill(other.get("/paged?page=1&x=y")).await;
    one.get("/paged?page=1").await.assert_remote_hit();
    one.cache().purge_url("/paged?x=z&page=1").await.unwrap();
    one.get("/paged?page=1").await.assert_stored().assert_body("page 1 of one");
}

#[actix_web::test]
async fn all_of_many_concurrent_purges_are_received() {
    const PAGES: usize = 50;
    let (_, one, other) = two_processes().await;
    let uri = |number| format!("/posts/{number}");
    for number in 0..PAGES {
        one.fill(one.get(&uri(number))).await;
        other.get(&uri(number)).await.assert_remote_hit();
    }
    let purges: Vec<PurgeFuture> =
        (0..PAGES).map(|number| one.cache().purge_tag(&format!("post:{number}"))).collect();
    for purge in purges {
        assert_eq!(purge.await.unwrap().pages(), 1);
    }
    other.receive_purges().await;
    for number in 0..PAGES {
        other.get(&uri(number)).await.assert_stored().assert_body(format!("page {} of other", number + 1));
    }
}

#[actix_web::test]
async fn purge_with_an_invalid_argument_is_not_sent() {
    let (_, one, _) = two_processes().await;
    let purges: [(&str, Purge); 4] = [
        ("purge_path", |cache| cache.purge_path("posts")),
        ("purge_tag", |cache| cache.purge_tag("")),
        ("purge_prefix", |cache| cache.purge_prefix("/")),
        ("purge_handler", |cache| cache.purge_handler("")),
    ];
    for (name, purge) in purges {
        let error = purge(one.cache()).await.unwrap_err();
        assert!(!error.is_pending(), "{name}: {error}");
    }
    assert_eq!(one.store().calls(Method::Purge), 0);
}

#[actix_web::test]
async fn path_is_purged_on_all_hosts_and_however_it_is_escaped() {
    for path in ["/tags/über", "/tags/%C3%BCber"] {
        let (backend, one, _) = two_processes().await;
        let third = remote_only("third", &backend).await;
        let request = |app: &TestApp| app.get("/t%61gs/%c3%bcber?x").header("host", "example.com");
        one.fill(request(&one)).await;
        request(&third).await.assert_remote_hit();
        one.cache().purge_path(path).await.unwrap();
        // The run may not be stored: the third process may receive the purge while it runs.
        let response = request(&third).await;
        response.assert_miss();
        assert_eq!(response.text(), "page 1 of third", "{path}");
    }
}
