//! A cache that is built in the closure of `HttpServer::new`, once for each worker.

use std::net::SocketAddr;

use actix_web::dev::AppConfig;
use cache_page::PageCache;
use tracing::Level;

use crate::support::{Events, TestApp};

const CLIENT: &str = "192.0.2.1:5000";

/// Starts an application on this address, as a worker does.
async fn worker(address: &str, cache: PageCache) -> TestApp {
    let address: SocketAddr = address.parse().expect("an address");
    let config = AppConfig::__priv_test_new(false, address.to_string(), address);
    TestApp::builder().page_cache(cache).server(&config).start().await
}

async fn request(app: &TestApp) {
    app.get("/").peer_addr(CLIENT.parse().expect("an address")).await.assert_status(200);
}

/// Builds a cache at one place.
fn build() -> PageCache {
    PageCache::builder().build()
}

/// Builds a cache in a thread of its own, as a worker does.
fn build_in_worker() -> PageCache {
    std::thread::spawn(build).join().expect("the cache is built")
}

fn errors(events: &Events) -> Vec<String> {
    let errors = events.take().into_iter().filter(|event| event.level == Level::ERROR);
    errors.map(|event| event.message().to_owned()).collect()
}

#[actix_web::test]
async fn caches_of_two_workers_are_an_error_in_the_log() {
    let workers =
        [worker("192.0.2.9:80", build_in_worker()).await, worker("192.0.2.9:80", build_in_worker()).await];
    let events = Events::collect();
    request(&workers[0]).await;
    assert_eq!(errors(&events), Vec::<String>::new());
    request(&workers[1]).await;
    let errors = errors(&events);
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("build it before that"), "{errors:?}");
    assert!(errors[0].contains("per_worker.rs"), "{errors:?}");
}

#[actix_web::test]
async fn caches_of_many_workers_are_one_error() {
    let events = Events::collect();
    // Dropped caches would not count.
    let mut workers = Vec::new();
    for _ in 0..4 {
        workers.push(worker("192.0.2.10:80", build_in_worker()).await);
    }
    for worker in workers.iter().chain(&workers) {
        request(worker).await;
    }
    assert_eq!(errors(&events).len(), 1);
}

#[actix_web::test]
async fn caches_that_one_thread_has_built_are_no_error() {
    let scopes = [worker("192.0.2.14:80", build()).await, worker("192.0.2.14:80", build()).await];
    let events = Events::collect();
    for scope in &scopes {
        request(scope).await;
    }
    assert_eq!(errors(&events), Vec::<String>::new());
}

#[actix_web::test]
async fn one_cache_of_all_workers_is_no_error() {
    let cache = build();
    let workers = [worker("192.0.2.11:80", cache.clone()).await, worker("192.0.2.11:80", cache).await];
    let events = Events::collect();
    for worker in &workers {
        request(worker).await;
    }
    assert_eq!(errors(&events), Vec::<String>::new());
}

#[actix_web::test]
async fn caches_of_two_servers_are_no_error() {
    let servers =
        [worker("192.0.2.12:80", build_in_worker()).await, worker("192.0.2.13:80", build_in_worker()).await];
    let events = Events::collect();
    for server in &servers {
        request(server).await;
    }
    assert_eq!(errors(&events), Vec::<String>::new());
}

#[actix_web::test]
async fn global_cache_purges_the_pages_of_apps_without_a_cache() {
    let app = TestApp::builder().without_cache().start().await;
    app.get("/global").await.assert_stored();
    app.get("/global").await.assert_hit();
    PageCache::global().purge_path("/global").await.expect("the path is valid");
    app.get("/global").await.assert_stored();
}
