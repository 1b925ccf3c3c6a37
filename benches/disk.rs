//! Pages on disk: `cargo xtask bench disk`.
//!
//! Measures the start of a process with many pages on disk, first hits beside a bare `GET` of Redis on the same machine, and the hit
//! ratio after a deploy with the same version.

#![allow(clippy::panic, clippy::unwrap_used)]

#[path = "support/redis_server.rs"]
mod redis_server;

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpResponse,
    dev::{Service, ServiceResponse},
    rt::time::sleep,
    test::{TestRequest, init_service, read_body},
    web::{self, Bytes},
};
use cache_page::{PageCache, cache_page, testing::CacheStatus};
use redis::{Client, cmd};
use redis_server::Server;

const PAGES: usize = 100_000;

/// The bytes of a body.
const LENGTH: usize = 2048;

/// How many pages are requested once, to compare them with Redis.
const FIRST_HITS: usize = 2000;

/// The requests after a deploy.
const TRACE: usize = 1000;

const ROUNDS: usize = 5;

/// Counts the runs of the handler.
static RUNS: AtomicUsize = AtomicUsize::new(0);

fn body(page: usize) -> Bytes {
    let mut body = format!("page {page}\n").into_bytes();
    body.resize(LENGTH, b'.');
    body.into()
}

#[cache_page(86400, name = "page")]
async fn page(page: web::Path<usize>) -> HttpResponse {
    RUNS.fetch_add(1, Ordering::Relaxed);
    HttpResponse::Ok().content_type("text/html").body(body(*page))
}

/// A build of the site.
fn deploy(folder: &Path) -> PageCache {
    let cache = PageCache::builder().disk(folder).disk_capacity(4 << 30).version("1");
    // The machine of a benchmark may be busy. A request that is not answered in time would run the handler.
    cache.remote_timeout(Duration::from_secs(5)).build()
}

async fn app(cache: &PageCache) -> impl Service<Request, Response = ServiceResponse, Error = Error> {
    init_service(App::new().app_data(cache.clone()).route("/{page}", web::get().to(page))).await
}

fn request(page: usize) -> Request {
    TestRequest::get().uri(&format!("/{page}")).to_request()
}

async fn opened(cache: &PageCache) {
    while !cache.stats().remote().unwrap().is_available {
        sleep(Duration::from_millis(1)).await;
    }
}

async fn fill(folder: &Path) {
    let cache = deploy(folder);
    opened(&cache).await;
    let app = app(&cache).await;
    for number in 0..PAGES {
        app.call(request(number)).await.unwrap();
        // The disk is slower than the handler. Pages beyond what may wait for it are not stored there.
        if number % 1000 == 999 {
            assert!(cache.shut_down(Duration::from_secs(60)).await.is_complete());
        }
    }
    assert_eq!(cache.stats().remote().unwrap().stored as usize, PAGES);
}

/// Returns a page of a Zipf distribution with the exponent 1, for a number between 0 and 1.
fn zipf(random: f64) -> usize {
    ((PAGES as f64).powf(random) - 1.0) as usize
}

/// Numbers between 0 and 1 (xorshift).
fn randoms(mut seed: u64) -> impl FnMut() -> f64 {
    move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Returns the median time of a bare `GET` of a body with as many bytes.
async fn redis_get() -> Duration {
    let server = Server::start();
    let client = Client::open(&*server.1).unwrap();
    let mut connection = loop {
        match client.get_multiplexed_async_connection().await {
            Ok(connection) => break connection,
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    };
    for number in 0..FIRST_HITS {
        let _: () = cmd("SET").arg(number).arg(&body(number)[..]).query_async(&mut connection).await.unwrap();
    }
    let mut times = Vec::new();
    for number in 0..FIRST_HITS {
        let start = Instant::now();
        let bytes: Vec<u8> = cmd("GET").arg(number).query_async(&mut connection).await.unwrap();
        times.push(start.elapsed());
        assert_eq!(bytes.len(), LENGTH);
    }
    median(times)
}

/// Starts a build, and returns how long it takes until the pages are found, and the median time of their first hits.
async fn first_hits(folder: &Path) -> (Duration, Duration) {
    let start = Instant::now();
    let cache = deploy(folder);
    opened(&cache).await;
    let app = app(&cache).await;
    let response = app.call(request(PAGES / 2)).await.unwrap();
    let ready = start.elapsed();
    assert_eq!(CacheStatus::of(response.headers()).detail(), Some("remote"));
    let mut times = Vec::new();
    // Spread over the file.
    for number in (0..PAGES).step_by(PAGES / FIRST_HITS).skip(1) {
        let request = request(number);
        let start = Instant::now();
        let response = app.call(request).await.unwrap();
        times.push(start.elapsed());
        assert!(read_body(response).await == body(number), "a wrong page");
    }
    (ready, median(times))
}

/// Starts a build, and returns its hits and wrong pages among the first requests.
async fn hits_after_deploy(folder: &Path, seed: u64) -> (usize, usize) {
    let cache = deploy(folder);
    let app = app(&cache).await;
    let (before, mut random, mut wrong) = (RUNS.load(Ordering::Relaxed), randoms(seed), 0);
    for _ in 0..TRACE {
        let number = zipf(random());
        let response = app.call(request(number)).await.unwrap();
        wrong += usize::from(read_body(response).await != body(number));
    }
    (TRACE - (RUNS.load(Ordering::Relaxed) - before), wrong)
}

#[actix_web::main]
async fn main() {
    let folder: PathBuf = env::temp_dir().join(format!("cache_page-bench-{}", std::process::id()));
    let start = Instant::now();
    fill(&folder).await;
    let size: u64 = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!(
        "{PAGES} pages of {LENGTH} bytes stored in {:.1?}; files: {} MiB\n",
        start.elapsed(),
        size >> 20
    );
    println!("round   ready     first hit   Redis GET   ratio   hits of {TRACE}   wrong");
    for round in 1..=ROUNDS {
        let get = redis_get().await;
        let (ready, hit) = first_hits(&folder).await;
        let (hits, wrong) = hits_after_deploy(&folder, 0x9e37_79b9_7f4a_7c15 * round as u64).await;
        let ratio = hit.as_secs_f64() / get.as_secs_f64();
        println!(
            "{round:>5}   {ready:>7.1?}   {hit:>9.1?}   {get:>9.1?}   {ratio:>5.2}   {hits:>12}   {wrong:>5}"
        );
    }
    fs::remove_dir_all(&folder).unwrap();
}
