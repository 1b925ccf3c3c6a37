//! Hits through sockets, beside other caches: `cargo xtask bench contenders`.
//!
//! Each server has one worker and sends a page of the same body. The handlers without the cache send one header beside those of
//! actix-http; nginx and Varnish store the page of such a handler.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::{
    fs,
    net::SocketAddr,
    process, thread,
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{self, Bytes, Data},
};
use cache_page::{PageCache, cache_page};
use moka::sync::Cache;

#[path = "support/http_server.rs"]
mod http_server;
#[path = "support/nginx.rs"]
mod nginx;
#[path = "../tests/proxies/proxy.rs"]
mod proxy;
#[path = "support/wrk.rs"]
mod wrk;

use http_server::Server;
use proxy::Proxy;
use wrk::{median, rate};

const LENGTHS: [usize; 2] = [1024, 65_536];

const ROUNDS: usize = 3;

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

/// What one writes without a library: neither conditional requests nor coalescing, and the key is the URL alone.
#[get("/moka/{length}")]
async fn by_hand(
    request: HttpRequest,
    length: web::Path<usize>,
    pages: Data<Cache<String, Bytes>>,
) -> HttpResponse {
    let key = request.uri().path_and_query().map_or("", |url| url.as_str()).to_owned();
    let body = match pages.get(&key) {
        Some(body) => body,
        None => {
            let body = Bytes::from(vec![b'x'; *length]);
            pages.insert(key, body.clone());
            body
        }
    };
    HttpResponse::Ok().insert_header(("cache-control", "max-age=3600")).body(body)
}

fn configure(config: &mut web::ServiceConfig) {
    let pages: Cache<String, Bytes> = Cache::new(1000);
    let bodies: Bodies = LENGTHS.map(|length| Bytes::from(vec![b'x'; length]));
    config.app_data(Data::new(pages)).app_data(Data::new(bodies));
    config.service(plain).service(attribute).service(anonymous).service(by_hand);
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

fn main() {
    let server = Server::start(1, PageCache::new(), configure);
    let (nginx, varnish) = (start_nginx(server.address), start_varnish(server.address));
    let contenders = [
        ("a plain handler", server.address, "plain", process::id()),
        ("the cache", server.address, "attribute", process::id()),
        ("the cache, an anonymous-only page", server.address, "anonymous", process::id()),
        ("moka by hand", server.address, "moka", process::id()),
        ("nginx, `proxy_cache`", nginx.address, "plain", nginx.child.id()),
        ("Varnish", varnish.address, "plain", varnish.child.id()),
    ];
    println!("requests per second, and processor time of the server per request; median of {ROUNDS} rounds");
    for length in LENGTHS {
        let mut figures = vec![(Vec::new(), Vec::new()); contenders.len()];
        for _ in 0..ROUNDS {
            for ((_, address, path, pid), (rates, times)) in contenders.iter().zip(&mut figures) {
                // `wrk` is a child of this process until it ends.
                thread::sleep(Duration::from_millis(100));
                let (before, start) = (processor_time(*pid), Instant::now());
                let rate = rate(*address, &format!("/{path}/{length}"), "accept: text/html");
                let seconds = start.elapsed().as_secs_f64();
                rates.push(rate);
                let used = processor_time(*pid).saturating_sub(before);
                times.push(used.as_secs_f64() * 1_000_000.0 / (rate * seconds));
            }
        }
        for ((name, ..), (rates, times)) in contenders.iter().zip(&mut figures) {
            println!("{length:>7} bytes {:>9.0}/s {:>7.2} µs  {name}", median(rates), median(times));
        }
    }
}
