//! Pages in local memory: for how long they are served without asking the remote store.

use std::time::{Duration, Instant};

use cache_page::{Outcome, PageCacheBuilder};

use super::{POST, assert_bodies, process, two_processes_with_local_ttl};
use crate::support::{Backend, Behavior, Crowd, Method, TestApp, TestAppBuilder, advance, until};

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

/// What the remote store has answered may be as old as the lookup.
#[actix_web::test]
async fn local_ttl_begins_with_the_lookup() {
    let (backend, one, other) = two_processes_with_local_ttl(10).await;
    one.fill(one.get("/")).await;
    // The first lookup gets the page, and the others confirm it.
    for lookups in 1..4 {
        other.store().set_behavior(&[Method::Get], Behavior::Holds);
        let crowd = Crowd::send([other.get("/")]).await;
        until("the lookup is in flight", || other.lookups() == lookups).await;
        advance(&backend, &[&one, &other], 9);
        other.store().set_behavior(&[Method::Get], Behavior::Works);
        assert_bodies(&crowd.responses().await, "page 1 of one");
        other.get("/").await.assert_hit();
        advance(&backend, &[&one, &other], 1);
    }
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

/// Starts a process that has never been connected, with a `max_purge_lag` of 10 seconds.
async fn unconnected(behavior: Behavior, options: fn(PageCacheBuilder) -> PageCacheBuilder) -> TestApp {
    let process: TestAppBuilder = process("one", &Backend::new()).cache(options);
    let process = process.cache(|cache| cache.max_purge_lag(Duration::from_secs(10)));
    process.store().set_behavior(&Method::ALL, behavior);
    process.start().await
}

/// Another process may have purged the page, but not earlier than its handler was started.
#[actix_web::test]
async fn page_is_served_for_max_purge_lag_without_the_store() {
    let app = unconnected(Behavior::Fails, |cache| cache).await;
    for run in 1..4 {
        let response = app.get(POST).await;
        response.assert_outcome(Outcome::Stored).assert_detail("remote-unavailable");
        for _ in 0..9 {
            app.get(POST).await.assert_hit().assert_body(format!("page {run} of one"));
            app.advance(1);
        }
        app.get(POST).await.assert_hit();
        app.advance(1);
    }
}

#[actix_web::test]
async fn own_purge_takes_effect_without_the_store() {
    let app = unconnected(Behavior::Fails, |cache| cache).await;
    app.get(POST).await;
    app.get(POST).await.assert_hit();
    drop(app.cache().purge_tag("posts"));
    app.get(POST).await.assert_body("page 2 of one");
    app.get(POST).await.assert_hit().assert_body("page 2 of one");
}

#[actix_web::test]
async fn page_is_not_served_without_the_store_if_local_ttl_is_zero() {
    let app = unconnected(Behavior::Fails, |cache| cache.local_ttl(Duration::ZERO)).await;
    for run in 1..4 {
        app.get(POST).await.assert_body(format!("page {run} of one"));
    }
}

#[actix_web::test]
async fn page_from_before_the_first_connection_is_not_kept() {
    let app = unconnected(Behavior::Fails, |cache| cache).await;
    app.get(POST).await;
    app.store().set_behavior(&Method::ALL, Behavior::Works);
    app.wait_available().await;
    app.get(POST).await.assert_body("page 2 of one");
}

/// The timeout does not elapse in this test.
#[actix_web::test]
async fn failed_first_connection_is_not_waited_for() {
    let app = unconnected(Behavior::Fails, |cache| cache.remote_timeout(Duration::from_secs(600))).await;
    for number in 0..3 {
        let response = app.get(&format!("/{number}")).await;
        response.assert_outcome(Outcome::Stored).assert_detail("remote-unavailable");
    }
}

#[actix_web::test]
async fn first_connection_is_waited_for_once_by_all_requests() {
    const TIMEOUT: Duration = Duration::from_secs(1);
    let app = unconnected(Behavior::Hangs, |cache| cache.remote_timeout(TIMEOUT)).await;
    let start = Instant::now();
    for number in 0..20 {
        let response = app.get(&format!("/{number}")).await;
        response.assert_outcome(Outcome::Stored).assert_detail("remote-unavailable");
    }
    assert!(start.elapsed() < 10 * TIMEOUT, "{:?}", start.elapsed());
}
