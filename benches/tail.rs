//! The slowest hits while the cache has other work: `cargo xtask bench tail`.
//!
//! Two clients request stored pages of a server with two workers, each the next one when the last has arrived. In every other
//! phase a thousand new pages are stored per second, each in the place of another, ten thousand pages are purged every second, and a page
//! is refreshed in the background. Server and clients share the machine.

#![allow(clippy::unwrap_used)]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use actix_web::{Responder, get, web};
use cache_page::{PageCache, cache_page};

#[path = "support/http_server.rs"]
mod http_server;

use http_server::Server;

const PHASE: Duration = Duration::from_secs(5);
const ROUNDS: usize = 5;

/// One purge per second of a phase.
const PURGES: u64 = 5;
const PAGES_PER_PURGE: u64 = 10_000;

/// The pages that the clients request.
const HOT: u64 = 100;

const BODY: usize = 1024;
/// A page with its headers, its key and its places in tables takes about this many bytes.
const PAGE: usize = BODY + 1100;

#[get("/hot/{number}")]
#[cache_page(600)]
async fn hot(_number: web::Path<u64>) -> impl Responder {
    "x".repeat(BODY)
}

#[get("/refreshed")]
#[cache_page(1, stale_while_revalidate = "1h")]
async fn refreshed() -> impl Responder {
    "x".repeat(BODY)
}

#[get("/tagged/{tag}/{number}")]
#[cache_page(600, tags = ["{tag}"])]
async fn tagged(_path: web::Path<(u64, u64)>) -> impl Responder {
    "x".repeat(BODY)
}

#[get("/new/{number}")]
#[cache_page(600)]
async fn new(_number: web::Path<u64>) -> impl Responder {
    "x".repeat(BODY)
}

/// What the machine makes of the same requests where nothing is stored.
#[get("/plain/{number}")]
async fn plain(_number: web::Path<u64>) -> impl Responder {
    "x".repeat(BODY)
}

fn configure(config: &mut web::ServiceConfig) {
    config.service(hot).service(refreshed).service(tagged).service(new).service(plain);
}

/// A connection that is kept.
struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, buffer: vec![0; 4 * BODY] }
    }

    /// Requests a page and returns the time until all of it has arrived.
    fn get(&mut self, path: &str) -> Duration {
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n");
        let start = Instant::now();
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut length = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[length..]).unwrap();
            assert!(read > 0, "the server has closed the connection");
            length += read;
            let head = self.buffer[..length].windows(4).position(|four| four == b"\r\n\r\n");
            if head.is_some_and(|head| length >= head + 4 + BODY) {
                assert!(self.buffer.starts_with(b"HTTP/1.1 200"));
                return start.elapsed();
            }
        }
    }
}

/// Half of the requests took at most this long, 99 of 100, and 999 of 1,000.
#[derive(Clone, Copy)]
struct Latencies {
    requests: usize,
    percentiles: [Duration; 3],
}

fn main() {
    let cache = PageCache::builder().max_bytes(PAGE * (PURGES * PAGES_PER_PURGE) as usize).build();
    let server = Server::start(2, cache.clone(), configure);
    let next = AtomicU64::new(0);
    let (mut quiet, mut busy) = (Vec::new(), Vec::new());
    let (mut plain_quiet, mut plain_busy) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Idle connections are closed.
        let mut client = Client::connect(server.address);
        for number in 0..HOT {
            client.get(&format!("/hot/{number}"));
        }
        client.get("/refreshed");
        for number in 0..PURGES * PAGES_PER_PURGE {
            let tag = round as u64 * PURGES + number % PURGES;
            client.get(&format!("/tagged/{tag}/{number}"));
        }
        plain_quiet.push(measure(server.address, "/plain", |_| {}));
        plain_busy.push(measure(server.address, "/plain", |stop| {
            request_new_pages(server.address, "/plain", &next, stop);
        }));
        quiet.push(measure(server.address, "/hot", |_| {}));
        let (removed, stored) = (cache.stats().pages(), next.load(Ordering::Relaxed));
        busy.push(measure(server.address, "/hot", |stop| {
            thread::scope(|scope| {
                scope.spawn(|| request_new_pages(server.address, "/new", &next, stop));
                purge(&cache, round as u64 * PURGES, stop);
            });
        }));
        assert!(next.load(Ordering::Relaxed) > stored + 1000 && cache.stats().pages() < removed);
    }
    let plain_quiet = print("a plain handler alone", &plain_quiet);
    let plain_busy = print("with a thousand more requests per second", &plain_busy);
    println!("{:.2} times the p99.9", ratio(plain_busy, plain_quiet));
    let quiet = print("hits alone", &quiet);
    let busy = print("with misses, evictions, purges and refreshes", &busy);
    println!("{:.2} times the p99.9 (goal: at most 1.5)", ratio(busy, quiet));
}

