//! Purges of this process that the remote store may not have executed yet.
//!
//! They are delivered in their order: a later purge may match the same entries as an earlier one.

use std::{collections::VecDeque, sync::Mutex};

use tokio::sync::oneshot::{Receiver, Sender, channel};

use super::{
    codec::PurgeMessage,
    error::StoreError,
    messages::{PurgeRequest, PurgeResult, PurgeScope},
};
use crate::{
    key::Id,
    purge::{LocalSelector, PurgeKeys, PurgeMode, PurgeSelector, PurgeSeq, stable_id},
    sync::lock,
};

/// Purges that may wait. If there are more, everything is purged instead.
const MAX_PENDING: usize = 4096;

/// Delivered purges that are remembered.
const MAX_COMPLETED: usize = 256;

/// How many of the last purges are compared with a new one.
const MAX_COMPARED: usize = 8;

#[derive(Default)]
pub(super) struct PurgeQueue(Mutex<Queue>);

#[derive(Default)]
struct Queue {
    pending: VecDeque<PendingPurge>,
    /// The purge that is being delivered.
    in_flight: Option<InFlightPurge>,
    is_delivering: bool,
    /// The purges that were delivered last, with the local sequence number of their completion. A response of the store
    /// to a request that was sent before that may not reflect them.
    completed: VecDeque<(PurgeSeq, LocalSelector)>,
    /// The completion of the last purge that was evicted from `completed`.
    evicted_up_to: PurgeSeq,
}

struct InFlightPurge {
    selector: LocalSelector,
    is_refilled: bool,
}

/// A purge that waits for its delivery.
pub(super) struct PendingPurge {
    mode: PurgeMode,
    selector: LocalSelector,
    scope: PurgeScope,
    message: Vec<u8>,
    waiting: Vec<WaitingCaller>,
    /// Whether the store has accepted a page since the purge was requested, which it will purge when it executes it.
    is_refilled: bool,
}

/// A caller that waits for a purge.
struct WaitingCaller {
    first_attempt: Option<Sender<Result<PurgeResult, StoreError>>>,
    delivery: Sender<PurgeResult>,
}

/// What a caller waits for.
#[derive(Debug)]
pub(crate) struct PurgeAck {
    /// The result of the first attempt to deliver the purge.
    pub(crate) first_attempt: Receiver<Result<PurgeResult, StoreError>>,
    /// The result of the attempt that succeeded.
    pub(crate) delivery: Receiver<PurgeResult>,
}

impl PendingPurge {
    pub(super) fn new(process_id: Id, mode: PurgeMode, selector: &PurgeSelector) -> Self {
        let message = PurgeMessage { sender: process_id, mode, selector: selector.clone() };
        Self {
            mode,
            selector: selector.to_local(),
            scope: scope_of(selector),
            message: message.encode(),
            waiting: Vec::new(),
            is_refilled: false,
        }
    }

    /// Creates a purge of everything.
    pub(super) fn all(process_id: Id) -> Self {
        Self::new(process_id, PurgeMode::Remove, &PurgeSelector::All)
    }

    /// Adds a caller that waits for the purge.
    pub(super) fn add_caller(&mut self) -> PurgeAck {
        let ((attempted, first_attempt), (delivered, delivery)) = (channel(), channel());
        self.waiting.push(WaitingCaller { first_attempt: Some(attempted), delivery: delivered });
        PurgeAck { first_attempt, delivery }
    }

    /// Takes the callers of another purge.
    fn take_callers(&mut self, other: &mut Self) {
        // While the store is unavailable, equal purges may be requested over and over, by callers that have stopped waiting.
        if self.waiting.len().is_power_of_two() {
            self.waiting.retain(|caller| !caller.delivery.is_closed());
        }
        self.waiting.append(&mut other.waiting);
    }

    pub(super) fn mode(&self) -> PurgeMode {
        self.mode
    }

    pub(super) fn selector(&self) -> &LocalSelector {
        &self.selector
    }

