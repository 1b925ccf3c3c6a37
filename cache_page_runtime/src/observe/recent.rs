//! The latest requests that ran a handler, for an inspector. Without one, nothing is remembered.

#[cfg(feature = "inspector")]
use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, Ordering},
};

use actix_web::HttpRequest;

use crate::{
    outcome::{ForwardReason, Outcome},
    time::Clock,
};
#[cfg(feature = "inspector")]
use crate::{
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
    runs: Mutex<VecDeque<RecentRun>>,
}

/// A request that ran a handler.
#[cfg(feature = "inspector")]
#[derive(Clone, Debug)]
pub(crate) struct RecentRun {
    pub(crate) at: Instant,
    /// As the client sent it, without its query.
    pub(crate) path: Box<str>,
    pub(crate) handler: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) forward_reason: Option<ForwardReason>,
}

/// The path of a request whose handler runs, if there is an inspector.
#[derive(Default)]
pub(crate) struct RunPath {
    #[cfg(feature = "inspector")]
    path: Option<Box<str>>,
}

#[cfg(feature = "inspector")]
impl RecentRuns {
    pub(crate) fn enable(&self) {
        self.is_enabled.store(true, Ordering::Relaxed);
    }

    /// Returns the requests that `is_wanted`, the latest ones first.
    pub(crate) fn find(&self, is_wanted: impl Fn(&RecentRun) -> bool, max: usize) -> Vec<RecentRun> {
        lock(&self.runs).iter().rev().filter(|run| is_wanted(run)).take(max).cloned().collect()
    }
}

#[cfg_attr(not(feature = "inspector"), allow(unused_variables, clippy::unused_self))]
impl RunPath {
    pub(crate) fn of(runs: &RecentRuns, request: &HttpRequest) -> Self {
        Self {
            #[cfg(feature = "inspector")]
            path: {
                let (is_enabled, path) = (runs.is_enabled.load(Ordering::Relaxed), request.uri().path());
                (is_enabled && path.len() <= MAX_PATH).then(|| path.into())
            },
        }
    }

    /// Remembers the outcome of the request.
    pub(super) fn record(
        self,
        runs: &RecentRuns,
        clock: &Clock,
        handler: &'static str,
        outcome: Outcome,
        forward_reason: Option<ForwardReason>,
    ) {
        #[cfg(feature = "inspector")]
        if let Some(path) = self.path {
            let mut runs = lock(&runs.runs);
            if runs.len() == MAX_RUNS {
                runs.pop_front();
            }
            runs.push_back(RecentRun { at: clock.now(), path, handler, outcome, forward_reason });
        }
    }
}
