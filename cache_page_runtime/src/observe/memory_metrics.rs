//! [`MemoryMetrics`]: the metrics of what is in memory, beside those of requests.

use std::sync::{
    Arc, Weak,
    atomic::{AtomicU64, Ordering},
};

use crate::{
    cache_name::CacheName,
    store::{RemovalCause, Store},
};

/// The metrics of what is in memory.
pub(super) struct MemoryMetrics {
    name: CacheName,
    /// How many removals of each cause were counted.
    removals: [AtomicU64; RemovalCause::ALL.len()],
}

impl MemoryMetrics {
    pub(super) fn new(name: CacheName) -> Self {
        Self { name, removals: [const { AtomicU64::new(0) }; RemovalCause::ALL.len()] }
    }

    /// Sets the gauges, and counts what was removed since the last call.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn record(&self, store: &Store) {
        let (name, sizes) = (self.name.get(), store.sizes());
        // A float is exact up to eight petabytes.
        metrics::gauge!("cache_page_entries", "cache" => name).set(sizes.entries as f64);
        metrics::gauge!("cache_page_bytes", "cache" => name).set(sizes.bytes as f64);
        metrics::gauge!("cache_page_limit_bytes", "cache" => name).set(store.max_bytes() as f64);
        for (cause, recorded) in RemovalCause::ALL.iter().zip(&self.removals) {
            let removed = sizes.removals.count(*cause);
            // Of two concurrent calls, one may have older numbers.
            let new = removed.saturating_sub(recorded.fetch_max(removed, Ordering::Relaxed));
            if new > 0 {
                let labels = [("cache", name), ("cause", cause.as_str())];
                metrics::counter!("cache_page_removed_entries_total", &labels).increment(new);
            }
        }
    }

    /// Returns what is to be called when a purge is complete: it counts the pages that it removed or made stale.
    pub(super) fn on_purged(
        self: &Arc<Self>,
        store: &Arc<Store>,
        mode: &'static str,
    ) -> impl FnOnce(usize) + Send + 'static {
        let (memory, store): (_, Weak<Store>) = (Arc::clone(self), Arc::downgrade(store));
        move |pages| {
            metrics::counter!("cache_page_purged_entries_total", "cache" => memory.name.get(), "mode" => mode)
                .increment(pages as u64);
            if let Some(store) = store.upgrade() {
                memory.record(&store);
            }
        }
    }
}
