//! The metrics of the `metrics` feature, for whichever recorder the application has installed.

use std::time::Duration;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

use super::Observer;
use crate::{
    outcome::{Outcome, Reason},
    store::Sizes,
};

/// Describes all metrics to the recorder of the application.
pub(crate) fn describe() {
    describe_counter!(
        "cache_page_requests_total",
        "Requests to cached handlers, by outcome and, where it has one, reason"
    );
    describe_counter!(
        "cache_page_refreshes_total",
        "Background refreshes, with the reason if the response was not stored"
    );
    describe_histogram!("cache_page_hit_age_seconds", Unit::Seconds, "Ages of the pages that were sent");
    describe_histogram!("cache_page_fill_seconds", Unit::Seconds, "How long handlers ran for the cache");
    describe_gauge!("cache_page_entries", "Pages in memory, each variant counted");
    describe_gauge!("cache_page_bytes", Unit::Bytes, "The size of all pages in memory");
    describe_gauge!("cache_page_limit_bytes", Unit::Bytes, "The maximum size of all pages in memory");
    describe_counter!(
        "cache_page_removed_entries_total",
        "Pages that were removed from memory, by cause: size, variants, expired, replaced, purged or outdated"
    );
    describe_counter!("cache_page_purges_total", "Purges that this process began or received");
    describe_counter!("cache_page_purged_entries_total", "Pages that purges removed, or made stale");
    describe_counter!("cache_page_remote_errors_total", "Failed calls of the remote store");
}

/// Counts a request. The reason is empty for outcomes without one.
pub(super) fn count_request(observer: &Observer, handler: &'static str, outcome: Outcome) {
    let reason = outcome.reason().map_or("", Reason::as_str);
    metrics::counter!(
        "cache_page_requests_total",
        "cache" => observer.name(), "handler" => handler, "outcome" => outcome.as_str(), "reason" => reason
    )
    .increment(1);
}

/// Counts a background refresh. The reason is empty if its response was stored.
pub(super) fn count_refresh(observer: &Observer, handler: &'static str, not_stored: Option<Reason>) {
    let reason = not_stored.map_or("", Reason::as_str);
    metrics::counter!(
        "cache_page_refreshes_total",
        "cache" => observer.name(), "handler" => handler, "reason" => reason
    )
    .increment(1);
}

/// Records how long a run of the handler took.
pub(super) fn record_fill_time(observer: &Observer, handler: &'static str, time: Duration) {
    metrics::histogram!("cache_page_fill_seconds", "cache" => observer.name(), "handler" => handler)
        .record(time);
}

/// Records the age of a page that was sent.
pub(super) fn record_age(observer: &Observer, handler: &'static str, age: Duration) {
    metrics::histogram!("cache_page_hit_age_seconds", "cache" => observer.name(), "handler" => handler)
        .record(age);
}

/// Counts a purge and the pages that it removed or made stale.
pub(super) fn count_purge(observer: &Observer, mode: &'static str, selector: &'static str) {
    metrics::counter!(
        "cache_page_purges_total",
        "cache" => observer.name(), "mode" => mode, "selector" => selector
    )
    .increment(1);
}

pub(super) fn count_purged(cache: &'static str, mode: &'static str, pages: usize) {
    metrics::counter!("cache_page_purged_entries_total", "cache" => cache, "mode" => mode)
        .increment(pages as u64);
}

/// Sets the gauges of what is in memory, and counts what was removed since the last call.
#[allow(clippy::cast_precision_loss)]
pub(super) fn record_sizes(observer: &Observer, sizes: Sizes, limit: usize) {
    // A float is exact up to eight petabytes.
    metrics::gauge!("cache_page_entries", "cache" => observer.name()).set(sizes.entries as f64);
    metrics::gauge!("cache_page_bytes", "cache" => observer.name()).set(sizes.bytes as f64);
    metrics::gauge!("cache_page_limit_bytes", "cache" => observer.name()).set(limit as f64);
    for (cause, removed) in observer.new_removals(&sizes.removals) {
        metrics::counter!(
            "cache_page_removed_entries_total", "cache" => observer.name(), "cause" => cause.as_str()
        )
        .increment(removed);
    }
}
