//! Hits through sockets, beside other caches: `cargo xtask bench contenders`.
//!
//! Each server has one worker and sends a page of the same body. The plain handlers send one header beside those of the server;
//! nginx and Varnish store the page of such a handler. The caches of axum are a program of its own (`benches/peers`).

#![allow(clippy::panic, clippy::unwrap_used)]

use std::{
    env, fs,
    net::SocketAddr,
    process, thread,
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::header::ACCEPT,
    web::{self, Bytes, Data},
};
use cache_page::{PageCache, cache_page};

#[path = "support/by_hand.rs"]
mod by_hand;
#[path = "support/headers.rs"]
mod headers;
#[path = "support/http_server.rs"]
mod http_server;
#[path = "support/nginx.rs"]
mod nginx;
#[path = "../tests/proxies/proxy.rs"]
mod proxy;
#[path = "support/wrk.rs"]
mod wrk;

use by_hand::EqualCache;
use http_server::Server;
use proxy::Proxy;
use wrk::{median, rate};

const LENGTHS: [usize; 2] = [1024, 65_536];

const ROUNDS: usize = 5;

/// The header of each request.
const HEADER: &str = "accept: text/html";

fn page(length: usize) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header(("cache-control", "max-age=3600"));
    response.body(Bytes::from(vec![b'x'; length]))
}

/// The pages of the plain handlers.
type Bodies = [Bytes; 2];

fn body(bodies: &Bodies, length: usize) -> Bytes {
    bodies[usize::from(length == LENGTHS[1])].clone()
}

#[get("/plain/{length}")]
async fn plain(length: web::Path<usize>, bodies: Data<Bodies>) -> HttpResponse {
    HttpResponse::Ok().insert_header(("cache-control", "max-age=3600")).body(body(&bodies, *length))
}

#[get("/attribute/{length}")]
#[cache_page(3600)]
async fn attribute(length: web::Path<usize>) -> HttpResponse {
    page(*length)
}

#[get("/anonymous/{length}")]
#[cache_page(3600)]
async fn anonymous(length: web::Path<usize>, #[anonymous] _request: HttpRequest) -> HttpResponse {
    page(*length)
}

#[get("/vary/{length}")]
#[cache_page(3600, vary = ["accept"])]
async fn vary(length: web::Path<usize>) -> HttpResponse {
    page(*length)
}

type Moka = moka::sync::Cache<String, Bytes>;
type QuickCache = quick_cache::sync::Cache<String, Bytes>;

/// What one writes without a library: neither conditional requests nor coalescing nor a lifetime, and the key is the URL alone.
#[get("/moka/{length}")]
async fn moka_by_hand(request: HttpRequest, length: web::Path<usize>, pages: Data<Moka>) -> HttpResponse {
    let key = url(&request);
    by_url(pages.get(&key), *length, |body| pages.insert(key, body))
}

/// The same on another cache.
#[get("/quick_cache/{length}")]
async fn quick_cache_by_hand(
    request: HttpRequest,
    length: web::Path<usize>,
    pages: Data<QuickCache>,
) -> HttpResponse {
    let key = url(&request);
    by_url(pages.get(&key), *length, |body| pages.insert(key, body))
}

/// Sends what was found, or makes and stores it.
fn by_url(found: Option<Bytes>, length: usize, store: impl FnOnce(Bytes)) -> HttpResponse {
    let body = found.unwrap_or_else(|| {
        let body = Bytes::from(vec![b'x'; length]);
        store(body.clone());
        body
    });
    HttpResponse::Ok().insert_header(("cache-control", "max-age=3600")).body(body)
}

fn url(request: &HttpRequest) -> String {
    request.uri().path_and_query().map_or("", |url| url.as_str()).to_owned()
}

/// What one writes who wants all that a hit of the cache does.
#[get("/equal/{length}")]
async fn equal(request: HttpRequest, length: web::Path<usize>, cache: Data<EqualCache>) -> HttpResponse {
    cache.respond(&request, || page(*length))
}

fn configure(config: &mut web::ServiceConfig) {
    let bodies: Bodies = LENGTHS.map(|length| Bytes::from(vec![b'x'; length]));
    config
        .app_data(Data::new(bodies))
        .app_data(Data::new(Moka::new(1000)))
        .app_data(Data::new(QuickCache::new(1000)))
        .app_data(Data::new(EqualCache::new(ACCEPT, Duration::from_secs(3600))));
    config.service(plain).service(attribute).service(vary).service(anonymous);
    config.service(moka_by_hand).service(quick_cache_by_hand).service(equal);
}

