//! What was purged in this process and may not be in the shared tier yet.

use std::{collections::VecDeque, sync::Mutex};

use crate::purge::{LocalSelector, PurgeKeys, PurgeMode, PurgeSeq};
use crate::remote::{
    store::{PurgeRequest, PurgeScope, StoreError},
    tier::{PurgeReply, lock},
};

/// Where more wait, everything is purged instead.
const MAX_PENDING: usize = 4096;

/// So many that were done are remembered.
const MAX_COMPLETED: usize = 256;

/// In their order: one that comes later must not be overtaken, for it may be about the same.
#[derive(Default)]
pub(crate) struct PurgeQueue(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    pending: VecDeque<PendingPurge>,
    /// What the one is about that is being told.
    in_flight: Option<(PurgeMode, LocalSelector)>,
    is_delivering: bool,
    /// Those that were done last, and when that was known here: answers that are older than that may be on their way.
    completed: VecDeque<(PurgeSeq, LocalSelector)>,
    /// When the last one was done that is not among them any more.
    evicted_up_to: PurgeSeq,
}

/// One purge.
pub(crate) struct PendingPurge {
    mode: PurgeMode,
    selector: LocalSelector,
    scope: PurgeScope,
    message: Vec<u8>,
    /// Whoever waits for it.
    replies: Vec<PurgeReply>,
}

impl PendingPurge {
    pub(crate) fn new(verb: PurgeMode, target: LocalSelector, of: PurgeScope, told: Vec<u8>) -> Self {
        Self { mode: verb, selector: target, scope: of, message: told, replies: Vec::new() }
    }

    pub(crate) fn with_reply(mut self, done: PurgeReply) -> Self {
        self.replies.push(done);
        self
    }

    pub(crate) fn request(&self, known: u64) -> PurgeRequest {
        let expire = self.mode == PurgeMode::Expire;
        PurgeRequest { min_sequence: known, expire, scope: self.scope.clone(), message: self.message.clone() }
    }

    pub(crate) fn reply(&mut self, done: &Result<(), StoreError>) {
        for waiting in self.replies.drain(..) {
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
            .pending
            .iter_mut()
            .rev()
            .take(8)
            .find(|known| known.mode == job.mode && known.selector == job.selector);
        match same {
            Some(same) => same.replies.extend(job.replies),
            None => queue.pending.push_back(job),
        }
        !std::mem::replace(&mut queue.is_delivering, true)
    }

    /// The next one, which is under way from now on.
    pub(crate) fn start_next(&self) -> Option<PendingPurge> {
        let queue = &mut *lock(&self.0);
        let next = queue.pending.pop_front();
        queue.in_flight = next.as_ref().map(|job| (job.mode, job.selector.clone()));
        queue.is_delivering = next.is_some();
        next
    }

    pub(crate) fn complete(&self) {
        let queue = &mut *lock(&self.0);
        if let Some((_, target)) = queue.in_flight.take() {
            queue.completed.push_back((PurgeSeq::advance(), target));
        }
        if queue.completed.len() > MAX_COMPLETED
            && let Some((since, _)) = queue.completed.pop_front()
        {
            queue.evicted_up_to = since;
        }
    }

    /// It was not done, and comes first the next time. Nobody sees to it for now, and nobody waits for it or for others behind it.
    pub(crate) fn requeue(&self, job: PendingPurge, everything: impl FnOnce() -> PendingPurge) {
        let queue = &mut *lock(&self.0);
        queue.in_flight = None;
        queue.is_delivering = false;
        queue.pending.push_front(job);
        let not_done = Err(StoreError::unavailable("purges before it could not be done yet"));
        queue.pending.iter_mut().for_each(|job| job.reply(&not_done));
        if queue.pending.len() > MAX_PENDING {
            queue.pending.clear();
            queue.pending.push_back(everything());
        }
    }

    /// Whether somebody has to see to what waits.
    pub(crate) fn resume(&self) -> bool {
        let queue = &mut *lock(&self.0);
        !queue.pending.is_empty() && !std::mem::replace(&mut queue.is_delivering, true)
    }

    /// Whether the store may not have known one of them when it was asked for this page, which was then.
    pub(crate) fn matches(&self, about: &PurgeKeys, asked: PurgeSeq) -> bool {
        let queue = &*lock(&self.0);
        let waiting = queue.pending.iter().map(|job| &job.selector);
        let under_way = queue.in_flight.iter().map(|(_, target)| target);
        let later = queue.completed.iter().rev().take_while(|(done, _)| *done > asked);
        let mut all = waiting.chain(under_way).chain(later.map(|(_, target)| target));
        queue.evicted_up_to > asked || all.any(|target| target.matches(about))
    }
}
