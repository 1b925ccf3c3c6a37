//! How far warm-ups are, and how they ended.

use std::{
    fmt,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use crate::{sync::lock, time::instant::Instant};

/// The number of failures that a summary lists and the log has.
const MAX_FAILURES: usize = 20;

/// The progress of a cache's warm-ups. Returned by [`PageCache::warm_up_progress`](crate::PageCache::warm_up_progress).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarmUpProgress {
    /// The number of pages, as far as known: those of a sitemap are added when it was read.
    pub pages: usize,
    /// How many of them are stored.
    pub done: usize,
    /// How many of them are not stored.
    pub failed: usize,
    /// The time since the warm-up began.
    pub elapsed: Duration,
}

/// The result of a [warm-up](crate::PageCache::warm_up).
#[derive(Clone, Debug)]
pub struct WarmUpSummary {
    progress: WarmUpProgress,
    failures: Vec<WarmUpFailure>,
}

/// A page that a warm-up has not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarmUpFailure {
    page: String,
    reason: String,
}

impl WarmUpSummary {
    /// Returns how many pages are stored, those included that were stored before.
    #[must_use]
    pub fn done(&self) -> usize {
        self.progress.done
    }

    /// Returns how many pages are not stored, and how many sitemaps could not be read.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.progress.failed
    }

    /// Returns the first 20 failures.
    #[must_use]
    pub fn failures(&self) -> &[WarmUpFailure] {
        &self.failures
    }

    /// Returns how long the warm-up took.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.progress.elapsed
    }
}

/// One line, such as `48 of 50 pages stored in 1.2s; /posts/7: 500 Internal Server Error; …`.
impl fmt::Display for WarmUpSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WarmUpProgress { done, failed, elapsed, .. } = self.progress;
        write!(f, "{done} of {} pages stored in {elapsed:.1?}", done + failed)?;
        self.failures.iter().try_for_each(|failure| write!(f, "; {failure}"))?;
        if failed > self.failures.len() { f.write_str("; …") } else { Ok(()) }
    }
}

impl WarmUpFailure {
    /// Returns the page, as it was given to [`warm_up`](crate::PageCache::warm_up) or listed in a sitemap.
    #[must_use]
    pub fn page(&self) -> &str {
        &self.page
    }

    /// Returns why the page is not stored: a status, the reason of its outcome, or another error.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for WarmUpFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.page, self.reason)
    }
}

/// The warm-ups of a cache that are running.
#[derive(Debug, Default)]
pub(in crate::cache) struct WarmUps(Mutex<Vec<Weak<Mutex<State>>>>);

/// A warm-up, which runs until this is dropped.
#[derive(Debug)]
pub(super) struct Running(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    started: Instant,
    pages: usize,
    done: usize,
    failed: usize,
    failures: Vec<WarmUpFailure>,
}

impl WarmUps {
    pub(super) fn begin(&self, now: Instant) -> Running {
        let state = State { started: now, pages: 0, done: 0, failed: 0, failures: Vec::new() };
        let running = Running(Arc::new(Mutex::new(state)));
        let mut all = lock(&self.0);
        all.retain(|state| state.strong_count() > 0);
        all.push(Arc::downgrade(&running.0));
        running
    }

    /// Returns how far all warm-ups are that are running.
    pub(super) fn progress(&self, now: Instant) -> Option<WarmUpProgress> {
        let running: Vec<_> = lock(&self.0).iter().filter_map(Weak::upgrade).collect();
        let all = running.iter().map(|state| lock(state).progress(now));
        all.reduce(|one, other| WarmUpProgress {
            pages: one.pages + other.pages,
            done: one.done + other.done,
            failed: one.failed + other.failed,
            elapsed: one.elapsed.max(other.elapsed),
        })
    }
}

impl Running {
    /// Adds pages that will be requested.
    pub(super) fn add_pages(&self, number: usize) {
        lock(&self.0).pages += number;
    }

    /// Records that a page is stored.
    pub(super) fn record_page(&self) {
        lock(&self.0).done += 1;
    }

    /// Records, and logs, why a page is not stored or a sitemap was not read.
    pub(super) fn record_failure(&self, page: &str, reason: String) {
        let mut state = lock(&self.0);
        state.failed += 1;
        if state.failures.len() < MAX_FAILURES {
            tracing::warn!(target: "cache_page", page, reason, "a page of the warm-up is not stored");
            state.failures.push(WarmUpFailure { page: page.to_owned(), reason });
        }
    }

    pub(super) fn progress(&self, now: Instant) -> WarmUpProgress {
        lock(&self.0).progress(now)
    }

    pub(super) fn summary(&self, now: Instant) -> WarmUpSummary {
        let state = lock(&self.0);
        WarmUpSummary { progress: state.progress(now), failures: state.failures.clone() }
    }
}

impl State {
    fn progress(&self, now: Instant) -> WarmUpProgress {
        let Self { pages, done, failed, .. } = *self;
        WarmUpProgress { pages, done, failed, elapsed: now.since(self.started) }
    }
}
