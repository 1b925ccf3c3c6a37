//! The numbers of each handler.

use std::{cmp::Reverse, time::Duration};

use serde_json::{Value, json};

use super::overview::{ReasonCount, answered, bypassed, not_stored, ratio, reason_json, reasons, saved_time};
use crate::{cache::PageCache, observe::HandlerStats, outcome::Outcome};

/// The numbers of one handler.
pub(super) struct HandlerRow {
    pub(super) name: &'static str,
    pub(super) requests: u64,
    /// Requests that were answered without the handler.
    pub(super) answered: u64,
    pub(super) hit_ratio: Option<f64>,
    pub(super) stored: u64,
    pub(super) not_stored: u64,
    pub(super) bypassed: u64,
    pub(super) fills: u64,
    pub(super) p50: Option<Duration>,
    pub(super) p99: Option<Duration>,
    pub(super) saved_time: Duration,
    pub(super) pages: usize,
    pub(super) bytes: usize,
    pub(super) purged: u64,
    pub(super) reasons: Vec<ReasonCount>,
}

/// The columns that handlers are sorted by, with the names of the parameter `sort`.
pub(super) const SORTS: [(&str, &str); 12] = [
    ("name", "Handler"),
    ("requests", "Requests"),
    ("hits", "Hits"),
    ("misses", "Misses"),
    ("hit-ratio", "Hit ratio"),
    ("bypass", "Bypass"),
    ("p50", "Time p50"),
    ("p99", "p99"),
    ("saved", "Saved time"),
    ("pages", "Pages"),
    ("bytes", "Bytes"),
    ("purged", "Purged"),
];

/// Returns the handlers that have served requests or have pages in memory, by the column of this name: names in order, numbers from the
/// largest one.
pub(super) fn list(cache: &PageCache, sort: &str) -> Vec<HandlerRow> {
    let stats = cache.stats();
    let mut rows: Vec<_> = stats.handlers().map(|(name, handler)| HandlerRow::of(name, handler)).collect();
    match sort {
        "requests" => rows.sort_by_key(|row| Reverse(row.requests)),
        "hits" => rows.sort_by_key(|row| Reverse(row.answered)),
        "misses" => rows.sort_by_key(|row| Reverse(row.misses())),
        "hit-ratio" => rows.sort_by(|one, two| two.ratio().total_cmp(&one.ratio())),
        "bypass" => rows.sort_by_key(|row| Reverse(row.bypassed)),
        "p50" => rows.sort_by_key(|row| Reverse(row.p50)),
        "p99" => rows.sort_by_key(|row| Reverse(row.p99)),
        "saved" => rows.sort_by_key(|row| Reverse(row.saved_time)),
        "pages" => rows.sort_by_key(|row| Reverse(row.pages)),
        "bytes" => rows.sort_by_key(|row| Reverse(row.bytes)),
        "purged" => rows.sort_by_key(|row| Reverse(row.purged)),
        // The order of the statistics.
        _ => {}
    }
    rows
}

impl HandlerRow {
    fn of(name: &'static str, handler: &HandlerStats) -> Self {
        let count = |outcome| handler.count(outcome);
        Self {
            name,
            requests: handler.requests(),
            answered: answered(count),
            hit_ratio: ratio(answered(count), handler.requests() - bypassed(count)),
            stored: count(Outcome::Stored),
            not_stored: not_stored(count),
            bypassed: bypassed(count),
            fills: handler.fills(),
            p50: handler.fill_time_quantile(0.5),
            p99: handler.fill_time_quantile(0.99),
            saved_time: saved_time(handler),
            pages: handler.pages(),
            bytes: handler.bytes(),
            purged: handler.purged(),
            reasons: reasons(count),
        }
    }

    /// Returns the number of requests that ran the handler without bypassing the cache.
    pub(super) fn misses(&self) -> u64 {
        self.stored + self.not_stored
    }

    /// Returns the hit ratio, or a lower one than any if there is none.
    fn ratio(&self) -> f64 {
        self.hit_ratio.unwrap_or(-1.0)
    }

    pub(super) fn to_json(&self) -> Value {
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
        json!({
            "handler": self.name,
            "requests": self.requests,
            "answered": self.answered,
            "hit_ratio": self.hit_ratio,
            "stored": self.stored,
            "not_stored": self.not_stored,
            "bypassed": self.bypassed,
            "fills": self.fills,
            "fill_seconds_p50": seconds(self.p50),
            "fill_seconds_p99": seconds(self.p99),
            "saved_seconds": self.saved_time.as_secs_f64(),
            "pages": self.pages,
            "bytes": self.bytes,
            "purged": self.purged,
            "reasons": self.reasons.iter().map(reason_json).collect::<Vec<_>>(),
        })
    }
}
