//! Revalidation of pages in local memory: the remote store confirms that they are current, and does not send them again.

use cache_page::Outcome;

use super::{POST, PURGE_AND_EXPIRE, VARIED, two_processes, two_processes_with_local_ttl};
use crate::support::{Behavior, Crowd, Method, TestApp, TestRequest, TestResponse, advance, until};

/// `local_ttl` with which a page must be revalidated after 10 seconds, and with which it must always be.
const LOCAL_TTLS: [u64; 2] = [10, 0];

/// Sends a request for a page that the process has: the backend confirms its version.
async fn assert_revalidates(app: &TestApp, request: TestRequest, filled: &TestResponse) {
    let (lookups, sent) = (app.lookups(), app.store().entries_sent());
    let response = request.await;
    response.assert_remote_hit().assert_body(&filled.body);
    assert_eq!(response.stored_headers(), filled.stored_headers(), "{response:?}");
    assert_eq!((app.lookups(), app.store().entries_sent()), (lookups + 1, sent), "{response:?}");
}

#[actix_web::test]
async fn page_in_local_memory_is_confirmed_and_not_sent_again() {
    let (backend, one, other) = two_processes_with_local_ttl(10).await;
    let filled = one.fill(one.get(POST)).await;
    other.get(POST).await.assert_remote_hit();
    for _ in 0..5 {
        advance(&backend, &[&one, &other], 10);
        assert_revalidates(&other, other.get(POST), &filled).await;
    }
}

#[actix_web::test]
async fn confirmed_page_is_served_from_memory_for_local_ttl() {
    let (backend, one, other) = two_processes_with_local_ttl(10).await;
    one.fill(one.get(POST)).await;
    other.get(POST).await.assert_remote_hit();
    for age in [10_u8, 20, 30, 40, 50] {
        advance(&backend, &[&one, &other], 10);
        other.get(POST).await.assert_remote_hit();
        for _ in 0..20 {
            other.get(POST).await.assert_hit().assert_ttl(60 - i64::from(age)).assert_age(age.into());
        }
    }
    advance(&backend, &[&one, &other], 10);
    other.get(POST).await.assert_stored();
    assert_eq!((one.runs(), other.runs()), (1, 1));
}

#[actix_web::test]
async fn page_is_sent_once_and_then_confirmed_if_local_ttl_is_zero() {
    let (_, one, other) = two_processes_with_local_ttl(0).await;
    let filled = one.fill(one.get(POST)).await;
    for process in [&one, &other] {
        process.get(POST).await.assert_remote_hit();
        assert_eq!(process.store().entries_sent(), 1);
        for _ in 0..20 {
            assert_revalidates(process, process.get(POST), &filled).await;
        }
    }
}

#[actix_web::test]
async fn confirmed_page_answers_a_conditional_request() {
    let (_, one, other) = two_processes_with_local_ttl(0).await;
    let etag = one.fill(one.get(POST)).await.header("etag").expect("an entity tag");
    other.get(POST).await.assert_remote_hit();
    other.get(POST).header("if-none-match", etag).await.assert_status(304);
    assert_eq!(other.count(Outcome::Revalidated), 1);
}

#[actix_web::test]
async fn evicted_page_is_not_confirmed() {
    let (backend, one, other) = two_processes_with_local_ttl(0).await;
    one.fill(one.get(POST)).await;
    other.get(POST).await.assert_remote_hit();
    backend.evict();
    other.get(POST).await.assert_stored();
}

/// The other process does not receive the purge.
#[actix_web::test]
async fn newer_page_is_sent_instead_of_a_confirmation() {
    for local_ttl in LOCAL_TTLS {
        let (backend, one, other) = two_processes_with_local_ttl(local_ttl).await;
        one.fill(one.get(POST)).await;
        other.get(POST).await.assert_remote_hit();
        other.store().set_behavior(&[Method::PollChanges], Behavior::Holds);
        for run in 2..5 {
            one.cache().purge_tag("posts").await.unwrap();
            one.receive_purges().await;
            one.fill(one.get(POST)).await;
            advance(&backend, &[&one, &other], 10);
            let sent = other.store().entries_sent();
            let response = other.get(POST).await;
            response.assert_remote_hit().assert_body(format!("page {run} of one"));
            assert_eq!(other.store().entries_sent(), sent + 1, "local_ttl {local_ttl}");
        }
    }
}

