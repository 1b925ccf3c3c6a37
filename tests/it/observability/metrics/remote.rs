//! Calls of the remote store. They are made on several threads, so that the recorder is that of the process.

use super::Values;
use crate::support::{Backend, Behavior, Method, TestApp, until};

/// An application with a remote store, whose cache has a name of its own.
async fn app(name: &str) -> TestApp {
    let app = TestApp::builder().remote(&Backend::new()).cache(|cache| cache.name(name)).start().await;
    app.wait_available().await;
    app
}

fn calls(cache: &str, operation: &str) -> usize {
    let metric = format!("cache_page_remote_seconds cache={cache} operation={operation}");
    Values::of_the_process().count(&metric)
}

fn errors(cache: &str, operation: &str, error: &str) -> usize {
    let labels = format!("cache={cache} operation={operation} error={error}");
    Values::of_the_process().count(&format!("cache_page_remote_errors_total {labels}"))
}

#[actix_web::test]
async fn each_call_has_a_latency_under_its_operation() {
    Values::of_the_process();
    let app = app("remote-latency").await;
    app.fill(app.get("/")).await;
    until("get and put are recorded", || {
        calls("remote-latency", "get") == 1 && calls("remote-latency", "put") == 1
    })
    .await;
    app.cache().purge_path("/").await.unwrap();
    until("the purge is recorded", || calls("remote-latency", "purge") == 1).await;
    // A poll waits for changes.
    assert_eq!(calls("remote-latency", "poll"), 0);
}

#[actix_web::test]
async fn failed_calls_are_counted_by_operation_and_error() {
    Values::of_the_process();
    let app = app("remote-errors").await;
    app.store().set_behavior(&[Method::Get, Method::Purge], Behavior::Rejects);
    app.get("/").await;
    drop(app.cache().purge_path("/").await);
    assert_eq!(errors("remote-errors", "get", "remote-rejected"), 1);
    until("the purge is counted", || errors("remote-errors", "purge", "remote-rejected") > 0).await;
    assert_eq!(calls("remote-errors", "get"), 1);
    app.store().set_behavior(&Method::ALL, Behavior::Fails);
    app.wait_unavailable().await;
    until("the polls are counted", || errors("remote-errors", "poll", "remote-unavailable") > 0).await;
}

#[actix_web::test]
async fn gauges_tell_whether_the_store_is_available() {
    Values::of_the_process();
    let app = app("remote-gauges").await;
    let last = |gauge: &str| Values::of_the_process().last(&format!("{gauge} cache=remote-gauges"));
    app.cache().record_metrics();
    assert_eq!(last("cache_page_remote_available"), Some(1.0));
    assert_eq!(last("cache_page_remote_pending_purges"), Some(0.0));
    app.store().set_behavior(&Method::ALL, Behavior::Fails);
    app.wait_unavailable().await;
    drop(app.cache().purge_path("/").await);
    app.cache().record_metrics();
    assert_eq!(last("cache_page_remote_available"), Some(0.0));
    assert_eq!(last("cache_page_remote_pending_purges"), Some(1.0));
}
