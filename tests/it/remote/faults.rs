//! Failures of the remote store: no client gets an error, and none waits for long.

use std::time::Duration;

use cache_page::{Outcome, PageCacheBuilder, Reason};

use super::{assert_bodies, connect, in_time, process, remote_only, two_processes, two_processes_with};
use crate::support::{Backend, Behavior, Crowd, Method, TestApp, until};

const MILLISECONDS_50: fn(PageCacheBuilder) -> PageCacheBuilder =
    |cache| cache.remote_timeout(Duration::from_millis(50));

/// Starts a process whose store hangs, with a timeout of 50 milliseconds.
async fn hanging(backend: &Backend) -> TestApp {
    let app = connect(process("one", backend).cache(MILLISECONDS_50)).await;
    app.store().set_behavior(&Method::ALL, Behavior::Hangs);
    app
}

#[actix_web::test]
async fn request_gets_its_response_if_the_store_hangs() {
    let backend = Backend::new();
    let app = hanging(&backend).await;
    for number in 0..20 {
        let uri = format!("/{number}");
        let response = in_time("a response", async { app.get(&uri).await }).await;
        response.assert_outcome(Outcome::Stored).assert_status(200);
        let detail = response.cache_status().detail();
        assert!(matches!(detail, Some("remote-timeout" | "remote-unavailable")), "{response:?}");
    }
}

#[actix_web::test]
async fn store_that_hangs_is_not_used_after_three_timeouts() {
    let backend = Backend::new();
    let app = hanging(&backend).await;
    for number in 0..20 {
        app.get(&format!("/{number}")).await;
    }
    app.wait_unavailable().await;
    let lookups = app.lookups();
    assert!(lookups < 20, "{lookups} lookups");
    app.get("/more").await.assert_outcome(Outcome::Stored).assert_detail("remote-unavailable");
    assert_eq!(app.lookups(), lookups);
    let stats = app.remote_stats();
    assert!(stats.timeouts >= 3 || stats.unavailable > 0, "{stats:?}");
}

#[actix_web::test]
async fn store_that_hung_is_used_again() {
    let backend = Backend::new();
    let app = hanging(&backend).await;
    until("a call has timed out", || app.remote_stats().timeouts > 0 || !app.remote_stats().is_available)
        .await;
    app.wait_unavailable().await;
    app.store().set_behavior(&Method::ALL, Behavior::Works);
    app.wait_available().await;
    // A call may time out on a slow machine, so another process writes the page.
    let other = connect(process("other", &backend)).await;
    other.fill(other.get("/")).await;
    let lookups = app.lookups();
    app.get("/").await.assert_status(200);
    assert!(app.lookups() > lookups);
}

#[actix_web::test]
async fn store_that_hangs_once_is_still_available() {
    let (_, app, _) = two_processes_with(|cache| cache.remote_timeout(Duration::from_secs(1))).await;
    for round in 0..3 {
        app.store().set_behavior(&[Method::Get], Behavior::Hangs);
        let response = app.get(&format!("/hanging/{round}")).await;
        response.assert_outcome(Outcome::Stored).assert_detail("remote-timeout");
        app.store().set_behavior(&[Method::Get], Behavior::Works);
        app.get(&format!("/working/{round}")).await.assert_stored().assert_fwd("miss");
    }
    assert!(app.remote_stats().is_available);
}

#[actix_web::test]
async fn rejected_lookup_is_a_miss() {
    let (_, one, other) = two_processes().await;
    one.fill(one.get("/")).await;
    other.store().set_behavior(&[Method::Get], Behavior::Rejects);
    let response = other.get("/").await;
    response.assert_outcome(Outcome::Stored).assert_fwd("miss").assert_detail("remote-rejected");
    assert!(other.remote_stats().is_available && other.remote_stats().rejected > 0);
    other.get("/").await.assert_hit().assert_body("page 1 of other");
}

#[actix_web::test]
async fn store_that_rejects_a_lookup_is_still_used() {
    let (_, one, other) = two_processes().await;
    one.fill(one.get("/")).await;
    other.store().set_behavior(&[Method::Get], Behavior::Rejects);
    other.get("/else").await;
    other.store().set_behavior(&[Method::Get], Behavior::Works);
    other.get("/").await.assert_remote_hit();
}

