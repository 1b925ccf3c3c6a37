//! How long purges take among a million pages of three tags each, and what their names take: `cargo xtask bench purges`.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use actix_web::{
    App,
    dev::Service as _,
    test::{TestRequest, init_service},
    web,
};
use cache_page::{PageCache, PageControl, PurgeFuture, cache_page};

const PAGES: usize = 1_000_000;

/// Pages that have a tag in common.
const GROUP: usize = 100;

/// As many pages are purged by each verb that is measured more than once.
const ROUNDS: usize = 25;

#[cache_page(None)]
async fn page(number: web::Path<usize>, tags: web::Data<usize>, control: PageControl) -> String {
    let names =
        [format!("group:{}", *number / GROUP), "pages".to_owned(), format!("author:{}", *number % 1000)];
    for name in names.iter().take(**tags) {
        control.tag(name);
    }
    format!("Page {number}")
}

#[actix_web::main]
async fn main() {
    let without = fill(0).await;
    let bytes_without = without.stats().bytes();
    drop(without);
    let cache = fill(3).await;
    let bytes = cache.stats().bytes();
    // Pages are counted up to a million.
    #[allow(clippy::cast_precision_loss)]
    let a_page = |bytes: usize| bytes as f64 / PAGES as f64;
    println!(
        "{PAGES} pages with three tags: {:.0} bytes a page, {:.0} of them for the tags",
        a_page(bytes),
        a_page(bytes - bytes_without)
    );
    println!("{:>12} {:>8}  purge", "median", "pages");
    let each = async |name: &str, purge: &dyn Fn(usize) -> PurgeFuture| {
        let mut times: Vec<(Duration, usize)> = Vec::with_capacity(ROUNDS);
        for round in 0..ROUNDS {
            let start = Instant::now();
            let purged = purge(round).await.unwrap();
            times.push((start.elapsed(), purged.pages()));
        }
        times.sort();
        let (time, pages) = times[ROUNDS / 2];
        println!("{time:>12.1?} {pages:>8}  {name}");
    };
    each("one tag", &|round| cache.purge_tag(&format!("group:{round}"))).await;
    each("one path", &|round| cache.purge_path(&format!("/{}", 100_000 + round))).await;
    each("one URL", &|round| cache.purge_url(&format!("/{}", 200_000 + round))).await;
    each("a tag that no page has", &|round| cache.purge_tag(&format!("none:{round}"))).await;
    let once = async |name: &str, purge: &dyn Fn() -> PurgeFuture| {
        let start = Instant::now();
        let purged = purge().await.unwrap();
        println!("{:>12.1?} {:>8}  {name}", start.elapsed(), purged.pages());
    };
    once("a tag of a thousand pages", &|| cache.purge_tag("author:7")).await;
    once("a prefix", &|| cache.purge_prefix("/30000")).await;
    once("all pages", &|| cache.purge_all()).await;
}

async fn fill(tags: usize) -> PageCache {
    let cache = PageCache::builder().max_bytes(4 << 30).build();
    let app = App::new()
        .app_data(cache.clone())
        .app_data(web::Data::new(tags))
        .route("/{number}", web::get().to(page));
    let app = init_service(app).await;
    for number in 0..PAGES {
        let request = TestRequest::with_uri(&format!("/{number}")).to_request();
        drop(app.call(request).await.unwrap());
    }
    assert_eq!(cache.stats().pages(), PAGES);
    cache
}
