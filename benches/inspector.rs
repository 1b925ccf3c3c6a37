//! Duration of the inspector's pages about a million pages, and how long hits take meanwhile: `cargo xtask bench inspector`.

#![allow(clippy::unwrap_used)]

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use actix_web::{
    App,
    body::to_bytes,
    dev::Service as _,
    rt::System,
    test::{TestRequest, init_service},
    web,
};
use cache_page::{PageCache, cache_page};

const PAGES: usize = 1_000_000;

/// The number of measurements of each page.
const ROUNDS: usize = 9;

/// What is measured.
const PATHS: [(&str, &str); 13] = [
    ("overview", "/cache?paused=1"),
    ("handlers", "/cache/handlers"),
    ("entries", "/cache/entries"),
    ("entries of a path", "/cache/entries?path=/777777"),
    ("entries of a tag", "/cache/entries?tag=group:7"),
    ("entries by size", "/cache/entries?sort=bytes"),
    ("entries by hits", "/cache/entries?sort=hits"),
    ("entries by age", "/cache/entries?sort=age"),
    ("entries by size, all of them", "/cache/entries?sort=bytes&time=30000"),
    ("entries by age, all of them", "/cache/entries?sort=age&time=30000"),
    ("handlers by bytes", "/cache/handlers?sort=bytes"),
    ("explain", "/cache/explain?url=/777777"),
    ("preview of a purge of a tag", "/cache/purge?kind=tag&value=group:7"),
];

#[cache_page(None, tags = ["group:{group}"])]
async fn page(path: web::Path<(usize, usize)>) -> String {
    format!("Page {}", path.1)
}

fn main() {
    let cache = PageCache::builder().max_bytes(4 << 30).build();
    System::new().block_on(fill(&cache));
    assert_eq!(cache.stats().pages(), PAGES);
    println!("{:>12} {:>12} {:>12}  page ({PAGES} pages in memory)", "median", "hits: p99.9", "slowest");
    alone(&cache);
    for (name, path) in PATHS {
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            let hits = scope.spawn(|| hits(&cache, &is_done));
            let mut times: Vec<Duration> = Vec::with_capacity(ROUNDS);
            let mut looked_at = None;
            System::new().block_on(async {
                let app = init_service(App::new().service(cache.inspector("/cache").allow(|_| true))).await;
                for _ in 0..ROUNDS {
                    let start = Instant::now();
                    let response = app.call(TestRequest::with_uri(path).to_request()).await.unwrap();
                    assert!(response.status().is_success(), "{path}");
                    let body = to_bytes(response.into_body()).await.unwrap();
                    times.push(start.elapsed());
                    if let Some(pages) = looked_at_of(&String::from_utf8_lossy(&body)) {
                        looked_at = Some(pages);
                    }
                }
            });
            is_done.store(true, Ordering::Relaxed);
            times.sort();
            let hits = hits.join().unwrap();
            let (median, p999, slowest) =
                (times[ROUNDS / 2], hits[hits.len() - 1 - hits.len() / 1000], hits[hits.len() - 1]);
            let looked_at = looked_at.map_or_else(String::new, |pages| format!(", of the first {pages}"));
            println!("{median:>12.1?} {p999:>12.1?} {slowest:>12.1?}  {name}{looked_at}");
        });
    }
}

async fn fill(cache: &PageCache) {
    let app = App::new().app_data(cache.clone()).route("/{group}/{number}", web::get().to(page));
    let app = init_service(app).await;
    for number in 0..PAGES {
        let request = TestRequest::with_uri(&format!("/{}/{number}", number / 100)).to_request();
        drop(app.call(request).await.unwrap());
    }
}

/// Returns how many pages a sorted search has looked at, if not all.
fn looked_at_of(page: &str) -> Option<String> {
    Some(page.split("Looked at the first ").nth(1)?.split(' ').next()?.to_owned())
}

/// Prints how long hits take while no page is shown.
fn alone(cache: &PageCache) {
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        let hits = scope.spawn(|| hits(cache, &is_done));
        thread::sleep(Duration::from_secs(2));
        is_done.store(true, Ordering::Relaxed);
        let hits = hits.join().unwrap();
        let (p999, slowest) = (hits[hits.len() - 1 - hits.len() / 1000], hits[hits.len() - 1]);
        println!("{:>12} {p999:>12.1?} {slowest:>12.1?}  none", "");
    });
}

/// Requests pages until the measurement is done, and returns how long each took, sorted.
fn hits(cache: &PageCache, is_done: &AtomicBool) -> Vec<Duration> {
    System::new().block_on(async {
        let app = App::new().app_data(cache.clone()).route("/{group}/{number}", web::get().to(page));
        let app = init_service(app).await;
        let (mut times, mut number) = (Vec::new(), 0);
        // At least one, if the pages are shown before this thread has begun.
        while !is_done.load(Ordering::Relaxed) || times.is_empty() {
            number = (number + 7919) % PAGES;
            let request = TestRequest::with_uri(&format!("/{}/{number}", number / 100)).to_request();
            let start = Instant::now();
            drop(app.call(request).await.unwrap());
            times.push(start.elapsed());
        }
        times.sort();
        times
    })
}
