//! Several processes that share their pages: caches in one process here, which have nothing in common but an engine.
//! `CACHE_PAGE_LATE=Get=30` lets each answer of it to that question come 30 milliseconds late: what only passes by luck fails for sure.

mod broken;
mod channel;
mod confirmed;
mod faults;
mod fences;
mod fills;
mod memory;
mod middleware;
mod pages;
mod pending;
mod purges;
mod site;
mod stale;
mod variants;
mod wishes;

use std::time::Duration;

use actix_web::rt::time::sleep;

/// Until it is so, which must not take for ever.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..15_000 {
        if is_so() {
            return;
        }
        sleep(Duration::from_millis(1)).await;
    }
    panic!("it never came to that: {what}");
}