fn start_nginx(application: SocketAddr) -> Proxy {
    nginx::start(|address, _| {
        format!(
            "proxy_cache_path cache keys_zone=pages:1m;
             server {{ listen {address}; location / {{ proxy_pass http://{application}; proxy_cache pages; }} }}"
        )
    })
}

fn start_varnish(application: SocketAddr) -> Proxy {
    Proxy::start("varnishd", |address, folder| {
        let (host, port) = (application.ip(), application.port());
        let configuration = folder.join("default.vcl");
        let text = format!("vcl 4.1; backend default {{ .host = \"{host}\"; .port = \"{port}\"; }}");
        fs::write(&configuration, text).unwrap();
        let path = |path: &std::path::Path| path.display().to_string();
        let (address, folder, configuration) = (address.to_string(), path(folder), path(&configuration));
        let arguments =
            ["-F", "-j", "none", "-a", &address, "-f", &configuration, "-n", &folder, "-s", "malloc,16m"];
        arguments.map(str::to_owned).into()
    })
}

/// Returns the processor time of a process and of its children.
fn processor_time(pid: u32) -> Duration {
    const TICKS_PER_SECOND: u64 = 100;
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name of the program may contain spaces, and is in parentheses.
    let fields: Vec<&str> =
        text.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks: u64 = [11, 12].into_iter().filter_map(|at| fields.get(at)?.parse::<u64>().ok()).sum();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND) + children.map(processor_time).sum::<Duration>()
}

/// What is measured: its name, the address, the first part of the path, and the process of the server.
type Contender = (&'static str, SocketAddr, &'static str, u32);

fn main() {
    let server = Server::start(1, PageCache::new(), configure);
    let (nginx, varnish) = (start_nginx(server.address), start_varnish(server.address));
    // `cargo xtask bench contenders` builds the program and sets the variable.
    let peers = env::var("CACHE_PAGE_PEERS").ok();
    let peers = peers.map(|program| Proxy::start(&program, |address, _| vec![address.to_string()]));
    let own = |name, path| (name, server.address, path, process::id());
    let mut contenders: Vec<Contender> = vec![
        own("a plain handler", "plain"),
        own("the cache", "attribute"),
        own("the cache, a page that varies by `Accept`", "vary"),
        own("the cache, an anonymous-only page", "anonymous"),
        own("moka by hand", "moka"),
        own("quick_cache by hand", "quick_cache"),
        own("moka by hand with equal work", "equal"),
        ("nginx, `proxy_cache`", nginx.address, "plain", nginx.child.id()),
        ("Varnish", varnish.address, "plain", varnish.child.id()),
    ];
    match &peers {
        Some(peers) => contenders.extend([
            ("a plain handler of axum", peers.address, "plain", peers.child.id()),
            ("axum-response-cache", peers.address, "axum-response-cache", peers.child.id()),
            ("tower-http-cache", peers.address, "tower-http-cache", peers.child.id()),
        ]),
        None => println!("without axum: `cargo xtask bench contenders` builds its server"),
    }
    println!(
        "requests per second, processor time of the server per request, and headers; median of {ROUNDS} rounds, \
         with the lowest and the highest figure"
    );
    for length in LENGTHS {
        measure(&contenders, length);
    }
}

fn measure(contenders: &[Contender], length: usize) {
    let headers = |(_, address, path, _): &Contender| {
        // The first request stores the page.
        let requests = [(); 2].map(|()| headers::count(*address, &format!("/{path}/{length}"), HEADER));
        requests[1]
    };
    let headers: Vec<usize> = contenders.iter().map(headers).collect();
    let mut figures = vec![(Vec::new(), Vec::new()); contenders.len()];
    for _ in 0..ROUNDS {
        for ((_, address, path, pid), (rates, times)) in contenders.iter().zip(&mut figures) {
            // `wrk` is a child of this process until it ends.
            thread::sleep(Duration::from_millis(100));
            let (before, start) = (processor_time(*pid), Instant::now());
            let rate = rate(*address, &format!("/{path}/{length}"), HEADER);
            let seconds = start.elapsed().as_secs_f64();
            rates.push(rate);
            let used = processor_time(*pid).saturating_sub(before);
            times.push(used.as_secs_f64() * 1_000_000.0 / (rate * seconds));
        }
    }
    for (((name, ..), headers), (rates, times)) in contenders.iter().zip(headers).zip(&mut figures) {
        let [(rate, slowest, fastest), (time, least, most)] = [rates, times].map(|figures| {
            // Sorts them.
            let median = median(figures);
            (median, figures[0], figures[ROUNDS - 1])
        });
        println!(
            "{length:>7} bytes {rate:>9.0}/s ({slowest:.0} to {fastest:.0}) {time:>7.2} µs ({least:.2} to {most:.2}) \
             {headers:>3} headers  {name}"
        );
    }
}
