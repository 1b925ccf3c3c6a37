//! A cache that several processes share: `cargo run --example redis --features redis`.
//!
//! It connects to Redis or Valkey at `REDIS_URL`, by default `redis://localhost:6379`, and also works without. Start it twice,
//! the second time with `PORT=8081`, and send requests to both as a load balancer would, for the same host:
//! `curl -iH 'Host: example.com' localhost:8080/time`. `curl -X POST localhost:8080/purge` purges the page in both.

use std::{env, io, time::SystemTime};

use actix_web::{App, HttpServer, Responder, get, post, web};
use cache_page::{PageCache, PurgeError, cache_page};

#[get("/time")]
#[cache_page(60, tags = ["times"])]
pub(crate) async fn time() -> impl Responder {
    // Simulates a slow page.
    actix_web::rt::time::sleep(std::time::Duration::from_millis(200)).await;
    let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{} seconds since 1970, process {}\n", passed.as_secs(), std::process::id())
}

#[post("/purge")]
pub(crate) async fn purge(cache: PageCache) -> Result<impl Responder, PurgeError> {
    let summary = cache.purge_tag("times").await?;
    Ok(format!("purged {} pages here; in the others: {:?}\n", summary.pages(), summary.remote()))
}

#[get("/stats")]
pub(crate) async fn stats(cache: PageCache) -> impl Responder {
    format!("{:#?}\n", cache.stats())
}

#[actix_web::main]
pub(crate) async fn main() -> io::Result<()> {
    let url = env::var("REDIS_URL").unwrap_or_else(|_| "redis://localhost:6379".to_owned());
    let port = env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(8080);
    let cache = PageCache::builder().redis(url).build();
    // The host is part of the key.
    println!("curl -iH 'Host: example.com' localhost:{port}/time");
    HttpServer::new(move || {
        App::new()
            .app_data(cache.clone())
            .service(time)
            .service(purge)
            .service(stats)
            .route("/", web::get().to(|| async { "/time\n" }))
    })
    .bind(("127.0.0.1", port))?
    .run()
    .await
}
