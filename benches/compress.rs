//! Encoded pages through sockets: `cargo xtask bench compress`.
//!
//! Compares the cache with actix-web's `Compress` around a plain handler and with `gzip_static` of nginx, in one run: bytes of a page,
//! and requests per second by `wrk`. Each server has one worker.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::mpsc::channel,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpResponse, HttpServer,
    middleware::Compress,
    rt::{System, net::TcpStream as ActixStream},
    web::{self, Bytes, Data},
};
use cache_page::{PageCache, cache_page};
use flate2::{Compression, write::GzEncoder};
use pulldown_cmark::{Parser, html};

#[path = "support/nginx.rs"]
mod nginx;
#[path = "../tests/proxies/proxy.rs"]
mod proxy;
#[path = "support/wrk.rs"]
mod wrk;

use proxy::Proxy;
use wrk::{median, rate};

const LENGTHS: [usize; 3] = [1024, 20_480, 204_800];

const ROUNDS: usize = 3;

/// The project's own prose.
const TEXTS: [&str; 8] = [
    include_str!("../README.md"),
    include_str!("../BENCHMARKS.md"),
    include_str!("../ARCHITECTURE.md"),
    include_str!("../CHANGELOG.md"),
    include_str!("../SECURITY.md"),
    include_str!("../src/guide/recipes.md"),
    include_str!("../src/guide/keys.md"),
    include_str!("../src/guide/invalidation.md"),
];

/// Returns HTML of each length.
fn bodies() -> Vec<Bytes> {
    let mut text = String::new();
    while text.len() < LENGTHS[LENGTHS.len() - 1] {
        TEXTS.iter().for_each(|source| html::push_html(&mut text, Parser::new(source)));
    }
    let text = Bytes::from(text);
    LENGTHS.iter().map(|&length| text.slice(..length)).collect()
}

fn page_of(bodies: &[Bytes], length: usize) -> HttpResponse {
    let body = bodies.iter().find(|body| body.len() == length).unwrap();
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(body.clone())
}

#[cache_page(3600, compress = true)]
async fn cached(length: web::Path<usize>, #[unkeyed] bodies: Data<Vec<Bytes>>) -> HttpResponse {
    page_of(&bodies, *length)
}

async fn plain(length: web::Path<usize>, bodies: Data<Vec<Bytes>>) -> HttpResponse {
    page_of(&bodies, *length)
}

/// Starts the application in a thread of its own.
fn start_application(bodies: &[Bytes]) -> SocketAddr {
    let (sender, receiver) = channel();
    let bodies = Data::new(bodies.to_vec());
    thread::spawn(move || {
        System::new().block_on(async move {
            let cache = PageCache::builder().build();
            let app = move || {
                let compressed = web::scope("/compress").wrap(Compress::default());
                App::new()
                    .app_data(cache.clone())
                    .app_data(bodies.clone())
                    .route("/cache/{length}", web::get().to(cached))
                    .service(compressed.route("/{length}", web::get().to(plain)))
            };
            // Without it, the chunks of `Compress` wait for acknowledgements that the client delays.
            let server = HttpServer::new(app).on_connect(|stream, _| {
                stream.downcast_ref::<ActixStream>().unwrap().set_nodelay(true).unwrap();
            });
            let server = server.workers(1).bind("127.0.0.1:0").unwrap();
            sender.send(server.addrs()[0]).unwrap();
            server.run().await.unwrap();
        });
    });
    receiver.recv().unwrap()
}

/// Starts nginx with files that are encoded beforehand.
fn start_nginx(bodies: &[Bytes]) -> Proxy {
    nginx::start(|address, folder| {
        fs::create_dir_all(folder.join("static")).unwrap();
        for body in bodies {
            let file = folder.join("static").join(body.len().to_string());
            fs::write(&file, body).unwrap();
            let mut encoder =
                GzEncoder::new(fs::File::create(file.with_extension("gz")).unwrap(), Compression::best());
            encoder.write_all(body).unwrap();
            encoder.finish().unwrap();
        }
        let root = folder.display();
        format!(
            "default_type text/html; gzip_static on; open_file_cache max=10;
             server {{ listen {address}; root {root}; }}"
        )
    })
}

/// Returns the coding of a response, and the bytes of its body as they are sent, framing included.
fn response(address: SocketAddr, path: &str, coding: &str) -> (Option<String>, usize) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: site\r\nconnection: close\r\naccept-encoding: {coding}\r\n\r\n"
    )
    .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap();
    let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
    assert!(text.starts_with("http/1.1 200"), "{path}: {text}");
    let sent = text.lines().find_map(|line| line.strip_prefix("content-encoding: ").map(str::to_owned));
    (sent, bytes.len() - head - 4)
}

/// Returns the bytes of a response in a coding. The cache sends a page as it is until it is encoded.
fn encoded_bytes(address: SocketAddr, path: &str, coding: &str) -> usize {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match response(address, path, coding) {
            (Some(sent), length) if sent == coding => return length,
            (sent, _) => assert!(Instant::now() < deadline, "{path}: {coding} wanted, {sent:?} sent"),
        }
        sleep(Duration::from_millis(20));
    }
}

fn main() {
    let bodies = bodies();
    let application = start_application(&bodies);
    let nginx = start_nginx(&bodies);
    println!("requests per second, median of {ROUNDS} rounds; bytes of the body");
    for length in LENGTHS {
        for coding in ["gzip", "br", "zstd"] {
            let mut servers = vec![
                ("the cache", application, format!("/cache/{length}")),
                ("Compress", application, format!("/compress/{length}")),
            ];
            if coding == "gzip" {
                servers.push(("nginx", nginx.address, format!("/static/{length}")));
            }
            let mut rates = vec![Vec::new(); servers.len()];
            let bytes: Vec<usize> =
                servers.iter().map(|(_, address, path)| encoded_bytes(*address, path, coding)).collect();
            for _ in 0..ROUNDS {
                for ((_, address, path), rates) in servers.iter().zip(&mut rates) {
                    rates.push(rate(*address, path, &format!("Accept-Encoding: {coding}")));
                }
            }
            let rates: Vec<f64> = rates.iter_mut().map(|rates| median(rates)).collect();
            for (((name, ..), bytes), rate) in servers.iter().zip(bytes).zip(&rates) {
                println!(
                    "{length:>7} {coding:<5} {name:<10} {bytes:>7} bytes {rate:>9.0}/s, the cache {:.2} times",
                    rates[0] / rate
                );
            }
        }
    }
}