/// Lets two clients request stored pages for one phase, while `work` is done.
fn measure(address: SocketAddr, folder: &str, work: impl FnOnce(&AtomicBool) + Send) -> Latencies {
    let stop = AtomicBool::new(false);
    let stop = &stop;
    thread::scope(|scope| {
        let clients =
            [0, 1].map(|client| scope.spawn(move || request_hot_pages(address, folder, client, stop)));
        let work = scope.spawn(move || work(stop));
        thread::sleep(PHASE);
        stop.store(true, Ordering::Relaxed);
        let mut times: Vec<Duration> =
            clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        work.join().unwrap();
        times.sort_unstable();
        let percentiles = [500, 990, 999].map(|thousandths| times[times.len() * thousandths / 1000]);
        Latencies { requests: times.len(), percentiles }
    })
}

fn request_hot_pages(address: SocketAddr, folder: &str, client: u64, stop: &AtomicBool) -> Vec<Duration> {
    let (mut connection, mut times) = (Client::connect(address), Vec::new());
    let paths: Vec<String> = (0..HOT).map(|number| format!("{folder}/{number}")).collect();
    let mut number = client * HOT / 2;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let path = if folder == "/hot" && number.is_multiple_of(128) {
            "/refreshed"
        } else {
            &paths[(number % HOT) as usize]
        };
        times.push(connection.get(path));
    }
    times
}

/// Requests a thousand pages per second, each once.
fn request_new_pages(address: SocketAddr, folder: &str, next: &AtomicU64, stop: &AtomicBool) {
    let (mut connection, start) = (Client::connect(address), Instant::now());
    let mut requests = 0;
    while !stop.load(Ordering::Relaxed) {
        connection.get(&format!("{folder}/{}", next.fetch_add(1, Ordering::Relaxed)));
        requests += 1;
        thread::sleep((start + Duration::from_millis(requests)).saturating_duration_since(Instant::now()));
    }
}

/// Purges ten thousand pages every second.
fn purge(cache: &PageCache, first_tag: u64, stop: &AtomicBool) {
    for tag in first_tag..first_tag + PURGES {
        thread::sleep(PHASE / PURGES as u32 / 2);
        drop(cache.purge_tag(&tag.to_string()));
        thread::sleep(PHASE / PURGES as u32 / 2);
        if stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// Prints the medians of the rounds, and returns that of 999 of 1,000.
fn print(what: &str, rounds: &[Latencies]) -> Duration {
    let median = |index: usize| {
        let mut times: Vec<_> = rounds.iter().map(|round| round.percentiles[index]).collect();
        times.sort_unstable();
        times[times.len() / 2]
    };
    let [p50, p99, p999] = [0, 1, 2].map(median);
    let requests: usize = rounds.iter().map(|round| round.requests).sum();
    println!("{requests:>8} hits: p50 {p50:>8.1?}, p99 {p99:>8.1?}, p99.9 {p999:>8.1?}  {what}");
    p999
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}
