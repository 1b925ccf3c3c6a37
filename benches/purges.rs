//! Duration of purges among a million pages with three tags each, and the memory that tags take: `cargo xtask bench purges`.

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

/// The number of pages with the same `group:` tag.
const GROUP: usize = 100;

/// The number of measurements of each purge that does not remove most pages.
const ROUNDS: usize = 25;

#[cache_page(None)]
async fn page(number: web::Path<usize>, tags: web::Data<usize>, control: PageControl) -> String {
    let all =
        [format!("group:{}", *number / GROUP), "pages".to_owned(), format!("author:{}", *number % 1000)];
    for tag in all.iter().take(**tags) {
        control.tag(tag);
    }
    format!("Page {number}")
}

#[actix_web::main]
async fn main() {
    let untagged = fill(0).await;
    let untagged_bytes = untagged.stats().bytes();
    drop(untagged);
    let cache = fill(3).await;
    let bytes = cache.stats().bytes();
    // A million is exact.
    #[allow(clippy::cast_precision_loss)]
    let per_page = |bytes: usize| bytes as f64 / PAGES as f64;
    println!(
        "{PAGES} pages with three tags: {:.0} bytes per page, {:.0} of them for the tags",
        per_page(bytes),
        per_page(bytes - untagged_bytes)
    );
    println!("{:>12} {:>8}  purge", "median", "pages");
    let repeated = async |name: &str, purge: &dyn Fn(usize) -> PurgeFuture| {
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
    repeated("one tag", &|round| cache.purge_tag(&format!("group:{round}"))).await;
    repeated("one path", &|round| cache.purge_path(&format!("/{}", 100_000 + round))).await;
    repeated("one URL", &|round| cache.purge_url(&format!("/{}", 200_000 + round))).await;
    repeated("a tag that no page has", &|round| cache.purge_tag(&format!("none:{round}"))).await;
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