    pub(super) fn request(&self, min_sequence: u64) -> PurgeRequest {
        let expire = self.mode == PurgeMode::Expire;
        PurgeRequest { min_sequence, expire, scope: self.scope.clone(), message: self.message.clone() }
    }

    /// Tells the callers the result of an attempt. The receivers may be gone.
    pub(super) fn reply(&mut self, result: &Result<PurgeResult, StoreError>) {
        for caller in &mut self.waiting {
            if let Some(first_attempt) = caller.first_attempt.take() {
                let _ = first_attempt.send(result.clone());
            }
        }
        if let Ok(result) = result {
            for caller in self.waiting.drain(..) {
                let _ = caller.delivery.send(*result);
            }
        }
    }
}

impl PurgeQueue {
    /// Adds a purge, and returns whether the caller has to start the delivery.
    pub(super) fn push(&self, purge: PendingPurge) -> bool {
        let queue = &mut *lock(&self.0);
        queue.add(purge);
        !std::mem::replace(&mut queue.is_delivering, true)
    }

    /// Adds a purge whose delivery [`resume`](Self::resume) starts.
    pub(super) fn add(&self, purge: PendingPurge) {
        lock(&self.0).add(purge);
    }

    /// Takes the next purge, which is in flight from then on.
    pub(super) fn start_next(&self) -> Option<PendingPurge> {
        let queue = &mut *lock(&self.0);
        let next = queue.pending.pop_front();
        queue.in_flight = next
            .as_ref()
            .map(|purge| InFlightPurge { selector: purge.selector.clone(), is_refilled: purge.is_refilled });
        queue.is_delivering = next.is_some();
        next
    }

    /// Records that the purge in flight was delivered, and returns whether the store had accepted a page in the meantime,
    /// which it has purged.
    pub(super) fn complete(&self) -> bool {
        let queue = &mut *lock(&self.0);
        let mut is_refilled = false;
        if let Some(purge) = queue.in_flight.take() {
            is_refilled = purge.is_refilled;
            queue.completed.push_back((PurgeSeq::advance(), purge.selector));
        }
        if queue.completed.len() > MAX_COMPLETED
            && let Some((completed_at, _)) = queue.completed.pop_front()
        {
            queue.evicted_up_to = completed_at;
        }
        is_refilled
    }

    /// Puts back a purge that failed, as the first of the queue, and ends the delivery. The callers that wait for the
    /// purges behind it get an error. If too many purges wait, the one that `all` returns replaces them.
    pub(super) fn requeue(&self, mut purge: PendingPurge, all: impl FnOnce() -> PendingPurge) {
        let queue = &mut *lock(&self.0);
        purge.is_refilled = queue.in_flight.take().is_some_and(|purge| purge.is_refilled);
        queue.is_delivering = false;
        queue.pending.push_front(purge);
        let blocked = Err(StoreError::unavailable("an earlier purge has not been delivered yet"));
        queue.pending.iter_mut().for_each(|purge| purge.reply(&blocked));
        if queue.pending.len() > MAX_PENDING {
            let mut all = all();
            for mut purge in queue.pending.drain(..) {
                all.is_refilled |= purge.is_refilled;
                all.take_callers(&mut purge);
            }
            queue.pending.push_back(all);
        }
    }

    /// Returns the messages of the purges that wait.
    pub(super) fn pending_messages(&self) -> Vec<Vec<u8>> {
        lock(&self.0).pending.iter().map(|purge| purge.message.clone()).collect()
    }

    /// Returns how many purges wait or are in flight.
    pub(super) fn len(&self) -> usize {
        let queue = &*lock(&self.0);
        queue.pending.len() + usize::from(queue.in_flight.is_some())
    }

    /// Returns whether purges are pending and the caller has to start their delivery.
    pub(super) fn resume(&self) -> bool {
        let queue = &mut *lock(&self.0);
        !queue.pending.is_empty() && !std::mem::replace(&mut queue.is_delivering, true)
    }

