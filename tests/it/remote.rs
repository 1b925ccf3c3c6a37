//! Several processes that share a remote store. Here each process is a cache of its own.
//!
//! `CACHE_PAGE_REMOTE_LATENCY=Get=30` delays each response of a method by 30 milliseconds, to find tests that depend on timing.

pub(crate) mod backend;
mod coalescing;
mod contract;
mod faults;
mod middleware;
mod pages;
mod pending_purges;
mod purges;
mod purges_in_flight;
mod request_directives;
mod revalidation;
mod site;
mod stale;
mod subscription;
mod variants;

use std::time::Duration;

use actix_web::rt::time::sleep;

/// Waits until a condition holds.
async fn wait_until(condition: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..15_000 {
        if holds() {
            return;
        }
        sleep(Duration::from_millis(1)).await;
    }
    panic!("not within 15 seconds: {condition}");
}
