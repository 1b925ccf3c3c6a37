//! Pages and purges that several processes share. Here each process is an application with a cache of its own.
//!
//! `CACHE_PAGE_REMOTE_LATENCY=Get=30` delays each response of a method by 30 milliseconds, to find tests that depend on timing.

mod coalescing;
mod contract;
mod corrupt_entries;
mod faults;
mod in_flight;
mod key;
mod leases;
mod local_memory;
mod middleware;
mod pages;
mod pending_purges;
mod purge_journal;
mod purge_writers;
mod purges;
mod refresh;
mod request_directives;
mod revalidation;
mod shut_down;
mod stale;
mod subscription;
mod tags;
mod unconfirmed;
mod variants;
mod versions;

use std::time::{Duration, Instant};

use actix_web::{
    Error, HttpRequest, HttpResponse,
    http::{StatusCode, header::HeaderName},
    rt::time::{sleep, timeout},
    web,
};
use cache_page::{PageCache, PageCacheBuilder, PageControl, PurgeFuture, cache_page, purge_page};

use crate::support::{Backend, Call, Origin, TestApp, TestAppBuilder, TestResponse};

/// A page with the tags `posts` and `post:1`. A POST to it purges them.
const POST: &str = "/posts/1";

/// A page with the tag `refreshed` and a window of 30 seconds in which it is served while it is refreshed.
const REFRESHED: &str = "/refreshed";

/// A page with a window of 300 seconds in which it is served if the handler fails.
const KEPT_ON_ERROR: &str = "/kept-on-error";

/// A page that varies by `Accept-Language`, as only its response tells.
const VARIED: &str = "/varied";

/// The targeted field of the caches.
const TARGETED_FIELD: &str = "acme-control";

/// `local_ttl` with which pages are served from local memory for their lifetime, and with which each request is sent to the
/// remote store.
const LOCAL_TTLS: [u64; 2] = [60, 0];

type Purge = fn(&PageCache) -> PurgeFuture;

/// A purge and a soft purge of [`POST`].
const PURGE_AND_EXPIRE: [(&str, Purge); 2] =
    [("purge_tag", |cache| cache.purge_tag("post:1")), ("expire_tag", |cache| cache.expire_tag("post:1"))];

#[cache_page(60, name = "posts", tags = ["posts", "post:{id}"])]
async fn post(_id: web::Path<String>, origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

#[cache_page(60)]
async fn tagged(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

#[cache_page(60, stale_while_revalidate = 30, tags = ["refreshed"])]
async fn refreshed(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

#[cache_page(60, stale_if_error = 300)]
async fn kept_on_error(origin: Origin, control: PageControl) -> Result<HttpResponse, Error> {
    origin.respond_with(&control).await
}

#[cache_page(60)]
async fn varied(#[unkeyed] request: HttpRequest, origin: Origin) -> Result<HttpResponse, Error> {
    let mut response = origin.respond().await?;
    let language = request.headers().get("accept-language").cloned();
    response.headers_mut().append("vary".parse().unwrap(), "accept-language".parse().unwrap());
    let language = language.unwrap_or_else(|| "none".parse().unwrap());
    response.headers_mut().append("x-language".parse().unwrap(), language);
    Ok(response)
}

/// A page of one visitor, in a theme.
#[cache_page(60, vary = ["x-theme"])]
async fn own(#[key] _user: web::Path<String>, origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

#[purge_page(tags = ["posts", "post:{id}"])]
async fn edit(_id: web::Path<String>, origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

/// Returns the application of a process, whose handler sends `page N of NAME` in its Nth run.
fn process(name: &'static str, backend: &Backend) -> TestAppBuilder {
    let routes = |config: &mut web::ServiceConfig| {
        config.route("/posts/{id}", web::post().to(edit)).route("/posts/{id}", web::route().to(post));
    };
    TestApp::builder()
        .configure(routes)
        .route("/tagged", tagged)
        .route("/own/{user}", own)
        .route(REFRESHED, refreshed)
        .route(KEPT_ON_ERROR, kept_on_error)
        .route(VARIED, varied)
        .handler(page(name))
        .remote(backend)
        .cache(|cache| cache.targeted_cache_control(HeaderName::from_static(TARGETED_FIELD)))
}

/// Starts a process, and waits until it has connected to the remote store.
async fn connect(process: TestAppBuilder) -> TestApp {
    let app = process.start().await;
    app.wait_available().await;
    app
}

/// Starts the processes `one` and `other`, which share a backend.
async fn two_processes() -> (Backend, TestApp, TestApp) {
    two_processes_with(|cache| cache).await
}

/// As [`two_processes`], with this `local_ttl` in seconds.
async fn two_processes_with_local_ttl(seconds: u64) -> (Backend, TestApp, TestApp) {
    two_processes_with(|cache| cache.local_ttl(Duration::from_secs(seconds))).await
}

/// As [`two_processes`], with options of their caches.
async fn two_processes_with(
    options: impl Fn(PageCacheBuilder) -> PageCacheBuilder,
) -> (Backend, TestApp, TestApp) {
    let backend = Backend::new();
    let one = connect(process("one", &backend).cache(&options)).await;
    let other = connect(process("other", &backend).cache(&options)).await;
    (backend, one, other)
}

/// Starts a process that serves nothing from local memory without asking the remote store.
async fn remote_only(name: &'static str, backend: &Backend) -> TestApp {
    connect(process(name, backend).cache(|cache| cache.local_ttl(Duration::ZERO))).await
}

/// Returns a handler that sends `page N of NAME`.
fn page(name: &'static str) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    page_with(name, &[])
}

/// Returns a handler that sends `page N of NAME` with these headers.
fn page_with(
    name: &'static str,
    headers: &'static [(&str, &str)],
) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |call| {
        let mut response = HttpResponse::Ok();
        for header in headers {
            response.append_header(*header);
        }
        response.body(format!("page {} of {name}", call.run))
    }
}

/// Returns a handler that responds with this status.
fn status(code: u16) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |call| {
        HttpResponse::build(StatusCode::from_u16(code).unwrap()).body(format!("response {}", call.run))
    }
}

/// Responds with the entity tag that the cache asks the handler to revalidate.
fn validators(call: &Call) -> HttpResponse {
    let validators = call.control().validators();
    let etag = validators.as_ref().and_then(|validators| validators.etag());
    HttpResponse::Ok().body(etag.map_or("none", |etag| etag.to_str().unwrap()).to_owned())
}

/// Sends requests until the response has this body, which a run in the background generates or finds.
async fn get_until(app: &TestApp, uri: &str, expected: &str) {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let response = app.get(uri).await;
        if response.text() == expected {
            return;
        }
        assert!(Instant::now() < deadline, "not {expected:?} within two minutes\n{response:?}");
        sleep(Duration::from_millis(1)).await;
    }
}

/// Waits for something that must happen, however slow the machine is.
async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(120), future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within two minutes"))
}

/// Checks that all responses are 200 with this body.
#[track_caller]
fn assert_bodies(responses: &[TestResponse], expected: &str) {
    for response in responses {
        response.assert_status(200).assert_body(expected);
    }
}
