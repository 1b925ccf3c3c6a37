//! Stale pages that one process refreshes for all.

use std::time::Duration;

use actix_web::HttpResponse;
use cache_page::{PageCacheBuilder, Reason};

use super::{
    KEPT_ON_ERROR, LOCAL_TTLS, REFRESHED, TARGETED_FIELD, connect, get_until, page, page_with, process,
    remote_only, two_processes, two_processes_with, two_processes_with_local_ttl, validators,
};
use crate::support::{Backend, Call, TestApp, advance, settle, until};

/// Starts the processes `one`, `other` and `third`. The first one has filled a page that is stale, and `other` is refreshing it.
async fn refreshing(local_ttl: u64) -> (Backend, [TestApp; 3]) {
    let (backend, one, other) = two_processes_with_local_ttl(local_ttl).await;
    let third = process("third", &backend).cache(|cache| cache.local_ttl(Duration::from_secs(local_ttl)));
    let third = connect(third).await;
    one.fill(one.get(REFRESHED)).await;
    advance(&backend, &[&one, &other, &third], 70);
    other.pause();
    let response = other.get(REFRESHED).await;
    response.assert_stale(Reason::StaleWhileRevalidate).assert_ttl(-10).assert_age(70);
    response.assert_body("page 1 of one");
    until("the refresh starts", || other.waiting() == [1]).await;
    (backend, [one, other, third])
}

#[actix_web::test]
async fn stale_page_is_served_by_all_while_one_process_refreshes_it() {
    for local_ttl in LOCAL_TTLS {
        let (_backend, [one, other, third]) = refreshing(local_ttl).await;
        for process in [&one, &third] {
            for _ in 0..2 {
                let response = process.get(REFRESHED).await;
                response.assert_stale(Reason::StaleWhileRevalidate).assert_body("page 1 of one");
                settle().await;
            }
        }
        assert_eq!([&one, &other, &third].map(TestApp::runs), [1, 1, 0], "local_ttl {local_ttl}");
    }
}

#[actix_web::test]
async fn without_coalescing_each_process_refreshes_a_stale_page() {
    for local_ttl in LOCAL_TTLS {
        let options = |cache: PageCacheBuilder| {
            cache.coalesce_across_processes(false).local_ttl(Duration::from_secs(local_ttl))
        };
        let (backend, one, other) = two_processes_with(options).await;
        one.fill(one.get(REFRESHED)).await;
        advance(&backend, &[&one, &other], 70);
        other.pause();
        for _ in 0..3 {
            let response = other.get(REFRESHED).await;
            response.assert_stale(Reason::StaleWhileRevalidate).assert_body("page 1 of one");
            until("the refresh starts", || other.waiting() == [1]).await;
        }
        other.resume().await;
        // Until then, a further request may find the stale page, and refresh it once more.
        until("the page is stored in the backend", || other.remote_stats().stored == 1).await;
        other.get(REFRESHED).await.assert_body("page 1 of other");
        assert_eq!((one.runs(), other.runs()), (1, 1), "local_ttl {local_ttl}");
    }
}

/// Each process looks for the new page in the background.
#[actix_web::test]
async fn page_that_one_process_has_refreshed_is_served_by_all() {
    for local_ttl in LOCAL_TTLS {
        let (_backend, [one, other, third]) = refreshing(local_ttl).await;
        for process in [&one, &third] {
            process.get(REFRESHED).await.assert_stale(Reason::StaleWhileRevalidate);
        }
        other.resume().await;
        for process in [&other, &one, &third] {
            get_until(process, REFRESHED, "page 1 of other").await;
        }
        assert_eq!([&one, &other, &third].map(TestApp::runs), [1, 1, 0], "local_ttl {local_ttl}");
    }
}

#[actix_web::test]
async fn soft_purged_page_is_stale_in_all_processes() {
    let (backend, one, other) = two_processes().await;
    let third = remote_only("third", &backend).await;
    one.fill(one.get(REFRESHED)).await;
    other.get(REFRESHED).await.assert_remote_hit();
    third.pause();
    one.cache().expire_tag("refreshed").await.unwrap();
    other.receive_purges().await;
    for process in [&third, &other] {
        let response = process.get(REFRESHED).await;
        response.assert_stale(Reason::StaleWhileRevalidate).assert_ttl(0).assert_body("page 1 of one");
    }
}

