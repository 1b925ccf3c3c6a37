//! Stale pages of other processes, served if the handler fails, and withdrawn in all processes.

use actix_web::HttpResponse;
use cache_page::Reason;

use super::{
    KEPT_ON_ERROR, LOCAL_TTLS, REFRESHED, page, remote_only, status, two_processes,
    two_processes_with_local_ttl, validators,
};
use crate::support::{Call, TestApp, advance, until};

fn no_store(call: &Call) -> HttpResponse {
    call.control().no_store();
    page("other")(call)
}

#[actix_web::test]
async fn page_of_another_process_is_served_if_the_handler_fails() {
    for local_ttl in LOCAL_TTLS {
        let (backend, one, other) = two_processes_with_local_ttl(local_ttl).await;
        one.fill(one.get(KEPT_ON_ERROR)).await;
        advance(&backend, &[&one, &other], 100);
        other.set_handler(status(503));
        let response = other.get(KEPT_ON_ERROR).await;
        response.assert_stale(Reason::StaleIfError).assert_fwd_status(503).assert_ttl(-40);
        response.assert_status(200).assert_body("page 1 of one");
    }
}

#[actix_web::test]
async fn failed_handler_of_a_stale_page_releases_its_lease() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get(KEPT_ON_ERROR)).await;
    advance(&backend, &[&one, &other], 100);
    other.set_handler(status(503));
    other.get(KEPT_ON_ERROR).await.assert_status(200);
    until("the lease ends", || backend.leases() == 0).await;
    one.fill(one.get(KEPT_ON_ERROR)).await.assert_body("page 2 of one");
}

/// Checks that the process sends the failure of its handler instead of the stale page.
async fn assert_not_served_on_error(app: &TestApp, uri: &str, name: &str) {
    app.set_handler(status(500));
    let response = app.get(uri).await;
    assert_eq!(response.status, 500, "{name}: {response:?}");
}

#[actix_web::test]
async fn withdrawn_page_is_not_served_on_error_by_any_process() {
    for (name, code) in [("no-store", 200), ("gone", 410), ("forbidden", 403)] {
        let (backend, one, other) = two_processes().await;
        let third = remote_only("third", &backend).await;
        one.fill(one.get(KEPT_ON_ERROR)).await;
        for process in [&other, &third] {
            process.get(KEPT_ON_ERROR).await.assert_remote_hit();
        }
        advance(&backend, &[&one, &other, &third], 100);
        if code == 200 {
            other.set_handler(no_store);
        } else {
            other.set_handler(status(code));
        }
        let response = other.get(KEPT_ON_ERROR).await;
        assert_eq!((response.status, response.is_stored()), (code, false), "{name}: {response:?}");
        until("the page is purged in the backend", || backend.purges() == 1).await;
        one.receive_purges().await;
        for process in [&one, &third] {
            assert_not_served_on_error(process, KEPT_ON_ERROR, name).await;
        }
    }
}

#[actix_web::test]
async fn page_withdrawn_by_a_refresh_is_not_served_by_any_process() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get(REFRESHED)).await;
    other.get(REFRESHED).await.assert_remote_hit();
    advance(&backend, &[&one, &other], 70);
    for process in [&one, &other] {
        process.set_handler(no_store);
    }
    other.get(REFRESHED).await.assert_stale(Reason::StaleWhileRevalidate).assert_body("page 1 of one");
    until("the page is purged in the backend", || backend.purges() == 1).await;
    one.receive_purges().await;
    for process in [&one, &other] {
        process.get(REFRESHED).await.assert_not_stored(Reason::NoStore);
    }
}

#[actix_web::test]
async fn handler_revalidates_the_stale_page_of_another_process() {
    let (backend, one, other) = two_processes().await;
    let etag = one.fill(one.get(KEPT_ON_ERROR)).await.header("etag").expect("an entity tag");
    advance(&backend, &[&one, &other], 61);
    other.set_handler(validators);
    other.get(KEPT_ON_ERROR).await.assert_stored().assert_body(etag);
}
