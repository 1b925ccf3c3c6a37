//! The report of one request or background refresh: counted, logged and recorded in one place.

use std::time::Duration;

use http::StatusCode;

#[cfg(feature = "metrics")]
use super::metrics;
use super::{observer::Observer, recent::RunPath};
use crate::{
    outcome::{ForwardReason, Outcome, Reason},
    policy::HandlerId,
    remote::RemoteError,
    store::Freshness,
    time::Clock,
};

/// The outcome of a request and what is known about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    pub(crate) outcome: Outcome,
    /// Why the handler ran. `None` for hits and for requests that bypass the cache.
    pub(crate) forward_reason: Option<ForwardReason>,
    /// The status of the handler's response if another response was sent instead.
    pub(crate) upstream_status: Option<StatusCode>,
    /// The remaining freshness lifetime. `None` if the page does not expire, or if there is no page.
    pub(crate) ttl: Option<Duration>,
    /// How long ago the page expired. Only set for stale pages.
    pub(crate) staleness: Option<Duration>,
    pub(crate) age: Option<Duration>,
    /// How long the handler ran.
    pub(crate) fill_time: Option<Duration>,
    /// Why the remote store could not be used.
    pub(crate) remote_error: Option<RemoteError>,
}

impl Report {
    /// Creates the report of a request without a stored page.
    pub(crate) fn of(outcome: Outcome) -> Self {
        Self {
            outcome,
            forward_reason: None,
            upstream_status: None,
            ttl: None,
            staleness: None,
            age: None,
            fill_time: None,
            remote_error: None,
        }
    }

    /// Creates the report of a request that is answered with a stored page.
    pub(crate) fn of_page(outcome: Outcome, freshness: Freshness) -> Self {
        let Freshness { age, ttl, staleness } = freshness;
        let staleness = matches!(outcome, Outcome::Stale(_)).then_some(staleness);
        Self { ttl, age: Some(age), staleness, ..Self::of(outcome) }
    }

    /// Counts the request, emits its tracing event and records its metrics.
    pub(crate) fn log(&self, observer: &Observer, handler: HandlerId) {
        observer.counters().count(handler, self.outcome, self.fill_time);
        tracing::debug!(
            target: "cache_page",
            cache = observer.name(),
            handler = handler.name,
            outcome = self.outcome.as_str(),
            reason = self.outcome.reason().map(Reason::as_str),
            age = self.age.map(|age| age.as_secs()),
            fill_us = self.fill_time.map(whole_micros),
            remote_error = self.remote_error.map(RemoteError::as_str),
        );
        #[cfg(feature = "metrics")]
        metrics::record_request(observer, handler, self.outcome, (self.age, self.fill_time));
    }
}

impl Report {
    /// Remembers the outcome for those who look into the cache, if there are any.
    pub(crate) fn remember(&self, path: RunPath, observer: &Observer, clock: &Clock) {
        path.record(observer.recent_runs(), clock, self.outcome, self.forward_reason, self.ttl);
    }
}

/// The outcome of a background refresh. Its request was answered, and reported, before it started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefreshReport {
    /// `Ok` if the new response was stored, else why it was not.
    pub(crate) stored: Result<(), Reason>,
    /// How long the handler ran. `None` if it did not complete.
    pub(crate) fill_time: Option<Duration>,
}

impl RefreshReport {
    /// Counts the refresh, emits its tracing event and records its metrics.
    pub(crate) fn log(&self, observer: &Observer, handler: HandlerId) {
        observer.counters().count_refresh(handler, self.stored.is_ok(), self.fill_time);
        let reason = self.stored.err();
        tracing::debug!(
            target: "cache_page",
            cache = observer.name(),
            handler = handler.name,
            refresh = if reason.is_none() { "stored" } else { "not-stored" },
            reason = reason.map(Reason::as_str),
            fill_us = self.fill_time.map(whole_micros),
        );
        #[cfg(feature = "metrics")]
        {
            metrics::count_refresh(observer, handler.name, reason);
            if let Some(time) = self.fill_time {
                metrics::record_fill_time(observer, handler, time);
            }
        }
    }
}

fn whole_micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
