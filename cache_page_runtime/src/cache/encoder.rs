//! [`Encoder`]: how many bodies of a cache are being encoded, and how many were.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};

/// Limits how many bodies a cache encodes at a time, and counts them.
#[derive(Clone)]
pub(crate) struct Encoder(Arc<Counters>);

struct Counters {
    /// Half of the processors. The others answer requests.
    max_running: usize,
    running: AtomicUsize,
    runs: AtomicU64,
}

/// The right to encode a body, until it is dropped.
pub(crate) struct EncodingPermit(Encoder);

impl Encoder {
    pub(super) fn new() -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let max_running = (processors / 2).max(1);
        Self(Arc::new(Counters { max_running, running: AtomicUsize::new(0), runs: AtomicU64::new(0) }))
    }

    /// Returns a permit, unless as many are in use as there may be.
    pub(crate) fn acquire(&self) -> Option<EncodingPermit> {
        let permit = EncodingPermit(self.clone());
        let running = self.0.running.fetch_add(1, Ordering::AcqRel);
        // Dropped, the permit is given back.
        (running < self.0.max_running).then_some(permit)
    }

    /// Counts a body that is encoded.
    pub(crate) fn count(&self) {
        self.0.runs.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn runs(&self) -> u64 {
        self.0.runs.load(Ordering::Relaxed)
    }
}

impl Drop for EncodingPermit {
    fn drop(&mut self) {
        self.0.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}
