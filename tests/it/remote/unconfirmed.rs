//! Pages in local memory that the remote store does not confirm.

use cache_page::Reason;

use super::{KEPT_ON_ERROR, POST, page_with, status, two_processes_with_local_ttl, validators};
use crate::support::{Backend, Behavior, Method, TestApp, advance};

#[actix_web::test]
async fn page_is_not_served_if_it_cannot_be_confirmed() {
    for local_ttl in [10, 0] {
        for behavior in [Behavior::Rejects, Behavior::Fails] {
            let (backend, one, other) = two_processes_with_local_ttl(local_ttl).await;
            one.fill(one.get(POST)).await;
            other.get(POST).await.assert_remote_hit();
            advance(&backend, &[&one, &other], 10);
            other.store().set_behavior(&[Method::Get], behavior);
            let response = other.get(POST).await;
            assert_eq!(
                response.text(),
                "page 1 of other",
                "local_ttl {local_ttl}, {behavior:?}: {response:?}"
            );
            response.assert_miss();
        }
    }
}

/// Starts two processes with `local_ttl` zero. The other one has a page in its memory that is purged, and does not know it.
async fn unconfirmed(lookups: Behavior) -> (Backend, TestApp, TestApp) {
    let (backend, one, other) = two_processes_with_local_ttl(0).await;
    one.fill(one.get(KEPT_ON_ERROR)).await;
    for _ in 0..2 {
        other.get(KEPT_ON_ERROR).await.assert_remote_hit();
    }
    other.store().set_behavior(&[Method::PollChanges], Behavior::Holds);
    one.cache().purge_path(KEPT_ON_ERROR).await.unwrap();
    other.store().set_behavior(&[Method::Get], lookups);
    (backend, one, other)
}

#[actix_web::test]
async fn unconfirmed_page_is_not_served_on_error_without_local_ttl() {
    for lookups in [Behavior::Works, Behavior::Rejects] {
        let (_backend, _one, other) = unconfirmed(lookups).await;
        other.set_handler(status(500));
        let response = other.get(KEPT_ON_ERROR).await;
        assert_eq!(response.status, 500, "{lookups:?}: {response:?}");
    }
}

#[actix_web::test]
async fn unconfirmed_page_has_no_validators_without_local_ttl() {
    for lookups in [Behavior::Works, Behavior::Rejects] {
        let (_backend, _one, other) = unconfirmed(lookups).await;
        other.set_handler(validators);
        let response = other.get(KEPT_ON_ERROR).await;
        assert_eq!(response.text(), "none", "{lookups:?}: {response:?}");
    }
}

/// The page in local memory is replaced by the stale one of the store, and removed with it.
#[actix_web::test]
async fn withdrawn_page_is_not_served_on_error_as_it_was_before() {
    let (backend, one, other) = two_processes_with_local_ttl(10).await;
    one.fill(one.get(KEPT_ON_ERROR)).await;
    other.get(KEPT_ON_ERROR).await.assert_remote_hit();
    advance(&backend, &[&one, &other], 10);
    // The other process does not receive the soft purge.
    other.store().set_behavior(&[Method::PollChanges], Behavior::Holds);
    one.cache().expire_path(KEPT_ON_ERROR).await.unwrap();
    other.set_handler(page_with("other", &[("cache-control", "no-store")]));
    other.get(KEPT_ON_ERROR).await.assert_not_stored(Reason::NoStore);
    other.set_handler(status(500));
    other.get(KEPT_ON_ERROR).await.assert_status(500);
}

#[actix_web::test]
async fn stale_page_is_not_in_local_memory_without_local_ttl() {
    let (backend, one, other) = two_processes_with_local_ttl(0).await;
    one.fill(one.get(KEPT_ON_ERROR)).await;
    advance(&backend, &[&one, &other], 70);
    other.set_handler(status(500));
    for _ in 0..3 {
        other.get(KEPT_ON_ERROR).await.assert_stale(Reason::StaleIfError).assert_status(200);
        assert_eq!(other.pages(), 0);
    }
}
