//! Handlers that write and purge: `#[purge_page]`, in all processes.

use super::{POST, remote_only, status, two_processes};
use crate::support::{Behavior, Method, until};

#[actix_web::test]
async fn handler_that_writes_purges_before_it_responds() {
    let (backend, one, other) = two_processes().await;
    let third = remote_only("third", &backend).await;
    one.fill(one.get(POST)).await;
    other.get(POST).await.assert_remote_hit();
    one.post(POST).await.assert_status(200);
    third.get(POST).await.assert_stored();
    other.receive_purges().await;
    assert_ne!(other.get(POST).await.text(), "page 1 of one");
}

#[actix_web::test]
async fn handler_that_fails_to_write_does_not_purge() {
    let (backend, one, other) = two_processes().await;
    let third = remote_only("third", &backend).await;
    one.fill(one.get(POST)).await;
    other.get(POST).await.assert_remote_hit();
    one.set_handler(status(500));
    one.post(POST).await.assert_status(500);
    other.receive_purges().await;
    third.get(POST).await.assert_remote_hit();
    other.get(POST).await.assert_hit();
    assert_eq!(backend.purges(), 0);
}

#[actix_web::test]
async fn handler_that_writes_responds_without_the_store() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get(POST)).await;
    other.get(POST).await.assert_remote_hit();
    one.store().set_behavior(&Method::ALL, Behavior::Fails);
    one.wait_unavailable().await;
    one.post(POST).await.assert_status(200);
    assert_ne!(one.get(POST).await.text(), "page 1 of one");
    // The purge is sent later.
    one.store().set_behavior(&Method::ALL, Behavior::Works);
    until("both tags are purged", || backend.purges() == 2).await;
    other.receive_purges().await;
    assert_ne!(other.get(POST).await.text(), "page 1 of one");
}
