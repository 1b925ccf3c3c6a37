//! Variants by request headers that only the responses name.

use std::iter;

use actix_web::HttpResponse;
use cache_page::{Outcome, Reason, cache_page, normalize};

use super::{
    LOCAL_TTLS, VARIED, connect, page, page_with, process, remote_only, two_processes,
    two_processes_with_local_ttl,
};
use crate::support::{Backend, Behavior, Crowd, Method, Origin, TestApp, TestRequest, advance, until};

const LANGUAGES: [&str; 3] = ["de", "fr", "en"];

fn in_language(app: &TestApp, language: &str) -> TestRequest {
    app.get(VARIED).header("accept-language", language)
}

/// The names of the headers are in the store, too.
#[actix_web::test]
async fn variant_is_a_remote_hit_for_a_matching_request() {
    for local_ttl in LOCAL_TTLS {
        let (_, one, other) = two_processes_with_local_ttl(local_ttl).await;
        one.fill(in_language(&one, "de")).await.assert_header("x-language", "de");
        let response = in_language(&other, "de").await;
        response.assert_remote_hit().assert_header("x-language", "de").assert_body("page 1 of one");
    }
}

#[actix_web::test]
async fn request_for_another_variant_runs_the_handler() {
    for local_ttl in LOCAL_TTLS {
        let (_, one, other) = two_processes_with_local_ttl(local_ttl).await;
        one.fill(in_language(&one, "de")).await;
        in_language(&other, "fr").await.assert_stored().assert_header("x-language", "fr");
    }
}

#[actix_web::test]
async fn variants_of_several_processes_are_served_by_all() {
    for local_ttl in LOCAL_TTLS {
        let (backend, one, other) = two_processes_with_local_ttl(local_ttl).await;
        let third = connect(process("third", &backend)).await;
        one.fill(in_language(&one, "de")).await;
        other.fill(in_language(&other, "fr")).await;
        third.fill(third.get(VARIED)).await;
        for process in [&one, &other, &third] {
            for (language, body) in [("de", "page 1 of one"), ("fr", "page 1 of other")] {
                let response = in_language(process, language).await;
                response.assert_header("x-language", language).assert_body(body);
            }
            process.get(VARIED).await.assert_header("x-language", "none").assert_body("page 1 of third");
        }
        assert_eq!([&one, &other, &third].map(TestApp::runs), [1, 1, 1], "local_ttl {local_ttl}");
    }
}

#[actix_web::test]
async fn purge_of_a_path_removes_all_variants() {
    let (backend, one, other) = two_processes().await;
    let third = remote_only("third", &backend).await;
    for language in LANGUAGES {
        one.fill(in_language(&one, language)).await;
        in_language(&other, language).await.assert_remote_hit();
    }
    one.cache().purge_path(VARIED).await.unwrap();
    other.receive_purges().await;
    one.set_handler(page("one again"));
    for language in LANGUAGES {
        for process in [&third, &one, &other] {
            let response = in_language(process, language).await;
            assert!(!response.text().ends_with("of one"), "{language}: {response:?}");
            response.assert_header("x-language", language);
        }
    }
}

/// The waiting requests do not know yet that there are variants.
#[actix_web::test]
async fn waiting_request_for_another_variant_runs_the_handler() {
    let (backend, one, other) = two_processes().await;
    one.pause();
    let leader = Crowd::send([in_language(&one, "de")]).await;
    let waiting = Crowd::send(["de", "fr", "de", "fr"].map(|language| in_language(&other, language))).await;
    until("the other process waits", || other.lookups() > 2).await;
    // The variant is stored long before the names of the headers.
    one.store().set_behavior(&[Method::Put], Behavior::Holds);
    one.resume().await;
    until("one entry is stored", || backend.entries() == 1).await;
    let lookups = other.lookups();
    until("the other process looks the page up", || other.lookups() > lookups + 2).await;
    assert_eq!((other.runs(), waiting.answered()), (0, 0));
    one.store().set_behavior(&[Method::Put], Behavior::Works);
    leader.responses().await[0].assert_body("page 1 of one");
    let responses = waiting.responses().await;
    for (response, language) in responses.iter().zip(["de", "fr", "de", "fr"]) {
        response.assert_header("x-language", language);
        response.assert_body(if language == "de" { "page 1 of one" } else { "page 1 of other" });
    }
    assert_eq!((one.runs(), other.runs()), (1, 1));
}

/// The names of the headers are stored again with each variant.
#[actix_web::test]
async fn variant_is_found_by_a_process_that_starts_after_a_refresh() {
    let backend = Backend::new();
    let one = connect(process("one", &backend)).await;
    one.fill(in_language(&one, "de")).await;
    advance(&backend, &[&one], 61);
    one.fill(in_language(&one, "de")).await;
    let other = connect(process("other", &backend)).await;
    in_language(&other, "de").await.assert_remote_hit().assert_body("page 2 of one");
}

#[actix_web::test]
async fn variant_is_found_by_a_process_that_starts_after_a_purge() {
    let backend = Backend::new();
    let one = connect(process("one", &backend)).await;
    one.fill(in_language(&one, "de")).await;
    one.cache().purge_path(VARIED).await.unwrap();
    one.receive_purges().await;
    one.fill(in_language(&one, "de")).await;
    let other = connect(process("other", &backend)).await;
    in_language(&other, "de").await.assert_remote_hit().assert_body("page 2 of one");
}

/// What is in the key holds for the response of a bypass too, which shared caches must not give to others.
#[actix_web::test]
async fn bypass_because_of_a_remote_page_has_the_headers_of_its_key() {
    let (_, one, other) = two_processes().await;
    one.set_handler(page_with("one", &[("content-encoding", "gzip")]));
    one.fill(one.get("/own/1").header("accept-encoding", "gzip")).await;
    let response = other.get("/own/1").header("accept-encoding", "identity").await;
    response.assert_bypass(Reason::ContentEncoding).assert_body("page 1 of other");
    let header = |name| response.header(name).unwrap_or_default();
    assert!(header("cache-control").contains("private"), "{response:?}");
    assert!(header("vary").contains("x-theme"), "{response:?}");
}

#[cache_page(60, normalize = ["accept-language" => normalize::languages])]
async fn normalized(origin: Origin) -> HttpResponse {
    HttpResponse::Ok().insert_header(("vary", "accept-language")).body(origin.count().to_string())
}

#[actix_web::test]
async fn spellings_that_are_normalized_select_one_remote_variant() {
    let backend = Backend::new();
    let start = |name| connect(process(name, &backend).route("/normalized", normalized));
    let (one, other) = (start("one").await, start("other").await);
    let request = |app: &TestApp, language| app.get("/normalized").header("accept-language", language);
    one.fill(request(&one, "de, en")).await;
    request(&other, "EN,de").await.assert_remote_hit();
    request(&other, "en").await.assert_stored();
}

/// Requests for one variant wait for each other, and for no other variant.
#[actix_web::test]
async fn variants_are_filled_side_by_side_while_purges_are_not_heard_of() {
    let process = process("one", &Backend::new());
    process.store().set_behavior(&Method::ALL, Behavior::Fails);
    let one = process.start().await;
    in_language(&one, "fr").await.assert_outcome(Outcome::Stored);
    one.pause();
    let languages = iter::once("de").chain(iter::repeat_n("en", 20));
    let crowd = Crowd::send(languages.map(|language| in_language(&one, language))).await;
    assert_eq!(one.waiting().len(), 2);
    one.finish(1).await;
    assert_eq!(one.waiting().len(), 1);
    one.finish(1).await;
    drop(crowd.responses().await);
}