#[actix_web::test]
async fn soft_purged_page_is_refreshed_by_one_process_for_all() {
    let (backend, one, other) = two_processes().await;
    let third = remote_only("third", &backend).await;
    one.fill(one.get(REFRESHED)).await;
    other.get(REFRESHED).await.assert_remote_hit();
    one.cache().expire_tag("refreshed").await.unwrap();
    // The page of a fill that starts before the process has received the purge is not stored.
    for process in [&other, &third] {
        process.receive_purges().await;
    }
    third.get(REFRESHED).await.assert_stale(Reason::StaleWhileRevalidate);
    until("the page is stored in the backend", || third.remote_stats().stored == 1).await;
    get_until(&other, REFRESHED, "page 1 of third").await;
    assert_eq!((one.runs(), other.runs(), third.runs()), (1, 0, 1));
}

#[actix_web::test]
async fn stale_window_of_a_soft_purged_page_starts_with_the_purge() {
    let (backend, one, other) = two_processes().await;
    one.fill(one.get(REFRESHED)).await;
    one.cache().expire_tag("refreshed").await.unwrap();
    other.receive_purges().await;
    advance(&backend, &[&one, &other], 31);
    other.get(REFRESHED).await.assert_stored().assert_body("page 1 of other");
}

#[actix_web::test]
async fn refresh_revalidates_the_stale_page_of_another_process() {
    let (backend, one, other) = two_processes().await;
    let etag = one.fill(one.get(REFRESHED)).await.header("etag").expect("an entity tag");
    advance(&backend, &[&one, &other], 61);
    other.set_handler(validators);
    other.get(REFRESHED).await.assert_stale(Reason::StaleWhileRevalidate);
    until("the page is stored in the backend", || other.remote_stats().stored == 1).await;
    other.get(REFRESHED).await.assert_hit().assert_body(etag);
}

/// Responds with 304 if there is something to revalidate.
fn not_modified(call: &Call) -> HttpResponse {
    if call.control().validators().is_some() {
        return HttpResponse::NotModified().finish();
    }
    call.control().tag("added");
    page_with("one", &[(TARGETED_FIELD, "tags=(\"by-header\")")])(call)
}

/// Starts two processes that have revalidated a page of `one`, in `other`.
async fn revalidated() -> (Backend, TestApp, TestApp) {
    let (backend, one, other) = two_processes().await;
    one.set_handler(not_modified);
    other.set_handler(not_modified);
    one.fill(one.get(KEPT_ON_ERROR)).await;
    other.get(KEPT_ON_ERROR).await.assert_remote_hit();
    advance(&backend, &[&one, &other], 61);
    let response = other.fill(other.get(KEPT_ON_ERROR)).await;
    response.assert_stored().assert_fwd_status(304).assert_ttl(60);
    response.assert_status(200).assert_body("page 1 of one");
    (backend, one, other)
}

#[actix_web::test]
async fn page_that_is_not_modified_is_fresh_for_all() {
    let (backend, _one, _other) = revalidated().await;
    let third = remote_only("third", &backend).await;
    third.get(KEPT_ON_ERROR).await.assert_remote_hit().assert_ttl(60).assert_body("page 1 of one");
}

#[actix_web::test]
async fn page_that_is_not_modified_keeps_its_tags() {
    for tag in ["added", "by-header"] {
        let (backend, one, _other) = revalidated().await;
        let third = remote_only("third", &backend).await;
        third.get(KEPT_ON_ERROR).await.assert_remote_hit();
        one.cache().purge_tag(tag).await.unwrap();
        for process in [&third, &one] {
            let response = process.get(KEPT_ON_ERROR).await;
            assert_ne!(response.text(), "page 1 of one", "{tag}: {response:?}");
        }
    }
}

/// The fresh page in the backend does not prevent the refresh.
#[actix_web::test]
async fn page_is_refreshed_ahead_for_all_processes() {
    for uri in ["/any", REFRESHED] {
        let backend = Backend::new();
        let one = connect(process("one", &backend).cache(|cache| cache.refresh_ahead(true))).await;
        // The page took so long that an early refresh is almost certain.
        let clock = one.clock().clone();
        one.set_handler(move |call: &Call| {
            clock.advance(Duration::from_secs(50));
            page("one")(call)
        });
        one.fill(one.get(uri)).await;
        one.set_handler(page("one"));
        advance(&backend, &[&one], 59);
        for _ in 0..100 {
            one.get(uri).await;
            settle().await;
        }
        until("the refreshed page is stored", || one.remote_stats().stored >= 2).await;
        let other = connect(process("other", &backend)).await;
        let response = other.get(uri).await;
        assert_eq!(response.text(), "page 2 of one", "{response:?}");
    }
}
