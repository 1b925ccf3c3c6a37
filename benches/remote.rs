//! A remote store on a real Redis server: `cargo xtask bench remote`.
//!
//! Compares a hit with a bare `GET` of the same bytes by the same client, and with a hand-written handler. Measures how long
//! purges take to reach other processes.

#![allow(clippy::panic, clippy::unwrap_used)]

#[path = "support/redis_server.rs"]
mod redis_server;

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
    time::{Duration, Instant, SystemTime},
};

use actix_web::{
    App, HttpRequest, HttpResponse,
    dev::Service as _,
    test::{TestRequest, init_service},
    web::{self, Bytes},
};
use cache_page::{Outcome, PageCache, cache_page};
use futures_util::future::join_all;
use redis::{AsyncConnectionConfig, Client, aio::MultiplexedConnection, cmd};
use redis_server::Server;

const ROUNDS: usize = 9;

/// The number of requests of one kind in a round.
const REQUESTS: usize = 2000;

/// The number of concurrent requests.
const CROWD: usize = 64;

/// The number of processes that receive purges.
const PROCESSES: usize = 4;

const PURGES: usize = 500;

/// Returns a text of this length.
fn body(length: usize) -> Bytes {
    static TEXT: OnceLock<Bytes> = OnceLock::new();
    let text = TEXT.get_or_init(|| include_str!("../src/guide/what_is_cached.md").repeat(60).into());
    text.slice(..length)
}

#[cache_page(600)]
async fn cached(length: web::Path<usize>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/html").body(body(*length))
}

/// A hand-written cache.
async fn by_hand(
    length: web::Path<usize>,
    request: HttpRequest,
    connection: web::Data<MultiplexedConnection>,
) -> HttpResponse {
    get_or_set(*length, &request, MultiplexedConnection::clone(&connection)).await
}

/// A connection that the worker drives.
struct OfWorker(MultiplexedConnection);

/// The same, with a connection for each worker.
async fn by_hand_alone(
    length: web::Path<usize>,
    request: HttpRequest,
    connection: web::Data<OfWorker>,
) -> HttpResponse {
    get_or_set(*length, &request, connection.0.clone()).await
}

async fn get_or_set(
    length: usize,
    request: &HttpRequest,
    mut connection: MultiplexedConnection,
) -> HttpResponse {
    let key = request.uri().to_string();
    let known: Option<Vec<u8>> = cmd("GET").arg(&key).query_async(&mut connection).await.unwrap_or(None);
    if let Some(bytes) = known {
        return HttpResponse::Ok().content_type("text/html").body(bytes);
    }
    let bytes = body(length);
    let _: Result<(), _> =
        cmd("SET").arg(&key).arg(&bytes[..]).arg("EX").arg(600).query_async(&mut connection).await;
    HttpResponse::Ok().content_type("text/html").body(bytes)
}

/// Opens a connection that a thread of its own drives. In a server, that is the main thread.
fn connect(url: &str) -> MultiplexedConnection {
    let (client, (give, given)) = (Client::open(url).unwrap(), std::sync::mpsc::channel());
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            give.send(connect_here(&client).await).unwrap();
            std::future::pending::<()>().await;
        });
    });
    given.recv().unwrap()
}

