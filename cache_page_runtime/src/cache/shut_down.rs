//! The end of a process.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::page_cache::PageCache;
use crate::time::deadline_after;

/// How often the fills are looked at.
const INTERVAL: Duration = Duration::from_millis(5);

/// The work that was unfinished when [`PageCache::shut_down`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutDown {
    /// The fills that were running. Their pages are not stored.
    pub running_fills: usize,
    /// The purges that the remote store has not executed. The next process delivers them if there is a
    /// [`purge_journal`](crate::PageCacheBuilder::purge_journal).
    pub pending_purges: usize,
    /// Whether all pages that were on their way to the remote store have been written there. `true` without one.
    pub are_pages_written: bool,
}

impl ShutDown {
    /// Returns whether nothing was left.
    #[must_use]
    pub fn is_complete(self) -> bool {
        self.running_fills == 0 && self.pending_purges == 0 && self.are_pages_written
    }
}

/// # Shutting down
impl PageCache {
    /// Waits, before the process ends, for what the cache has begun: fills, pages on their way to the [remote store](crate::remote) or to
    /// the disk, and purges. Returns when all of it is complete, or after `within`.
    ///
    /// Call it when `HttpServer::run` has returned. Named caches are included. What is not complete is in the result and in the log. If
    /// the process ends without this call, no page is half written, and the next process runs the handlers of pages that are missing. A
    /// purge that the remote store has not executed is lost then, unless there is a
    /// [`purge_journal`](crate::PageCacheBuilder::purge_journal).
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use actix_web::{App, HttpServer};
    /// use cache_page::PageCache;
    ///
    /// #[actix_web::main]
    /// async fn main() -> std::io::Result<()> {
    ///     let cache = PageCache::builder().build();
    ///     let app_cache = cache.clone();
    ///     let server = HttpServer::new(move || App::new().app_data(app_cache.clone()));
    ///     server.bind("127.0.0.1:8080")?.run().await?;
    ///     cache.shut_down(Duration::from_secs(5)).await;
    ///     Ok(())
    /// }
    /// ```
    // The result is for logs, which have it.
    #[allow(clippy::must_use_candidate)]
    #[doc(alias("flush", "close", "graceful_shutdown"))]
    pub async fn shut_down(&self, within: Duration) -> ShutDown {
        let deadline = deadline_after(within);
        let mut all = ShutDown { running_fills: 0, pending_purges: 0, are_pages_written: true };
        for cache in self.with_named() {
            while cache.flights().count() > 0 && Instant::now() < deadline {
                sleep(INTERVAL).await;
            }
            all.running_fills += cache.flights().count();
            if let Some(remote) = cache.remote() {
                let (pending_purges, are_pages_written) = remote.finish(deadline).await;
                all.pending_purges += pending_purges;
                all.are_pages_written &= are_pages_written;
            }
        }
        if !all.is_complete() {
            let ShutDown { running_fills, pending_purges, are_pages_written } = all;
            tracing::warn!(
                target: "cache_page",
                running_fills,
                pending_purges,
                are_pages_written,
                "the cache was not shut down completely within {within:?}"
            );
        }
        all
    }
}
