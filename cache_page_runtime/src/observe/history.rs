//! [`History`]: what a cache did in each minute of the last hour.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::stats::Stats;
use crate::{
    outcome::Outcome,
    store::RemovalCause,
    sync::{Mutex, lock},
    time::{Instant, instant::nanos},
};

/// The time between two samples.
pub(crate) const INTERVAL: Duration = Duration::from_secs(60);

/// The number of minutes that are remembered.
pub(crate) const MINUTES: usize = 60;

/// Samples of the statistics, one a minute. The oldest ones are forgotten, so that it takes the same memory at any time.
#[derive(Debug, Default)]
pub(crate) struct History {
    samples: Mutex<VecDeque<Sample>>,
    /// Nanoseconds: when the next sample is due.
    due: AtomicU64,
}

/// What was counted up to a time, and what was in memory then.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    answered: u64,
    stored: u64,
    not_stored: u64,
    bypassed: u64,
    evicted: u64,
    bytes: usize,
    entries: usize,
}

/// What happened within a minute, and what was in memory at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Minute {
    /// Requests that were answered without their handler.
    pub(crate) answered: u64,
    pub(crate) stored: u64,
    pub(crate) not_stored: u64,
    pub(crate) bypassed: u64,
    /// Pages that were evicted to make room.
    pub(crate) evicted: u64,
    pub(crate) bytes: usize,
    pub(crate) entries: usize,
}

impl History {
    /// Takes a sample if one is due. Several threads may call it; one of them takes the sample.
    pub(crate) fn record_if_due(&self, now: Instant, stats: impl FnOnce() -> Stats) {
        let due = self.due.load(Ordering::Acquire);
        let next = now.as_nanos().saturating_add(nanos(INTERVAL));
        let is_due = now.as_nanos() >= due;
        if is_due && self.due.compare_exchange(due, next, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            let sample = Sample::of(&stats());
            let mut samples = lock(&self.samples);
            samples.push_back(sample);
            if samples.len() > MINUTES + 1 {
                samples.pop_front();
            }
        }
    }

    /// Returns the minutes that are over, the latest one last.
    pub(crate) fn minutes(&self) -> Vec<Minute> {
        let samples = lock(&self.samples);
        samples.iter().zip(samples.iter().skip(1)).map(|(before, after)| after.minute_since(before)).collect()
    }
}

impl Sample {
    fn of(stats: &Stats) -> Self {
        let mut sample = Self {
            evicted: stats.removed(RemovalCause::Size),
            bytes: stats.bytes(),
            entries: stats.pages(),
            ..Self::default()
        };
        for outcome in Outcome::all() {
            *match outcome {
                Outcome::Stored => &mut sample.stored,
                Outcome::NotStored(_) => &mut sample.not_stored,
                Outcome::Bypass(_) => &mut sample.bypassed,
                _ => &mut sample.answered,
            } += stats.count(outcome);
        }
        sample
    }

    fn minute_since(&self, before: &Self) -> Minute {
        Minute {
            answered: self.answered.saturating_sub(before.answered),
            stored: self.stored.saturating_sub(before.stored),
            not_stored: self.not_stored.saturating_sub(before.not_stored),
            bypassed: self.bypassed.saturating_sub(before.bypassed),
            evicted: self.evicted.saturating_sub(before.evicted),
            bytes: self.bytes,
            entries: self.entries,
        }
    }
}