    /// Records that the store has accepted an entry with `keys`, which was sent at `requested_at`. Returns whether a purge has
    /// been executed since that may have purged it. Purges that are still to be executed are remembered to do so.
    pub(super) fn record_put(&self, keys: &PurgeKeys, requested_at: PurgeSeq) -> bool {
        let queue = &mut *lock(&self.0);
        for purge in queue.pending.iter_mut().filter(|purge| purge.selector.matches(keys)) {
            purge.is_refilled = true;
        }
        if let Some(purge) = queue.in_flight.as_mut().filter(|purge| purge.selector.matches(keys)) {
            purge.is_refilled = true;
        }
        queue.evicted_up_to > requested_at || queue.completed_since(requested_at).any(|it| it.matches(keys))
    }

    /// Returns whether a purge matches an entry with `keys` that the store may not have executed when it answered a
    /// request that was sent at `requested_at`.
    pub(super) fn matches(&self, keys: &PurgeKeys, requested_at: PurgeSeq) -> bool {
        let queue = &*lock(&self.0);
        let pending = queue.pending.iter().map(|purge| &purge.selector);
        let in_flight = queue.in_flight.iter().map(|purge| &purge.selector);
        let mut candidates = pending.chain(in_flight).chain(queue.completed_since(requested_at));
        queue.evicted_up_to > requested_at || candidates.any(|selector| selector.matches(keys))
    }
}

impl Queue {
    fn add(&mut self, mut purge: PendingPurge) {
        // Equal purges that have not been started are merged.
        let equal = self
            .pending
            .iter_mut()
            .rev()
            .take(MAX_COMPARED)
            .find(|pending| pending.mode == purge.mode && pending.selector == purge.selector);
        match equal {
            Some(equal) => {
                // What was stored in the meantime is purged in local memory too.
                equal.is_refilled = false;
                equal.take_callers(&mut purge);
            }
            None => self.pending.push_back(purge),
        }
    }

    fn completed_since(&self, seq: PurgeSeq) -> impl Iterator<Item = &LocalSelector> {
        let later = self.completed.iter().rev().take_while(move |(completed_at, _)| *completed_at > seq);
        later.map(|(_, selector)| selector)
    }
}

/// Converts a selector to the scope of the store, which matches at least the same pages. The purge of a URL matches all
/// hosts, and all queries if it has none or if the handler does not key the query byte for byte.
pub(super) fn scope_of(selector: &PurgeSelector) -> PurgeScope {
    PurgeScope::Keys(match selector {
        PurgeSelector::Prefix(prefix) => return PurgeScope::PathPrefix(prefix.clone()),
        PurgeSelector::All => vec![stable_id::all()],
        PurgeSelector::Tag(tag) => vec![stable_id::tag(tag)],
        PurgeSelector::Path(path) => vec![stable_id::path(path)],
        PurgeSelector::Handler(handler) => vec![stable_id::handler(handler)],
        PurgeSelector::Url { path, query, .. } => {
            vec![stable_id::url(path, query.as_deref()), stable_id::any_query(path)]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Anyone who can make a handler purge would otherwise grow the queue while the store is unavailable.
    #[test]
    fn callers_that_have_stopped_waiting_are_forgotten() {
        let queue = PurgeQueue::default();
        let mut patient = None;
        for _ in 0..10_000 {
            let mut purge = PendingPurge::all(Id([0; 16]));
            let ack = purge.add_caller();
            queue.push(purge);
            patient.get_or_insert(ack);
        }
        let mut purge = queue.start_next().unwrap();
        assert!(queue.start_next().is_none());
        assert!(purge.waiting.len() < 10, "{} callers", purge.waiting.len());
        let result = PurgeResult { sequence: 7, is_namespace_used: true };
        purge.reply(&Err(StoreError::rejected("full")));
        purge.reply(&Ok(result));
        let PurgeAck { mut first_attempt, mut delivery } = patient.unwrap();
        assert_eq!(first_attempt.try_recv().unwrap(), Err(StoreError::rejected("full")));
        assert_eq!(delivery.try_recv().unwrap(), result);
    }
}