/// Opens a connection that this thread drives.
async fn connect_here(client: &Client) -> MultiplexedConnection {
    let config = AsyncConnectionConfig::new();
    loop {
        match client.get_multiplexed_async_connection_with_config(&config).await {
            Ok(connection) => break connection,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

fn cache(url: &str, memory: bool) -> PageCache {
    let builder = PageCache::builder().redis(url).key_prefix("bench").remote_timeout(Duration::from_secs(2));
    if memory { builder } else { builder.local_ttl(Duration::ZERO) }.build()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Returns the mean time in microseconds of `count` runs in sequence.
async fn each(count: usize, run: impl AsyncFn()) -> f64 {
    let start = Instant::now();
    for _ in 0..count {
        run().await;
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(count).unwrap())
}

/// Creates the App with the cached and the hand-written handlers.
macro_rules! app {
    ($cache:expr, $url:expr) => {
        init_service(
            App::new()
                .app_data(PageCache::clone($cache))
                .app_data(web::Data::new(connect($url)))
                .app_data(web::Data::new(OfWorker(connect_here(&Client::open($url).unwrap()).await)))
                .route("/cached/{length}", web::get().to(cached))
                .route("/by-hand/{length}", web::get().to(by_hand))
                .route("/by-hand-alone/{length}", web::get().to(by_hand_alone)),
        )
        .await
    };
}

async fn latency_and_throughput(url: &str) {
    let (shared, own) = (connect(url), connect_here(&Client::open(url).unwrap()).await);
    let cache = cache(url, false);
    let app = app!(&cache, url);
    let ask = async |uri: &str| {
        let response = app.call(TestRequest::with_uri(uri).to_request()).await.unwrap();
        actix_web::body::to_bytes(response.into_body()).await.unwrap().len()
    };
    println!(
        "microseconds, one after the other, median of {ROUNDS} rounds; hits in the remote store alone (local_ttl 0)"
    );
    println!("a GET over a connection that another thread drives, and over one of this thread");
    println!("{:>8} {:>8} {:>8} {:>6} {:>6}", "shared", "own", "hit", "ratio", "ratio");
    for length in [2_000_usize, 64 * 1024] {
        let uri = format!("/cached/{length}");
        // Waits until the page is stored.
        while cache.stats().count(Outcome::RemoteHit) == 0 || cache.stats().remote().unwrap().stored == 0 {
            ask(&uri).await;
        }
        each(200, async || {
            ask(&uri).await;
        })
        .await;
        let mut bare = shared.clone();
        let _: () = cmd("SET").arg("bare").arg(&body(length)[..]).query_async(&mut bare).await.unwrap();
        let get = async |connection: &MultiplexedConnection| {
            let bytes: Vec<u8> = cmd("GET").arg("bare").query_async(&mut connection.clone()).await.unwrap();
            assert_eq!(bytes.len(), length);
        };
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let hits = cache.stats().count(Outcome::RemoteHit);
            let times = [
                each(REQUESTS, async || get(&shared).await).await,
                each(REQUESTS, async || get(&own).await).await,
                each(REQUESTS, async || {
                    ask(&uri).await;
                })
                .await,
            ];
            assert_eq!(cache.stats().count(Outcome::RemoteHit) - hits, REQUESTS as u64);
            rounds.push(times);
        }
        let [shared, own, hit] = [0, 1, 2].map(|at| median(rounds.iter().map(|round| round[at]).collect()));
        let ratios = [0, 1].map(|at| median(rounds.iter().map(|round| round[2] / round[at]).collect()));
        let [of_shared, of_own] = ratios;
        println!("{shared:>8.1} {own:>8.1} {hit:>8.1} {of_shared:>6.2} {of_own:>6.2}  {length} bytes");
    }
    println!("hits a second, {CROWD} side by side on one worker, median of {ROUNDS} rounds");
    println!("by hand with a connection that another thread drives, and with one of this thread");
    println!("{:>8} {:>8} {:>8} {:>6} {:>6}", "shared", "own", "cached", "ratio", "ratio");
    for length in [2_000_usize, 64 * 1024] {
        // Each request is for another page: requests for one page would share a lookup.
        let rate = async |path: &str| {
            let uris: Vec<String> = (0..CROWD).map(|number| format!("/{path}/{length}?{number}")).collect();
            let start = Instant::now();
            for _ in 0..REQUESTS / CROWD {
                join_all(uris.iter().map(|uri| ask(uri))).await;
            }
            f64::from(u32::try_from(REQUESTS / CROWD * CROWD).unwrap()) / start.elapsed().as_secs_f64()
        };
        let mut rounds = Vec::new();
        for _ in 0..=ROUNDS {
            rounds.push([rate("by-hand").await, rate("by-hand-alone").await, rate("cached").await]);
        }
        // The first round fills the caches.
        let rounds = &rounds[1..];
        let [shared, own, cached] =
            [0, 1, 2].map(|at| median(rounds.iter().map(|round| round[at]).collect()));
        let ratios = [0, 1].map(|at| median(rounds.iter().map(|round| round[2] / round[at]).collect()));
        let [of_shared, of_own] = ratios;
        println!("{shared:>8.0} {own:>8.0} {cached:>8.0} {of_shared:>6.2} {of_own:>6.2}  {length} bytes");
    }
}

/// Sends requests for `crowd` pages at a time, to be counted with callgrind.
async fn profile(url: &str, path: &str, requests: usize, crowd: usize) {
    let cache = cache(url, false);
    let app = app!(&cache, url);
    while !cache.stats().remote().unwrap().is_available {
        actix_web::rt::time::sleep(Duration::from_millis(10)).await;
    }
    let ask = async |uri: &str| {
        let response = app.call(TestRequest::with_uri(uri).to_request()).await.unwrap();
        drop(actix_web::body::to_bytes(response.into_body()).await.unwrap());
    };
    let uris: Vec<String> = (0..crowd).map(|number| format!("{path}?{number}")).collect();
    for _ in 0..requests / crowd {
        join_all(uris.iter().map(|uri| ask(uri))).await;
    }
    eprintln!("{:?}", cache.stats());
}

fn now() -> u128 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos()
}

/// Runs one of the processes. It has the page in local memory, and prints when it has received a purge.
#[actix_web::main]
async fn listen(url: &str) {
    let cache = cache(url, true);
    let app =
        init_service(App::new().app_data(cache.clone()).route("/cached/{length}", web::get().to(cached)))
            .await;
    let lines = std::io::stdin().lines();
    for _ in lines {
        let ask = || app.call(TestRequest::with_uri("/cached/2000").to_request());
        while cache.stats().pages() == 0 {
            drop(ask().await.unwrap());
        }
        println!("ready");
        std::io::stdout().flush().unwrap();
        while cache.stats().pages() > 0 {
            std::thread::sleep(Duration::from_micros(20));
        }
        println!("{}", now());
        std::io::stdout().flush().unwrap();
    }
}

struct Listener(Child, ChildStdin, BufReader<std::process::ChildStdout>);

impl Listener {
    fn start(url: &str) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["listen", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self(child, stdin, BufReader::new(stdout))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.2.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

async fn purges(url: &str) {
    let cache = cache(url, true);
    let mut listeners: Vec<Listener> = (0..PROCESSES).map(|_| Listener::start(url)).collect();
    let (mut executed, mut received) = (Vec::new(), Vec::new());
    for _ in 0..PURGES {
        listeners.iter_mut().for_each(|listener| writeln!(listener.1, "go").unwrap());
        listeners.iter_mut().for_each(|listener| assert_eq!(listener.line(), "ready"));
        let start = now();
        while cache.purge_path("/cached/2000").await.is_err() {
            actix_web::rt::time::sleep(Duration::from_millis(10)).await;
        }
        executed.push(micros(now() - start));
        let last =
            listeners.iter_mut().map(|listener| listener.line().parse::<u128>().unwrap()).max().unwrap();
        received.push(micros(last.saturating_sub(start)));
    }
    println!(
        "microseconds from a purge until it is executed, and until the last of {PROCESSES} processes has received it"
    );
    for (mut times, what) in [(executed, "executed"), (received, "received by all")] {
        times.sort_by(f64::total_cmp);
        let (half, most) = (times[PURGES / 2], times[PURGES * 99 / 100]);
        println!("p50 {half:>7.0}   p99 {most:>7.0}   max {:>7.0}  {what}", times[PURGES - 1]);
    }
    for listener in &mut listeners {
        let _ = listener.0.kill();
        let _ = listener.0.wait();
    }
}

fn micros(nanos: u128) -> f64 {
    f64::from(u32::try_from(nanos / 1000).unwrap_or(u32::MAX))
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [listens, url] = &arguments[..]
        && listens == "listen"
    {
        return listen(url);
    }
    let server = Server::start();
    if let [kind, path, requests, crowd] = &arguments[..]
        && kind == "profile"
    {
        let (requests, crowd) = (requests.parse().unwrap(), crowd.parse().unwrap());
        return actix_web::rt::System::new().block_on(profile(&server.1, path, requests, crowd));
    }
    actix_web::rt::System::new().block_on(async {
        latency_and_throughput(&server.1).await;
        purges(&server.1).await;
    });
}
