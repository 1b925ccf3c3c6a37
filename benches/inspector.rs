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
const PATHS: [(&str, &str); 8] = [
    ("overview", "/cache?paused=1"),
    ("handlers", "/cache/handlers"),
    ("entries", "/cache/entries"),
    ("entries of a path", "/cache/entries?path=/777777"),
    ("entries of a tag", "/cache/entries?tag=group:7"),
    ("entries by size", "/cache/entries?sort=bytes"),
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
    println!("{:>12} {:>14}  page ({PAGES} pages in memory)", "median", "slowest hit");
    for (name, path) in PATHS {
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            let hits = scope.spawn(|| slowest_hit(&cache, &is_done));
            let mut times: Vec<Duration> = Vec::with_capacity(ROUNDS);
            System::new().block_on(async {
                let app = init_service(App::new().service(cache.inspector("/cache").allow(|_| true))).await;
                for _ in 0..ROUNDS {
                    let start = Instant::now();
                    let response = app.call(TestRequest::with_uri(path).to_request()).await.unwrap();
                    assert!(response.status().is_success(), "{path}");
                    to_bytes(response.into_body()).await.unwrap();
                    times.push(start.elapsed());
                }
            });
            is_done.store(true, Ordering::Relaxed);
            times.sort();
            println!("{:>12.1?} {:>14.1?}  {name}", times[ROUNDS / 2], hits.join().unwrap());
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

/// Requests pages until the measurement is done, and returns the longest time that one took.
fn slowest_hit(cache: &PageCache, is_done: &AtomicBool) -> Duration {
    System::new().block_on(async {
        let app = App::new().app_data(cache.clone()).route("/{group}/{number}", web::get().to(page));
        let app = init_service(app).await;
        let (mut slowest, mut number) = (Duration::ZERO, 0);
        while !is_done.load(Ordering::Relaxed) {
            number = (number + 7919) % PAGES;
            let request = TestRequest::with_uri(&format!("/{}/{number}", number / 100)).to_request();
            let start = Instant::now();
            drop(app.call(request).await.unwrap());
            slowest = slowest.max(start.elapsed());
        }
        slowest
    })
}