/// As a server without memory does.
#[actix_web::test]
async fn page_that_the_store_rejects_is_in_local_memory() {
    let (backend, one, _other) = two_processes().await;
    one.store().set_behavior(&[Method::Put, Method::Release], Behavior::Rejects);
    one.get("/").await.assert_stored();
    until("the page is rejected", || one.remote_stats().rejected > 0).await;
    one.get("/").await.assert_hit().assert_ttl(60).assert_body("page 1 of one");
    assert_eq!((backend.entries(), one.remote_stats().stored), (0, 0));
    assert!(one.remote_stats().is_available);
}

/// The lease is not released either, so it must expire first.
#[actix_web::test]
async fn page_that_the_store_rejects_is_generated_by_others_too() {
    let (backend, one, other) = two_processes().await;
    one.store().set_behavior(&[Method::Put, Method::Release], Behavior::Rejects);
    one.get("/").await.assert_stored();
    until("the page and the release are rejected", || one.remote_stats().rejected > 1).await;
    backend.advance(Duration::from_secs(10));
    other.fill(other.get("/")).await.assert_body("page 1 of other");
}

/// Starts a process without local memory and without its store.
async fn without_memory_and_store() -> TestApp {
    let app = remote_only("one", &Backend::new()).await;
    app.store().set_behavior(&Method::ALL, Behavior::Fails);
    app.wait_unavailable().await;
    app
}

#[actix_web::test]
async fn page_is_not_stored_without_local_ttl_and_store() {
    let app = without_memory_and_store().await;
    for run in 1..4 {
        let response = app.get("/").await;
        response.assert_not_stored(Reason::RemoteUnavailable);
        response.assert_status(200).assert_body(format!("page {run} of one"));
    }
    assert_eq!(app.count(Outcome::NotStored(Reason::RemoteUnavailable)), 3);
}

/// The process receives no purges.
#[actix_web::test]
async fn requests_are_not_coalesced_without_local_ttl_and_store() {
    let app = without_memory_and_store().await;
    app.pause();
    let crowd = Crowd::send(app.get("/").times(5)).await;
    assert_eq!(app.waiting().len(), 5);
    app.resume().await;
    for response in crowd.responses().await {
        response.assert_status(200);
    }
}

#[actix_web::test]
async fn process_starts_without_its_store() {
    // A process that has just started waits that long for its first connection.
    let one = process("one", &Backend::new()).cache(MILLISECONDS_50);
    one.store().set_behavior(&Method::ALL, Behavior::Fails);
    let one = one.start().await;
    for run in 1..4 {
        one.get(&format!("/{run}")).await.assert_status(200).assert_body(format!("page {run} of one"));
    }
}

#[actix_web::test]
async fn process_uses_a_store_that_becomes_available_later() {
    let backend = Backend::new();
    let other = connect(process("other", &backend)).await;
    other.fill(other.get("/")).await;
    let one = process("one", &backend);
    one.store().set_behavior(&Method::ALL, Behavior::Fails);
    let one = one.start().await;
    until("the process has tried to connect", || one.store().calls(Method::PollChanges) > 1).await;
    one.get("/else").await.assert_status(200);
    one.store().set_behavior(&Method::ALL, Behavior::Works);
    one.wait_available().await;
    one.get("/").await.assert_remote_hit().assert_body("page 1 of other");
}

#[actix_web::test]
async fn waiting_process_runs_the_handler_if_the_store_fails() {
    let (_, one, other) = two_processes().await;
    one.pause();
    let leader = Crowd::send([one.get("/")]).await;
    until("the handler runs", || one.waiting() == [1]).await;
    let waiting = Crowd::send(other.get("/").times(3)).await;
    until("the other process waits", || other.lookups() > 2).await;
    other.store().set_behavior(&Method::ALL, Behavior::Fails);
    let responses = in_time("the responses of the other process", waiting.responses()).await;
    assert_bodies(&responses, "page 1 of other");
    one.resume().await;
    assert_bodies(&leader.responses().await, "page 1 of one");
}
