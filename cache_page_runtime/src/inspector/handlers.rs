//! The numbers of each handler.

use std::{cmp::Reverse, time::Duration};

use serde_json::{Value, json};

use super::overview::{ReasonCount, answered, bypassed, not_stored, ratio, reason_json, reasons, saved_time};
use crate::{cache::PageCache, outcome::Outcome};

/// The numbers of one handler.
pub(super) struct HandlerRow {
    pub(super) name: &'static str,
    pub(super) requests: u64,
    pub(super) answered: u64,
    pub(super) hit_ratio: Option<f64>,
    pub(super) stored: u64,
    pub(super) not_stored: u64,
    pub(super) bypassed: u64,
    pub(super) fills: u64,
    pub(super) mean_fill_time: Option<Duration>,
    pub(super) saved_time: Duration,
    pub(super) reasons: Vec<ReasonCount>,
}

/// The columns that handlers are sorted by, with the names of the parameter `sort`.
pub(super) const SORTS: [(&str, &str); 8] = [
    ("name", "Handler"),
    ("requests", "Requests"),
    ("hit-ratio", "Hit ratio"),
    ("stored", "Stored"),
    ("not-stored", "Not stored"),
    ("bypass", "Bypass"),
    ("time", "Mean time"),
    ("saved", "Saved time"),
];

/// Returns the handlers that have served requests, by the column of this name: names in order, numbers from the largest one.
pub(super) fn list(cache: &PageCache, sort: &str) -> Vec<HandlerRow> {
    let stats = cache.stats();
    let mut rows: Vec<HandlerRow> = stats
        .handlers()
        .map(|(name, handler)| {
            let count = |outcome| handler.count(outcome);
            let fills = u32::try_from(handler.fills()).unwrap_or(u32::MAX);
            HandlerRow {
                name,
                requests: handler.requests(),
                answered: answered(count),
                hit_ratio: ratio(answered(count), handler.requests() - bypassed(count)),
                stored: count(Outcome::Stored),
                not_stored: not_stored(count),
                bypassed: bypassed(count),
                fills: handler.fills(),
                mean_fill_time: handler.fill_time().checked_div(fills),
                saved_time: saved_time(handler),
                reasons: reasons(count),
            }
        })
        .collect();
    match sort {
        "requests" => rows.sort_by_key(|row| Reverse(row.requests)),
        "hit-ratio" => rows.sort_by(|one, two| two.ratio().total_cmp(&one.ratio())),
        "stored" => rows.sort_by_key(|row| Reverse(row.stored)),
        "not-stored" => rows.sort_by_key(|row| Reverse(row.not_stored)),
        "bypass" => rows.sort_by_key(|row| Reverse(row.bypassed)),
        "time" => rows.sort_by_key(|row| Reverse(row.mean_fill_time)),
        "saved" => rows.sort_by_key(|row| Reverse(row.saved_time)),
        _ => {}
    }
    rows
}

impl HandlerRow {
    /// Returns the hit ratio, or a lower one than any if there is none.
    fn ratio(&self) -> f64 {
        self.hit_ratio.unwrap_or(-1.0)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "handler": self.name,
            "requests": self.requests,
            "answered": self.answered,
            "hit_ratio": self.hit_ratio,
            "stored": self.stored,
            "not_stored": self.not_stored,
            "bypassed": self.bypassed,
            "fills": self.fills,
            "mean_fill_seconds": self.mean_fill_time.map(|time| time.as_secs_f64()),
            "saved_seconds": self.saved_time.as_secs_f64(),
            "reasons": self.reasons.iter().map(reason_json).collect::<Vec<_>>(),
        })
    }
}
