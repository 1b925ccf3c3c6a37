//! Takes a sample of the statistics every minute.

use actix_web::rt;
use tokio::runtime::Handle;

use crate::{cache::PageCache, observe::HISTORY_INTERVAL};

/// Starts to take samples on the runtime of this worker, until the cache is dropped or the worker ends.
///
/// Each worker does so, and one of them takes each sample: no worker has to outlive the others.
pub(super) fn start(cache: &PageCache) {
    cache.observer().recent_runs().enable();
    cache.sample();
    if Handle::try_current().is_err() {
        return;
    }
    let (cache, clock) = (cache.downgrade(), cache.clock().clone());
    rt::spawn(async move {
        loop {
            clock.sleep_until(clock.now() + HISTORY_INTERVAL).await;
            let Some(cache) = cache.upgrade() else { return };
            cache.sample();
        }
    });
}
