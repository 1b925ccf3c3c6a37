//! How long other requests wait while a million pages are purged: `cargo xtask bench locks`.
//!
//! A second thread looks pages up and stores new ones, and measures each request. Requests that the system interrupted to run
//! another thread are not counted (on Linux, which counts these), since they do not tell for how long a lock was held. The first
//! row, without a purge, shows what is left of such noise.

#![allow(clippy::unwrap_used)]

use std::{
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use actix_web::{
    App,
    dev::Service as _,
    rt::System,
    test::{TestRequest, init_service},
    web,
};
use cache_page::{PageCache, PageControl, PurgeFuture, cache_page};

const PAGES: usize = 1_000_000;

/// How long each row is measured at least.
const TIME: Duration = Duration::from_secs(2);

#[cache_page(None, name = "page")]
async fn page(number: web::Path<usize>, control: PageControl) -> String {
    control.tag("pages");
    control.tag(format!("group:{}", *number / 100));
    format!("Page {number}")
}

type Purge = fn(&PageCache) -> PurgeFuture;

/// Lookups and stores during one purge.
#[derive(Default)]
struct Waits {
    lookups: Vec<Duration>,
    stores: Vec<Duration>,
}

fn main() {
    let cache = PageCache::builder().max_bytes(4 << 30).build();
    System::new().block_on(fill(&cache));
    let (waits, is_done) = (Arc::new(Mutex::new(Waits::default())), Arc::new(AtomicBool::new(false)));
    let prober = {
        let (cache, waits, is_done) = (cache.clone(), Arc::clone(&waits), Arc::clone(&is_done));
        thread::spawn(move || System::new().block_on(probe(&cache, &waits, &is_done)))
    };
    println!(
        "{:>10} {:>10} {:>10} | {:>10} {:>10} | {:>10} {:>10}",
        "purge", "free", "pages", "lookup", "longest", "store", "longest"
    );
    let purges: [(&str, Purge); 9] = [
        ("none", |cache| cache.purge_tag("none")),
        ("expire_tag", |cache| cache.expire_tag("pages")),
        ("expire_all", |cache| cache.expire_all()),
        ("a prefix that selects nothing", |cache| cache.purge_prefix("/none")),
        ("purge_prefix", |cache| cache.purge_prefix("/1")),
        ("purge_tag", |cache| cache.purge_tag("pages")),
        ("purge_handler", |cache| cache.purge_handler("page")),
        ("purge_all", |cache| cache.purge_all()),
        ("remove_expired", |cache| {
            cache.remove_expired();
            cache.purge_tag("none")
        }),
    ];
    for (name, purge) in purges {
        System::new().block_on(fill(&cache));
        *waits.lock().unwrap() = Waits::default();
        let (start, mut pages, mut times) = (Instant::now(), 0, 0);
        let (mut took, mut free) = (Duration::ZERO, Duration::ZERO);
        while start.elapsed() < TIME {
            let called = Instant::now();
            let future = purge(&cache);
            took += called.elapsed();
            times += 1;
            while cache.stats().purges_in_progress() > 0 {
                thread::sleep(Duration::from_millis(1));
            }
            free += called.elapsed();
            pages += System::new().block_on(future).unwrap().pages();
            if pages > 0 || name == "none" {
                thread::sleep(TIME.saturating_sub(start.elapsed()));
            }
        }
        let Waits { lookups, stores } = std::mem::take(&mut *waits.lock().unwrap());
        let [lookup, store] = [lookups, stores].map(summary);
        println!("{:>10.1?} {:>10.1?} {pages:>10} | {lookup} | {store} | {name}", took / times, free / times);
    }
    is_done.store(true, Ordering::Relaxed);
    prober.join().unwrap();
}

/// Returns the median and the longest of these times.
fn summary(mut times: Vec<Duration>) -> String {
    times.sort();
    let median = times[times.len() / 2];
    format!("{median:>10.1?} {:>10.1?}", times[times.len() - 1])
}

/// Stores the pages that are missing.
async fn fill(cache: &PageCache) {
    let app = init_service(App::new().app_data(cache.clone()).route("/{number}", web::get().to(page))).await;
    for number in 0..PAGES {
        drop(app.call(TestRequest::with_uri(&format!("/{number}")).to_request()).await.unwrap());
    }
}

async fn probe(cache: &PageCache, waits: &Mutex<Waits>, is_done: &AtomicBool) {
    let app = init_service(App::new().app_data(cache.clone()).route("/{number}", web::get().to(page))).await;
    let mut interrupted = interruptions();
    for number in PAGES.. {
        if is_done.load(Ordering::Relaxed) {
            return;
        }
        let mut times = [Duration::ZERO; 2];
        for (time, number) in times.iter_mut().zip([number.wrapping_mul(7919) % PAGES, number]) {
            let request = TestRequest::with_uri(&format!("/{number}")).to_request();
            let start = Instant::now();
            let response = app.call(request).await.unwrap();
            *time = start.elapsed();
            drop(response);
        }
        let before = std::mem::replace(&mut interrupted, interruptions());
        if before == interrupted {
            let mut waits = waits.lock().unwrap();
            waits.lookups.push(times[0]);
            waits.stores.push(times[1]);
        }
    }
}

/// Returns how many times the system has taken the processor from this thread.
fn interruptions() -> u64 {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let count = status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"));
    count.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}
