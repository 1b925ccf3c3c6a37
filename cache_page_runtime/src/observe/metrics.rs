//! The metrics of the `metrics` feature, for whichever recorder the application has installed.

use std::time::Duration;

use crate::outcome::{Outcome, Reason};

/// Counts a request by handler, outcome and reason. The reason is empty for outcomes without one.
pub(super) fn count_request(handler: &'static str, outcome: Outcome) {
    let reason = outcome.reason().map_or("", Reason::as_str);
    let outcome = outcome.as_str();
    metrics::counter!("cache_page_requests_total", "handler" => handler, "outcome" => outcome, "reason" => reason)
        .increment(1);
}

/// Counts a background refresh. The reason is empty if its response was stored.
pub(super) fn count_refresh(handler: &'static str, not_stored: Option<Reason>) {
    let reason = not_stored.map_or("", Reason::as_str);
    metrics::counter!("cache_page_refreshes_total", "handler" => handler, "reason" => reason).increment(1);
}

/// Records how long a run of the handler took.
pub(super) fn record_fill_time(handler: &'static str, time: Duration) {
    metrics::histogram!("cache_page_fill_seconds", "handler" => handler).record(time);
}

/// Sets the gauge of the bytes that all stored pages take.
#[allow(clippy::cast_precision_loss)]
pub(super) fn set_stored_bytes(bytes: usize) {
    // A float is exact up to eight petabytes.
    metrics::gauge!("cache_page_bytes").set(bytes as f64);
}