/// The other process does not receive the purge.
#[actix_web::test]
async fn purged_page_is_not_confirmed() {
    for local_ttl in LOCAL_TTLS {
        for (name, purge) in PURGE_AND_EXPIRE {
            let (backend, one, other) = two_processes_with_local_ttl(local_ttl).await;
            let filled = one.fill(one.get(POST)).await;
            other.get(POST).await.assert_remote_hit();
            advance(&backend, &[&one, &other], 10);
            assert_revalidates(&other, other.get(POST), &filled).await;
            advance(&backend, &[&one, &other], 10);
            other.store().set_behavior(&[Method::PollChanges], Behavior::Holds);
            purge(one.cache()).await.unwrap();
            let response = other.get(POST).await;
            assert!(response.is_stored(), "local_ttl {local_ttl}, {name}: {response:?}");
            response.assert_body("page 1 of other");
        }
    }
}

/// The backend confirms the page before the purge, and the process receives the purge before the confirmation.
async fn assert_not_served_if_purged_by(purging: impl Fn(&TestApp, &TestApp) -> TestApp) {
    for local_ttl in LOCAL_TTLS {
        let (backend, one, other) = two_processes_with_local_ttl(local_ttl).await;
        one.fill(one.get(POST)).await;
        other.get(POST).await.assert_remote_hit();
        advance(&backend, &[&one, &other], 10);
        other.store().set_behavior(&[Method::Get], Behavior::Holds);
        let lookups = other.lookups();
        let crowd = Crowd::send([other.get(POST)]).await;
        until("the lookup is in flight", || other.lookups() > lookups).await;
        purging(&one, &other).cache().purge_path(POST).await.unwrap();
        other.receive_purges().await;
        other.store().set_behavior(&[Method::Get], Behavior::Works);
        for response in [crowd.responses().await.remove(0), other.get(POST).await] {
            assert_ne!(response.text(), "page 1 of one", "local_ttl {local_ttl}: {response:?}");
        }
    }
}

#[actix_web::test]
async fn page_purged_elsewhere_while_it_is_confirmed_is_not_served() {
    assert_not_served_if_purged_by(|one, _| one.clone()).await;
}

#[actix_web::test]
async fn page_purged_here_while_it_is_confirmed_is_not_served() {
    assert_not_served_if_purged_by(|_, other| other.clone()).await;
}

#[actix_web::test]
async fn each_variant_is_confirmed_separately() {
    const LANGUAGES: [&str; 3] = ["de", "fr", "en"];
    for local_ttl in LOCAL_TTLS {
        let (backend, one, other) = two_processes_with_local_ttl(local_ttl).await;
        let request = |app: &TestApp, language| app.get(VARIED).header("accept-language", language);
        let mut pages = Vec::new();
        for language in LANGUAGES {
            pages.push(one.fill(request(&one, language)).await);
            request(&other, language).await.assert_remote_hit();
        }
        for _ in 0..3 {
            advance(&backend, &[&one, &other], 10);
            for (language, filled) in LANGUAGES.iter().zip(&pages) {
                let sent = other.store().entries_sent();
                let response = request(&other, language).await;
                response.assert_remote_hit().assert_header("x-language", language).assert_body(&filled.body);
                assert_eq!(other.store().entries_sent(), sent, "local_ttl {local_ttl}: {response:?}");
            }
        }
    }
}

#[actix_web::test]
async fn confirmation_of_a_page_that_the_process_lacks_is_corrupt() {
    let (_, one, other) = two_processes().await;
    one.fill(one.get(POST)).await;
    other.store().confirm_any_version();
    let response = other.get(POST).await;
    response.assert_outcome(Outcome::Stored).assert_detail("remote-corrupt").assert_body("page 1 of other");
    assert_eq!(other.remote_stats().corrupt, 1);
}

/// Not even by so many that the process does not remember all of them.
#[actix_web::test]
async fn unrelated_purges_do_not_prevent_a_confirmation() {
    let (backend, one, other) = two_processes_with_local_ttl(10).await;
    let filled = one.fill(one.get(POST)).await;
    other.get(POST).await.assert_remote_hit();
    for number in 0..1000 {
        other.cache().purge_tag(&format!("other:{number}")).await.unwrap();
    }
    for _ in 0..3 {
        advance(&backend, &[&one, &other], 10);
        assert_revalidates(&other, other.get(POST), &filled).await;
    }
}
