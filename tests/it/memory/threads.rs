//! Four threads that use one cache for everything at once.

use std::{thread, time::Duration};

use actix_web::{HttpResponse, rt::System, web};
use cache_page::{PageCache, cache_page, testing::ManualClock};

use super::Random;
use crate::support::TestApp;

const BUDGET: usize = 300_000;

/// Shows its number, and is as long as its path says. Some pages are not stored, some expire, some vary.
#[cache_page(60)]
async fn page(path: web::Path<(u64, usize)>) -> HttpResponse {
    let (number, length) = path.into_inner();
    let mut response = HttpResponse::Ok();
    match number % 8 {
        0 => response.insert_header(("cache-control", "no-store")),
        1 => response.insert_header(("cache-control", "max-age=1")),
        2 => response.insert_header(("vary", "accept")),
        _ => &mut response,
    };
    response.body(body(number, length))
}

fn body(number: u64, length: usize) -> String {
    format!("{number} {}", "x".repeat(length))
}

/// Requests pages, some much more often than others. There is not room for all of them.
async fn send_requests(requests: u64, seed: u64, cache: PageCache, clock: &ManualClock) {
    let app =
        TestApp::builder().page_cache(cache).clock(clock).route("/{number}/{length}", page).start().await;
    let mut random = Random(seed);
    for _ in 0..requests {
        let drawn = random.next() % 400;
        let number = drawn * drawn / 400;
        let length = number as usize * 37 % 3000;
        let accept = ["a", "b"][random.next() as usize % 2];
        let response = app.get(&format!("/{number}/{length}")).header("accept", accept).await;
        response.assert_body(body(number, length));
        assert!(app.bytes() <= BUDGET, "{} bytes", app.bytes());
        match drawn {
            7 => app.advance_by(Duration::from_millis(700)),
            8 => drop(app.cache().remove_expired()),
            _ => {}
        }
    }
}

#[test]
fn pages_of_four_threads_are_not_confused_and_fit_the_budget() {
    const REQUESTS: u64 = 1500;
    let clock = ManualClock::new();
    let cache = PageCache::builder().clock(clock.clone()).max_bytes(BUDGET).build();
    let threads: Vec<_> = (1..=4)
        .map(|seed| {
            let (cache, clock) = (cache.clone(), clock.clone());
            thread::spawn(move || System::new().block_on(send_requests(REQUESTS, seed, cache, &clock)))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let stats = cache.stats();
    assert_eq!((stats.requests(), stats.fills_in_flight()), (4 * REQUESTS, 0));
    clock.advance(Duration::from_secs(60));
    cache.remove_expired();
    assert_eq!(cache.stats().pages(), 0);
}
