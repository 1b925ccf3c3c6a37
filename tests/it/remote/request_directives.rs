//! Request directives (RFC 9111 5.2.1) for pages of other processes.

use std::time::Duration;

use cache_page::Reason;

use super::{POST, page, page_with, two_processes_with};
use crate::support::{Backend, TestApp, advance};

const DIRECTIVES: [&str; 3] = ["no-cache", "max-age=5", "min-fresh=55"];

async fn honoring(local_ttl: u64) -> (Backend, TestApp, TestApp) {
    two_processes_with(|cache| {
        cache.local_ttl(Duration::from_secs(local_ttl)).honor_request_cache_control(true)
    })
    .await
}

#[actix_web::test]
async fn directive_refuses_a_page_in_the_store() {
    for local_ttl in [60, 10, 0] {
        for directive in DIRECTIVES {
            let (backend, one, other) = honoring(local_ttl).await;
            one.fill(one.get(POST)).await;
            advance(&backend, &[&one, &other], 10);
            let response = other.get(POST).header("cache-control", directive).await;
            response.assert_stored().assert_fwd("request").assert_ttl(60).assert_body("page 1 of other");
        }
    }
}

#[actix_web::test]
async fn directive_refuses_a_page_in_local_memory() {
    for local_ttl in [60, 10, 0] {
        for directive in DIRECTIVES {
            let (backend, one, other) = honoring(local_ttl).await;
            one.fill(one.get(POST)).await;
            other.get(POST).await.assert_remote_hit();
            advance(&backend, &[&one, &other], 10);
            let response = other.get(POST).header("cache-control", directive).await;
            response.assert_stored().assert_fwd("request").assert_ttl(60).assert_body("page 1 of other");
        }
    }
}

#[actix_web::test]
async fn directive_accepts_a_fresh_page_of_the_store() {
    for local_ttl in [60, 10, 0] {
        let (_, one, other) = honoring(local_ttl).await;
        one.fill(one.get(POST)).await;
        let response = other.get(POST).header("cache-control", "max-age=5").await;
        response.assert_remote_hit().assert_body("page 1 of one");
    }
}

#[actix_web::test]
async fn page_withdrawn_for_one_request_leaves_local_memory() {
    let (_, one, other) = honoring(60).await;
    one.fill(one.get(POST)).await;
    other.get(POST).await.assert_remote_hit();
    other.get(POST).await.assert_hit();
    other.set_handler(page_with("other", &[("cache-control", "no-store")]));
    other.get(POST).header("cache-control", "no-cache").await.assert_not_stored(Reason::NoStore);
    other.set_handler(page("other"));
    other.get(POST).await.assert_stored().assert_body("page 2 of other");
}
