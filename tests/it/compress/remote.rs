//! Encoded bodies that several processes share.

use super::{ALL, LONG, html, in_coding};
use crate::support::{Backend, Behavior, Method, TestApp, advance};

async fn process(backend: &Backend, local_ttl: u64) -> TestApp {
    let app = TestApp::builder().handler(super::html_of(LONG)).remote(backend);
    let app = app.cache(|cache| cache.compress(true).local_ttl(std::time::Duration::from_secs(local_ttl)));
    let app = app.start().await;
    app.wait_available().await;
    app
}

fn encodings(processes: &[&TestApp]) -> Vec<u64> {
    processes.iter().map(|process| process.cache().stats().encodings()).collect()
}

#[actix_web::test]
async fn processes_encode_a_page_once() {
    for local_ttl in [60, 0] {
        let backend = Backend::new();
        let (one, other) = (process(&backend, local_ttl).await, process(&backend, local_ttl).await);
        one.fill(one.get("/")).await;
        for coding in ["br", "zstd"] {
            let request = |app: &TestApp| app.get("/").header("accept-encoding", coding);
            let first = in_coding(&request(&one), coding).await;
            let second = in_coding(&request(&other), coding).await;
            assert_eq!(second.decoded(), html(1, LONG));
            assert_eq!((&first.body, first.header("etag")), (&second.body, second.header("etag")));
            second.assert_header("vary", "accept-encoding");
        }
        assert_eq!((one.runs(), other.runs()), (1, 0));
        assert_eq!(encodings(&[&one, &other]), [2, 0], "local_ttl = {local_ttl}");
    }
}

#[actix_web::test]
async fn processes_that_ask_at_once_encode_a_page_once() {
    let backend = Backend::new();
    let (one, other) = (process(&backend, 60).await, process(&backend, 60).await);
    one.fill(one.get("/")).await;
    other.get("/").await.assert_remote_hit();
    let request = |app: &TestApp| app.get("/").header("accept-encoding", ALL);
    let (one_request, other_request) = (request(&one), request(&other));
    let responses =
        futures_util::future::join(in_coding(&one_request, "br"), in_coding(&other_request, "br")).await;
    assert_eq!(responses.0.body, responses.1.body);
    assert_eq!(encodings(&[&one, &other]).iter().sum::<u64>(), 1);
}

#[actix_web::test]
async fn encoded_body_of_another_version_is_not_sent() {
    let backend = Backend::new();
    let (one, other) = (process(&backend, 60).await, process(&backend, 60).await);
    for run in 1..=3 {
        one.fill(one.get("/")).await;
        for app in [&one, &other] {
            let response = in_coding(&app.get("/").header("accept-encoding", ALL), "br").await;
            assert_eq!(response.decoded(), html(run, LONG));
        }
        if run == 1 {
            one.cache().purge_all().await.unwrap();
            other.receive_purges().await;
        } else {
            advance(&backend, &[&one, &other], 60);
        }
    }
}

#[actix_web::test]
async fn page_is_encoded_without_the_remote_store_too() {
    let backend = Backend::new();
    let app = process(&backend, 60).await;
    app.fill(app.get("/")).await;
    app.store().set_behavior(&[Method::Get, Method::Put], Behavior::Rejects);
    let response = in_coding(&app.get("/").header("accept-encoding", ALL), "br").await;
    assert_eq!(response.decoded(), html(1, LONG));
}
