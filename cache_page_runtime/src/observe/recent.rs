//! The latest requests that ran a handler, for an inspector. Without one, nothing is remembered.

use std::time::Duration;
#[cfg(feature = "inspector")]
use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::{AtomicBool, Ordering},
};

use actix_web::HttpRequest;

use crate::{
    outcome::{ForwardReason, Outcome},
    policy::HandlerPolicy,
    time::Clock,
};
#[cfg(feature = "inspector")]
use crate::{
    purge::PurgeSeq,
    sync::{Mutex, lock},
    time::Instant,
};

/// How many requests are remembered, whatever their paths are.
#[cfg(feature = "inspector")]
const MAX_RUNS: usize = 256;

/// The length of a path from which it is not remembered.
#[cfg(feature = "inspector")]
const MAX_PATH: usize = 512;

/// The latest requests that ran a handler. Hits do not come here.
#[derive(Default)]
pub(crate) struct RecentRuns {
    #[cfg(feature = "inspector")]
    is_enabled: AtomicBool,
    #[cfg(feature = "inspector")]
    runs: Mutex<Runs>,
}

#[cfg(feature = "inspector")]
#[derive(Default)]
struct Runs {
    latest: VecDeque<RecentRun>,
    /// The policies of all handlers that have run, by the handlers' names.
    policies: BTreeMap<&'static str, &'static HandlerPolicy>,
}

/// A request that ran a handler.
#[cfg(feature = "inspector")]
#[derive(Clone, Debug)]
pub(crate) struct RecentRun {
    pub(crate) at: Instant,
    /// As the client sent it, without its query.
    pub(crate) path: Box<str>,
    pub(crate) policy: &'static HandlerPolicy,
    pub(crate) outcome: Outcome,
    pub(crate) forward_reason: Option<ForwardReason>,
    /// The TTL of the page, if it was stored and expires.
    pub(crate) ttl: Option<Duration>,
    /// The latest purge when the run ended.
    pub(crate) purge_seq: PurgeSeq,
}

#[cfg(feature = "inspector")]
impl RecentRun {
    pub(crate) fn handler(&self) -> &'static str {
        self.policy.handler()
    }
}

/// The path of a request whose handler runs, if there is an inspector.
#[derive(Default)]
pub(crate) struct RunPath {
    #[cfg(feature = "inspector")]
    path: Option<(Box<str>, &'static HandlerPolicy)>,
}

#[cfg(feature = "inspector")]
impl RecentRuns {
    pub(crate) fn enable(&self) {
        self.is_enabled.store(true, Ordering::Relaxed);
    }

    /// Returns the requests that `is_wanted`, the latest ones first.
    pub(crate) fn find(&self, is_wanted: impl Fn(&RecentRun) -> bool, max: usize) -> Vec<RecentRun> {
        lock(&self.runs).latest.iter().rev().filter(|run| is_wanted(run)).take(max).cloned().collect()
    }

    /// Returns the policy of a handler that has run.
    pub(crate) fn policy(&self, handler: &str) -> Option<&'static HandlerPolicy> {
        lock(&self.runs).policies.get(handler).copied()
    }
}

#[cfg_attr(not(feature = "inspector"), allow(unused_variables, clippy::unused_self))]
impl RunPath {
    pub(crate) fn of(runs: &RecentRuns, request: &HttpRequest, policy: &'static HandlerPolicy) -> Self {
        Self {
            #[cfg(feature = "inspector")]
            path: {
                let (is_enabled, path) = (runs.is_enabled.load(Ordering::Relaxed), request.uri().path());
                (is_enabled && path.len() <= MAX_PATH).then(|| (path.into(), policy))
            },
        }
    }

    /// Remembers the outcome of the request.
    pub(super) fn record(
        self,
        runs: &RecentRuns,
        clock: &Clock,
        outcome: Outcome,
        forward_reason: Option<ForwardReason>,
        ttl: Option<Duration>,
    ) {
        #[cfg(feature = "inspector")]
        if let Some((path, policy)) = self.path {
            let (at, purge_seq) = (clock.now(), PurgeSeq::now());
            let runs = &mut *lock(&runs.runs);
            runs.policies.entry(policy.handler()).or_insert(policy);
            if runs.latest.len() == MAX_RUNS {
                runs.latest.pop_front();
            }
            runs.latest.push_back(RecentRun { at, path, policy, outcome, forward_reason, ttl, purge_seq });
        }
    }
}
