//! Pages and the API about a cache.

use std::net::SocketAddr;

use actix_web::{HttpRequest, HttpResponse, web};
use cache_page::{Inspector, PageCache, PageCacheBuilder, cache_page, testing::ManualClock};
use serde_json::Value;

use crate::support::{TestApp, TestAppBuilder, TestRequest};

mod access;
mod api;
mod diagnosis;
mod entries;
mod escaping;
mod explain;
mod pages;
mod purges;

#[cache_page(60, name = "posts", tags = ["posts", "post:{id}"])]
async fn post(id: web::Path<String>) -> String {
    format!("post {id}")
}

#[cache_page(60, name = "account")]
async fn account(#[anonymous] _request: HttpRequest) -> &'static str {
    "account"
}

#[cache_page(60, name = "missing")]
async fn missing() -> HttpResponse {
    HttpResponse::NotFound().finish()
}

/// An application with an inspector at `/cache`.
fn builder() -> TestAppBuilder {
    builder_with(|cache| cache, |inspector| inspector)
}

fn builder_with(
    options: impl FnOnce(PageCacheBuilder) -> PageCacheBuilder,
    access: impl Fn(Inspector) -> Inspector + Send + Sync + 'static,
) -> TestAppBuilder {
    let clock = ManualClock::new();
    let cache = options(PageCache::builder()).clock(clock.clone()).build();
    let inspected = cache.clone();
    TestApp::builder()
        .clock(&clock)
        .page_cache(cache)
        .route("/posts/{id}", post)
        .route("/account", account)
        .route("/missing", missing)
        .configure(move |config| {
            config.service(access(inspected.inspector("/cache")));
        })
}

fn loopback() -> SocketAddr {
    ([127, 0, 0, 1], 40_000).into()
}

/// A request of a client on the same machine.
fn local(request: TestRequest) -> TestRequest {
    request.peer_addr(loopback()).header("host", "localhost:8080")
}

/// Returns what the API has at a path.
async fn api(app: &TestApp, path: &str) -> Value {
    let response = local(app.get(&format!("/cache/api{path}"))).await;
    response.assert_status(200).assert_header("content-type", "application/json");
    serde_json::from_slice(&response.body).unwrap()
}

/// Returns a page.
async fn page(app: &TestApp, path: &str) -> String {
    let response = local(app.get(&format!("/cache{path}"))).await;
    response.assert_status(200).assert_header("content-type", "text/html; charset=utf-8");
    response.text().to_owned()
}

/// A form that the inspector itself has sent.
async fn form(app: &TestApp, path: &str, fields: &str) -> TestRequest {
    let token = api(app, "/overview").await["token"].as_str().unwrap().to_owned();
    local(app.post(path))
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(format!("{fields}&token={token}"))
}
