//! Pages in local memory: for how long they are served without asking the remote store.

use super::two_processes_with_local_ttl;
use crate::support::advance;

#[actix_web::test]
async fn page_in_local_memory_is_not_looked_up() {
    let (_, one, other) = two_processes_with_local_ttl(60).await;
    one.fill(one.get("/")).await;
    other.get("/").await.assert_remote_hit();
    let lookups = (one.lookups(), other.lookups());
    for process in [&one, &other] {
        for _ in 0..6 {
            process.get("/").await.assert_hit().assert_ttl(60);
        }
    }
    assert_eq!((one.lookups(), other.lookups()), lookups);
}

#[actix_web::test]
async fn page_in_local_memory_survives_its_eviction_from_the_store() {
    let (backend, one, other) = two_processes_with_local_ttl(60).await;
    one.fill(one.get("/")).await;
    other.get("/").await.assert_remote_hit();
    backend.evict();
    other.get("/").await.assert_hit().assert_body("page 1 of one");
}

/// The requests are enough for a worker to make a local copy of the page.
#[actix_web::test]
async fn page_in_local_memory_is_looked_up_after_local_ttl() {
    let (backend, one, other) = two_processes_with_local_ttl(10).await;
    one.fill(one.get("/")).await;
    other.get("/").await.assert_remote_hit();
    for _ in 0..20 {
        other.get("/").await.assert_hit().assert_ttl(60);
    }
    for ttl in [50, 40, 30, 20] {
        advance(&backend, &[&one, &other], 10);
        for process in [&one, &other] {
            let lookups = process.lookups();
            process.get("/").await.assert_remote_hit().assert_ttl(ttl).assert_body("page 1 of one");
            assert_eq!(process.lookups(), lookups + 1);
            process.get("/").await.assert_hit().assert_ttl(ttl);
        }
    }
    assert_eq!((one.runs(), other.runs()), (1, 0));
}

#[actix_web::test]
async fn every_request_is_a_lookup_if_local_ttl_is_zero() {
    let (_, one, other) = two_processes_with_local_ttl(0).await;
    one.fill(one.get("/")).await;
    for process in [&one, &other] {
        for _ in 0..6 {
            let lookups = process.lookups();
            process.get("/").await.assert_remote_hit();
            assert_eq!(process.lookups(), lookups + 1);
        }
    }
}

#[actix_web::test]
async fn evicted_page_is_not_served_if_local_ttl_is_zero() {
    let (backend, one, other) = two_processes_with_local_ttl(0).await;
    one.fill(one.get("/")).await;
    other.get("/").await.assert_remote_hit();
    backend.evict();
    other.get("/").await.assert_stored().assert_body("page 1 of other");
}
