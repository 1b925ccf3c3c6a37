//! Pages survive a restart, and are stored before the first visitor comes: `cargo run --example restart --features disk`.

use std::{env, io, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, Responder, get, rt, web};
use cache_page::{PageCache, cache_page};

#[get("/posts/{id}")]
#[cache_page("1h", tags = ["posts", "post:{id}"])]
async fn post(id: web::Path<u32>) -> impl Responder {
    // A slow page.
    rt::time::sleep(Duration::from_millis(200)).await;
    format!("Post {id}, made by process {}\n", std::process::id())
}

/// For the load balancer.
#[get("/ready")]
async fn ready(cache: PageCache) -> impl Responder {
    if cache.is_warm() { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() }
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service(post).service(ready);
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let folder = env::temp_dir().join("cache_page-restart");
    // Builds with this version share their pages. Change it with the templates.
    let cache = PageCache::builder().disk(&folder).version("1").build();
    let app_cache = cache.clone();
    let app = move || App::new().app_data(app_cache.clone()).configure(configure);

    let pages = (1..=50).map(|id| format!("/posts/{id}"));
    let warm_up = cache.warm_up("http://localhost:8080", pages);
    rt::spawn(warm_up.through(app()));

    println!("curl -i http://localhost:8080/posts/1    # pages are in {}", folder.display());
    HttpServer::new(app).bind(("127.0.0.1", 8080))?.run().await?;
    let left = cache.shut_down(Duration::from_secs(5)).await;
    println!("{left:?}");
    Ok(())
}
