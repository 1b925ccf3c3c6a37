//! Latency and throughput of coalesced, uncacheable and expiring pages over real sockets: `cargo xtask bench fills`.
//!
//! Server and clients share the machine, so the figures are ratios or bounds, and both sides of a ratio are measured in one run.

#![allow(clippy::unwrap_used)]

use std::{
    fmt::Write as _,
    net::SocketAddr,
    time::{Duration, Instant},
};

use actix_web::{HttpResponse, Responder, get, web};
use cache_page::{PageCache, cache_page};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::{Builder, Runtime},
    task::LocalSet,
};

#[path = "support/http_server.rs"]
mod http_server;

use http_server::Server;

/// The duration of the slow handlers.
const SLOW: Duration = Duration::from_millis(500);
/// The duration of the handlers of hot pages.
const HOT: Duration = Duration::from_millis(100);

fn configure(config: &mut web::ServiceConfig) {
    config
        .service(slow)
        .service(slow_cached)
        .service(private_bare)
        .service(private_cached)
        .service(private_table_bare)
        .service(private_table_cached)
        .service(slow_private_bare)
        .service(slow_private_cached)
        .service(hot)
        .service(hot_stale);
}

fn main() {
    let clients = Builder::new_current_thread().enable_all().build().unwrap();
    cold_followers(&clients);
    uncacheable_latency(&clients);
    uncacheable_throughput(&clients);
    expiry(&clients);
}

#[get("/slow")]
async fn slow() -> impl Responder {
    tokio::time::sleep(SLOW).await;
    "page"
}

#[get("/slow-cached/{number}")]
#[cache_page(600)]
async fn slow_cached(_number: web::Path<u32>) -> impl Responder {
    tokio::time::sleep(SLOW).await;
    "page"
}

/// Compares the slowest of 1,000 concurrent requests for a cold page with a single request.
fn cold_followers(clients: &Runtime) {
    let server = Server::start(2, PageCache::new(), configure);
    let single = clients.block_on(async {
        let mut client = Client::connect(server.address).await;
        client.time("/slow").await
    });
    let mut slowest: Vec<Duration> = (0..5)
        .map(|round| {
            let path = format!("/slow-cached/{round}");
            let times = concurrently(clients, server.address, 1000, &path);
            times.into_iter().max().unwrap()
        })
        .collect();
    row(
        "slowest of 1,000 concurrent requests for a cold page, relative to the handler's own time",
        ratio(median(&mut slowest), single),
        "at most 1.1",
    );
}

fn private() -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "no-store")).body("page")
}

#[get("/private")]
async fn private_bare() -> HttpResponse {
    private()
}

#[get("/private-cached")]
#[cache_page(600)]
async fn private_cached() -> HttpResponse {
    private()
}

/// A table of 200 rows, as an example of a page that is worth caching.
fn private_table() -> HttpResponse {
    let mut body = String::with_capacity(20_000);
    for row in 0..200 {
        let _ = writeln!(
            body,
            "<tr><td>{row}</td><td>{}</td><td>{:.2}</td></tr>",
            row * 7919 % 1000,
            f64::from(row) / 7.0
        );
    }
    body.push_str("\r\n\r\npage");
    HttpResponse::Ok().insert_header(("cache-control", "no-store")).body(body)
}

#[get("/private-table")]
async fn private_table_bare() -> HttpResponse {
    private_table()
}

#[get("/private-table-cached")]
#[cache_page(600)]
async fn private_table_cached() -> HttpResponse {
    private_table()
}

#[get("/slow-private")]
async fn slow_private_bare() -> HttpResponse {
    tokio::time::sleep(HOT).await;
    private()
}

#[get("/slow-private-cached")]
#[cache_page(600)]
async fn slow_private_cached() -> HttpResponse {
    tokio::time::sleep(HOT).await;
    private()
}

/// Measures 1,000 concurrent requests for an uncacheable page, before and after the cache has remembered that it is uncacheable.
fn uncacheable_latency(clients: &Runtime) {
    let server = Server::start(2, PageCache::new(), configure);
    let slowest = |path: &str| concurrently(clients, server.address, 1000, path).into_iter().max().unwrap();
    let first = slowest("/slow-private-cached");
    let (mut bare, mut cached): (Vec<_>, Vec<_>) =
        (0..5).map(|_| (slowest("/slow-private"), slowest("/slow-private-cached"))).unzip();
    let bare = median(&mut bare);
    row(
        "slowest of 1,000 concurrent requests for an uncacheable page, relative to no attribute",
        ratio(median(&mut cached), bare),
        "about 1",
    );
    row(
        "  the same before the page is known to be uncacheable: one run, then all others",
        ratio(first, bare),
        "about 2",
    );
}

