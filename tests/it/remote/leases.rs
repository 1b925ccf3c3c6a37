//! Processes that die while they hold a lease: the others do not wait forever.

use std::time::Duration;

use super::{in_time, two_processes, two_processes_with};
use crate::support::{Backend, Behavior, Crowd, Method, TestApp, advance, until};

/// Lets the process run its handler and die.
async fn die(backend: &Backend, app: &TestApp) -> Crowd {
    app.pause();
    let crowd = Crowd::send([app.get("/page")]).await;
    until("the process has the lease", || backend.leases() == 1).await;
    app.store().set_behavior(&Method::ALL, Behavior::Hangs);
    crowd
}

/// The lease does not expire, because the clock of the backend stands still.
#[actix_web::test]
async fn dead_process_is_not_waited_for_after_coalesce_timeout() {
    let (backend, one, other) =
        two_processes_with(|cache| cache.coalesce_timeout(Duration::from_millis(200))).await;
    let _crowd = die(&backend, &one).await;
    let response = in_time("the response of the other process", async { other.get("/page").await }).await;
    response.assert_stored().assert_body("page 1 of other");
    assert_eq!(backend.leases(), 1);
}

#[actix_web::test]
async fn dead_process_is_not_waited_for_after_its_lease_has_expired() {
    let (backend, one, other) = two_processes().await;
    let _crowd = die(&backend, &one).await;
    let waiting = Crowd::send([other.get("/page")]).await;
    until("the other process waits", || other.lookups() > 2).await;
    assert_eq!(waiting.answered(), 0);
    advance(&backend, &[&one, &other], 10);
    let responses = in_time("the response of the other process", waiting.responses()).await;
    responses[0].assert_stored().assert_body("page 1 of other");
}

/// The process holds the lease until the put times out, but does not renew it.
#[actix_web::test]
async fn lease_is_not_renewed_while_its_page_is_put() {
    let (_, one, _) = two_processes_with(|cache| cache.remote_timeout(Duration::from_secs(1))).await;
    one.store().set_behavior(&[Method::Put], Behavior::Hangs);
    one.get("/page").await.assert_stored();
    let lookups = one.lookups();
    until("the put times out", || one.remote_stats().timeouts > 0).await;
    assert_eq!(one.lookups(), lookups);
}

#[actix_web::test]
async fn timeouts_may_be_without_limit() {
    let (_, one, _) = two_processes_with(|cache| {
        let cache = cache.coalesce_timeout(Duration::MAX).fill_timeout(Duration::MAX);
        cache.remote_timeout(Duration::MAX).refresh_backoff(Duration::MAX).max_purge_lag(Duration::MAX)
    })
    .await;
    one.get("/page").await.assert_stored();
    one.cache().purge_path("/page").await.unwrap();
    one.get("/page").await.assert_stored();
    assert!(one.cache().shut_down(Duration::MAX).await.is_complete());
}
