//! What was purged in this process and may not be in the shared tier yet.

use std::{collections::VecDeque, sync::Mutex};

use crate::remote::{
    store::{PurgeRequest, PurgeScope, StoreError},
    tier::{PurgeReply, lock},
};
use crate::{
    purge::{
        log::{self, PurgeSeq},
        selector::{LocalSelector, PurgeKeys},
    },
    store::store::PurgeMode,
};

/// Where more wait, everything is purged instead.
const MOST: usize = 4096;

/// So many that were done are remembered.
const MOST_DONE: usize = 256;

/// In their order: one that comes later must not be overtaken, for it may be about the same.
#[derive(Default)]
pub(crate) struct PurgeQueue(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    waiting: VecDeque<PendingPurge>,
    /// What the one is about that is being told.
    under_way: Option<(PurgeMode, LocalSelector)>,
    is_running: bool,
    /// Those that were done last, and when that was known here: answers that are older than that may be on their way.
    done: VecDeque<(PurgeSeq, LocalSelector)>,
    /// When the last one was done that is not among them any more.
    forgotten: PurgeSeq,
}

/// One purge.
pub(crate) struct PendingPurge {
    verb: PurgeMode,
    target: LocalSelector,
    of: PurgeScope,
    told: Vec<u8>,
    /// Whoever waits for it.
    done: Vec<PurgeReply>,
}

impl PendingPurge {
    pub(crate) fn new(verb: PurgeMode, target: LocalSelector, of: PurgeScope, told: Vec<u8>) -> Self {
        Self { verb, target, of, told, done: Vec::new() }
    }

    pub(crate) fn awaited(mut self, done: PurgeReply) -> Self {
        self.done.push(done);
        self
    }

    pub(crate) fn purge(&self, known: u64) -> PurgeRequest {
        let expire = self.verb == PurgeMode::Expire;
        PurgeRequest { min_sequence: known, expire, scope: self.of.clone(), message: self.told.clone() }
    }

    pub(crate) fn answer(&mut self, done: &Result<(), StoreError>) {
        for waiting in self.done.drain(..) {
            // Who is not there any more does not mind.
            let _ = waiting.send(done.clone());
        }
    }
}

impl PurgeQueue {
    /// Whether somebody has to see to it.
    pub(crate) fn push(&self, job: PendingPurge) -> bool {
        let queue = &mut *lock(&self.0);
        // Asked for twice, it is done once: nothing of it was begun.
        let same = queue
            .waiting
            .iter_mut()
            .rev()
            .take(8)
            .find(|known| known.verb == job.verb && known.target == job.target);
        match same {
            Some(same) => same.done.extend(job.done),
            None => queue.waiting.push_back(job),
        }
        !std::mem::replace(&mut queue.is_running, true)
    }

    /// The next one, which is under way from now on.
    pub(crate) fn next(&self) -> Option<PendingPurge> {
        let queue = &mut *lock(&self.0);
        let next = queue.waiting.pop_front();
        queue.under_way = next.as_ref().map(|job| (job.verb, job.target.clone()));
        queue.is_running = next.is_some();
        next
    }

    pub(crate) fn done(&self) {
        let queue = &mut *lock(&self.0);
        if let Some((_, target)) = queue.under_way.take() {
            queue.done.push_back((log::tick(), target));
        }
        if queue.done.len() > MOST_DONE
            && let Some((since, _)) = queue.done.pop_front()
        {
            queue.forgotten = since;
        }
    }

    /// It was not done, and comes first the next time. Nobody sees to it for now, and nobody waits for it or for others behind it.
    pub(crate) fn put_back(&self, job: PendingPurge, everything: impl FnOnce() -> PendingPurge) {
        let queue = &mut *lock(&self.0);
        queue.under_way = None;
        queue.is_running = false;
        queue.waiting.push_front(job);
        let not_done = Err(StoreError::unavailable("purges before it could not be done yet"));
        queue.waiting.iter_mut().for_each(|job| job.answer(&not_done));
        if queue.waiting.len() > MOST {
            queue.waiting.clear();
            queue.waiting.push_back(everything());
        }
    }

    /// Whether somebody has to see to what waits.
    pub(crate) fn resume(&self) -> bool {
        let queue = &mut *lock(&self.0);
        !queue.waiting.is_empty() && !std::mem::replace(&mut queue.is_running, true)
    }

    /// Whether the store may not have known one of them when it was asked for this page, which was then.
    pub(crate) fn concern(&self, about: &PurgeKeys, asked: PurgeSeq) -> bool {
        let queue = &*lock(&self.0);
        let waiting = queue.waiting.iter().map(|job| &job.target);
        let under_way = queue.under_way.iter().map(|(_, target)| target);
        let later = queue.done.iter().rev().take_while(|(done, _)| *done > asked);
        let mut all = waiting.chain(under_way).chain(later.map(|(_, target)| target));
        queue.forgotten > asked || all.any(|target| target.concerns(about))
    }
}