/// Compares the throughput of uncacheable pages with and without the attribute, on one worker.
fn uncacheable_throughput(clients: &Runtime) {
    let server = Server::start(1, PageCache::new(), configure);
    let address = server.address;
    let run = |path: &'static str| {
        LocalSet::new().block_on(clients, async move {
            let start = Instant::now();
            let tasks: Vec<_> = (0..32)
                .map(|_| {
                    tokio::task::spawn_local(async move {
                        let mut client = Client::connect(address).await;
                        for _ in 0..500 {
                            client.time(path).await;
                        }
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            start.elapsed()
        })
    };
    for (bare, cached, what) in [
        ("/private-table", "/private-table-cached", "a table of 200 rows"),
        ("/private", "/private-cached", "four bytes"),
    ] {
        run(bare);
        let mut ratios: Vec<f64> = (0..15)
            .map(|_| {
                let (bare, cached) = (run(bare), run(cached));
                bare.as_secs_f64() / cached.as_secs_f64()
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        let what = format!("throughput of an uncacheable page, {what}, relative to no attribute");
        row(&what, ratios[ratios.len() / 2], "at least 0.95");
    }
}

#[get("/hot")]
#[cache_page("1s")]
async fn hot() -> impl Responder {
    tokio::time::sleep(HOT).await;
    "page"
}

#[get("/hot-stale")]
#[cache_page("1s", stale_while_revalidate = "1s")]
async fn hot_stale() -> impl Responder {
    tokio::time::sleep(HOT).await;
    "page"
}

/// Measures 250 requests per second for a page that expires every second.
fn expiry(clients: &Runtime) {
    for (what, path, refresh_ahead) in [
        ("without stale_while_revalidate", "/hot", false),
        ("with stale_while_revalidate", "/hot-stale", false),
        ("without it, with refresh_ahead", "/hot", true),
        ("with both", "/hot-stale", true),
    ] {
        let server = Server::start(2, PageCache::builder().refresh_ahead(refresh_ahead).build(), configure);
        let address = server.address;
        let mut times = LocalSet::new().block_on(clients, async move {
            Client::connect(address).await.time(path).await;
            let mut tasks = Vec::new();
            // Each request has its own connection and starts on time, whether or not earlier ones have completed.
            let mut tick = tokio::time::interval(Duration::from_millis(4));
            for _ in 0..1500 {
                tick.tick().await;
                let mut client = Client::connect(address).await;
                tasks.push(tokio::task::spawn_local(async move { client.time(path).await }));
            }
            let mut times = Vec::new();
            for task in tasks {
                times.push(task.await.unwrap());
            }
            times
        });
        times.sort();
        let (p99, max) = (times[times.len() * 99 / 100], times[times.len() - 1]);
        let late = times.iter().filter(|time| **time > Duration::from_millis(5)).count();
        println!(
            "{:>9.1} ms p99 {:>7.1} ms slowest, {late:>4} of {} above 5 ms  hot page that expires every second, 100 ms handler, {what}",
            millis(p99),
            millis(max),
            times.len(),
        );
    }
}

fn row(what: &str, figure: f64, goal: &str) {
    println!("{figure:>9.2} {goal:>14}  {what}");
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Sends concurrent requests, each on its own connection, and returns the latencies.
fn concurrently(clients: &Runtime, address: SocketAddr, requests: usize, path: &str) -> Vec<Duration> {
    let path = path.to_owned();
    LocalSet::new().block_on(clients, async move {
        let mut connected = Vec::new();
        for _ in 0..requests {
            connected.push(Client::connect(address).await);
        }
        let tasks: Vec<_> = connected
            .into_iter()
            .map(|mut client| {
                let path = path.clone();
                tokio::task::spawn_local(async move { client.time(&path).await })
            })
            .collect();
        let mut times = Vec::new();
        for task in tasks {
            times.push(task.await.unwrap());
        }
        times
    })
}

struct Client {
    stream: TcpStream,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream }
    }

    /// Sends a request and returns the time until the whole response has arrived.
    async fn time(&mut self, path: &str) -> Duration {
        let start = Instant::now();
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        while !response.ends_with(b"\r\n\r\npage") {
            assert!(self.stream.read_buf(&mut response).await.unwrap() > 0);
        }
        assert!(response.starts_with(b"HTTP/1.1 200"));
        start.elapsed()
    }
}
