//! The numbers of a whole cache.

use std::time::Duration;

use serde_json::{Value, json};

use super::{access::Token, advice};
use crate::{
    cache::PageCache,
    observe::{HandlerStats, Minute, Stats},
    outcome::{Outcome, Reason},
    store::RemovalCause,
};

/// What a cache did since it was built, and in the last hour.
pub(super) struct Overview {
    pub(super) name: &'static str,
    pub(super) stats: Stats,
    pub(super) minutes: Vec<Minute>,
    /// Why requests bypassed the cache and responses were not stored, the most frequent ones first.
    pub(super) reasons: Vec<ReasonCount>,
}

/// How often requests had an outcome with a reason.
#[derive(Clone, Copy)]
pub(super) struct ReasonCount {
    pub(super) outcome: &'static str,
    pub(super) reason: Reason,
    pub(super) count: u64,
}

impl ReasonCount {
    pub(super) fn advice(&self) -> &'static str {
        advice::of(self.reason)
    }
}

impl Overview {
    pub(super) fn of(cache: &PageCache) -> Self {
        let stats = cache.stats();
        let reasons = reasons(|outcome| stats.count(outcome));
        Self { name: cache.observer().name(), minutes: cache.history().minutes(), reasons, stats }
    }

    pub(super) fn hit_ratio(&self) -> Option<f64> {
        let count = |outcome| self.stats.count(outcome);
        ratio(answered(count), self.stats.requests() - bypassed(count))
    }

    pub(super) fn saved_time(&self) -> Duration {
        self.stats.handlers().map(|(_, handler)| saved_time(handler)).sum()
    }

    pub(super) fn to_json(&self, caches: &[&str], token: &Token) -> Value {
        let Self { name, stats, .. } = self;
        let minutes = self.minutes.iter().map(|minute| {
            json!({
                "answered": minute.answered, "stored": minute.stored, "not_stored": minute.not_stored,
                "bypassed": minute.bypassed, "evicted": minute.evicted, "bytes": minute.bytes,
                "pages": minute.entries,
            })
        });
        json!({
            "cache": name,
            "caches": caches,
            "hit_ratio": self.hit_ratio(),
            "saved_seconds": self.saved_time().as_secs_f64(),
            "stats": stats,
            "outcomes": outcomes(stats),
            "reasons": self.reasons.iter().map(reason_json).collect::<Vec<_>>(),
            "minutes": minutes.collect::<Vec<_>>(),
            "token": token.as_str(),
        })
    }
}

pub(super) fn reason_json(reason: &ReasonCount) -> Value {
    json!({
        "outcome": reason.outcome, "reason": reason.reason, "count": reason.count, "advice": reason.advice(),
    })
}

/// Returns the number of requests by the names of their outcomes, without reasons.
pub(super) fn outcomes(stats: &Stats) -> Vec<(&'static str, u64)> {
    let mut counts: Vec<(&'static str, u64)> = Vec::new();
    for outcome in Outcome::all() {
        let (name, count) = (outcome.as_str(), stats.count(outcome));
        match counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += count,
            None => counts.push((name, count)),
        }
    }
    counts
}

/// Returns the causes for which pages left the memory, with their numbers.
pub(super) fn removals(stats: &Stats) -> impl Iterator<Item = (RemovalCause, u64)> {
    RemovalCause::ALL.iter().map(|cause| (*cause, stats.removed(*cause)))
}

/// Returns the reasons of outcomes that the handler ran for, the most frequent ones first.
pub(super) fn reasons(count: impl Fn(Outcome) -> u64) -> Vec<ReasonCount> {
    let with_reason = Outcome::all().filter(|outcome| !matches!(outcome, Outcome::Stale(_)));
    let counts = with_reason.filter_map(|outcome| {
        let reason = outcome.reason()?;
        Some(ReasonCount { outcome: outcome.as_str(), reason, count: count(outcome) })
    });
    let mut counts: Vec<_> = counts.filter(|reason| reason.count > 0).collect();
    counts.sort_by_key(|reason| std::cmp::Reverse(reason.count));
    counts
}

/// Returns the number of requests that were answered without their handler.
pub(super) fn answered(count: impl Fn(Outcome) -> u64) -> u64 {
    let is_answered =
        |outcome: &Outcome| !matches!(outcome, Outcome::Stored | Outcome::NotStored(_) | Outcome::Bypass(_));
    Outcome::all().filter(is_answered).map(count).sum()
}

pub(super) fn bypassed(count: impl Fn(Outcome) -> u64) -> u64 {
    Outcome::all().filter(|outcome| matches!(outcome, Outcome::Bypass(_))).map(count).sum()
}

pub(super) fn not_stored(count: impl Fn(Outcome) -> u64) -> u64 {
    Outcome::all().filter(|outcome| matches!(outcome, Outcome::NotStored(_))).map(count).sum()
}

/// Returns the share of `part` in `whole`, or `None` if there is nothing.
#[allow(clippy::cast_precision_loss)]
pub(super) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Estimates how long the handler would have run for the requests that were answered without it.
pub(super) fn saved_time(handler: &HandlerStats) -> Duration {
    let answered = answered(|outcome| handler.count(outcome));
    let fills = u32::try_from(handler.fills()).unwrap_or(u32::MAX);
    let mean = handler.fill_time().checked_div(fills).unwrap_or_default();
    mean.checked_mul(u32::try_from(answered).unwrap_or(u32::MAX)).unwrap_or(Duration::MAX)
}
