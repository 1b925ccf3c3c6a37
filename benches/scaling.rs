//! Throughput of hits on one page from two threads, relative to one thread: `cargo xtask bench scaling`.
//!
//! Runs in process. Each thread has an App of its own, as the workers of a server do, and all share one cache.

#![allow(clippy::unwrap_used)]

use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpRequest, HttpResponse,
    dev::Service as _,
    rt::System,
    test::{TestRequest, init_service},
    web::{self, Bytes},
};
use cache_page::{PageCache, cache_page};
use dashmap::DashMap;

const TIME: Duration = Duration::from_millis(400);
const ROUNDS: usize = 9;

static BODY: [u8; 2000] = [b'x'; 2000];

async fn plain() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html").body(Bytes::from_static(&BODY))
}

#[cache_page(600)]
async fn cached() -> HttpResponse {
    plain().await
}

/// A hand-written cache on a sharded map.
async fn dashmap_handler(
    pages: web::Data<DashMap<String, Arc<(String, Bytes)>>>,
    request: HttpRequest,
) -> HttpResponse {
    let key = request.uri().to_string();
    if let Some(page) = pages.get(&key).map(|page| Arc::clone(&page)) {
        return HttpResponse::Ok().content_type(page.0.as_str()).body(page.1.clone());
    }
    pages.insert(key, Arc::new(("text/html".to_owned(), Bytes::copy_from_slice(&BODY))));
    plain().await
}

async fn moka_handler(
    pages: web::Data<moka::sync::Cache<String, Arc<(String, Bytes)>>>,
    request: HttpRequest,
) -> HttpResponse {
    let key = request.uri().to_string();
    if let Some(page) = pages.get(&key) {
        return HttpResponse::Ok().content_type(page.0.as_str()).body(page.1.clone());
    }
    pages.insert(key, Arc::new(("text/html".to_owned(), Bytes::copy_from_slice(&BODY))));
    plain().await
}

fn main() {
    println!(
        "requests per second for one page of 2,000 bytes, from one thread and from two, median of {ROUNDS} rounds"
    );
    println!("{:>10} {:>10} {:>6}", "one", "two", "ratio");
    for (path, what) in [
        ("/plain", "a plain handler that returns the page"),
        ("/cached", "a hit"),
        ("/dashmap", "a hand-written cache on DashMap"),
        ("/moka", "a hand-written cache on moka"),
    ] {
        let mut rounds: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (measure(path, 1), measure(path, 2))).collect();
        rounds.sort_by(|one, other| (one.1 / one.0).total_cmp(&(other.1 / other.0)));
        let (one, two) = rounds[ROUNDS / 2];
        println!("{one:>10.0} {two:>10.0} {:>6.2}  {what}", two / one);
    }
}

/// Returns the requests per second of all threads together.
fn measure(path: &'static str, threads: usize) -> f64 {
    let cache = PageCache::new();
    let dashmap = web::Data::new(DashMap::<String, Arc<(String, Bytes)>>::new());
    let moka = web::Data::new(moka::sync::Cache::<String, Arc<(String, Bytes)>>::new(1000));
    let (start, stop) = (Arc::new(Barrier::new(threads)), Arc::new(AtomicBool::new(false)));
    let workers: Vec<_> = (0..threads)
        .map(|index| {
            let (cache, dashmap, moka) = (cache.clone(), dashmap.clone(), moka.clone());
            let (start, stop) = (Arc::clone(&start), Arc::clone(&stop));
            std::thread::spawn(move || {
                System::new().block_on(async move {
                    let app = App::new()
                        .app_data(cache)
                        .app_data(dashmap)
                        .app_data(moka)
                        .route("/plain", web::get().to(plain))
                        .route("/cached", web::get().to(cached))
                        .route("/dashmap", web::get().to(dashmap_handler))
                        .route("/moka", web::get().to(moka_handler));
                    let app = init_service(app).await;
                    let send = async || {
                        let response = app.call(TestRequest::get().uri(path).to_request()).await;
                        assert!(response.is_ok_and(|response| response.status().is_success()));
                    };
                    for _ in 0..1000 {
                        send().await;
                    }
                    start.wait();
                    let (started, mut requests) = (Instant::now(), 0_u32);
                    while !stop.load(Ordering::Relaxed) {
                        for _ in 0..100 {
                            send().await;
                        }
                        requests += 100;
                        if index == 0 && started.elapsed() > TIME {
                            stop.store(true, Ordering::Relaxed);
                        }
                    }
                    f64::from(requests) / started.elapsed().as_secs_f64()
                })
            })
        })
        .collect();
    workers.into_iter().map(|worker| worker.join().unwrap()).sum()
}
