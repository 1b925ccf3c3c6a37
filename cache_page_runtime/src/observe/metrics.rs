//! The metrics of the `metrics` feature, for whichever recorder the application has installed.

use std::time::Duration;

use metrics::{Level, Metadata, Unit, describe_counter, describe_gauge, describe_histogram, with_recorder};

use super::{Observer, metric_keys::RequestKeys};
use crate::{
    outcome::{Outcome, Reason},
    policy::HandlerId,
    remote::RemoteStats,
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
    describe_histogram!(
        "cache_page_coalesce_wait_seconds",
        Unit::Seconds,
        "How long requests waited for the response of a concurrent one, by what they got: answered, took-over, uncoalesced or client-gone"
    );
    describe_gauge!("cache_page_fills_in_flight", "Handler runs that other requests may wait for");
    describe_histogram!(
        "cache_page_remote_seconds",
        Unit::Seconds,
        "How long calls of the remote store took, by operation: get, put, release or purge"
    );
    describe_counter!(
        "cache_page_remote_errors_total",
        "Calls of the remote store that failed or were not made, by operation (also poll) and error"
    );
    describe_gauge!("cache_page_remote_available", "1 while the remote store is available, else 0");
    describe_gauge!("cache_page_remote_pending_purges", "Purges that the remote store has not executed yet");
}

/// What recorders may filter metrics by.
static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// Counts a request, with the age of the page that was sent and the time that the handler ran.
pub(super) fn record_request(
    observer: &Observer,
    handler: HandlerId,
    outcome: Outcome,
    (age, fill_time): (Option<Duration>, Option<Duration>),
) {
    let keys = RequestKeys::of(observer.name(), handler);
    with_recorder(|recorder| {
        recorder.register_counter(keys.requests(outcome), &METADATA).increment(1);
        if let Some(age) = age {
            recorder.register_histogram(&keys.hit_age, &METADATA).record(age);
        }
        if let Some(time) = fill_time {
            recorder.register_histogram(&keys.fill_time, &METADATA).record(time);
        }
    });
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

/// Records how long a background run of the handler took.
pub(super) fn record_fill_time(observer: &Observer, handler: HandlerId, time: Duration) {
    let keys = RequestKeys::of(observer.name(), handler);
    with_recorder(|recorder| recorder.register_histogram(&keys.fill_time, &METADATA).record(time));
}

/// Counts a purge.
pub(super) fn count_purge(observer: &Observer, mode: &'static str, selector: &'static str) {
    metrics::counter!(
        "cache_page_purges_total",
        "cache" => observer.name(), "mode" => mode, "selector" => selector
    )
    .increment(1);
}

/// Records how long a request waited for the response of a concurrent one.
pub(super) fn record_wait(observer: &Observer, handler: &'static str, result: &'static str, time: Duration) {
    metrics::histogram!(
        "cache_page_coalesce_wait_seconds",
        "cache" => observer.name(), "handler" => handler, "result" => result
    )
    .record(time);
}

/// Sets the gauges that only say something at the moment at which they are read.
#[allow(clippy::cast_precision_loss)]
pub(super) fn record_activity(observer: &Observer, fills: usize, remote: Option<(RemoteStats, usize)>) {
    metrics::gauge!("cache_page_fills_in_flight", "cache" => observer.name()).set(fills as f64);
    if let Some((stats, pending)) = remote {
        let is_available = f64::from(u8::from(stats.is_available));
        metrics::gauge!("cache_page_remote_available", "cache" => observer.name()).set(is_available);
        metrics::gauge!("cache_page_remote_pending_purges", "cache" => observer.name()).set(pending as f64);
    }
}
