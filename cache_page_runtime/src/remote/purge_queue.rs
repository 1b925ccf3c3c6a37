//! Purges of this process that the remote store may not have executed yet.
//!
//! They are delivered in their order: a later purge may match the same entries as an earlier one.

use std::{collections::VecDeque, sync::Mutex};

use tokio::sync::oneshot::Sender;

use super::{
    codec::PurgeMessage,
    error::StoreError,
    messages::{PurgeRequest, PurgeScope},
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
    in_flight: Option<LocalSelector>,
    is_delivering: bool,
    /// The purges that were delivered last, with the local sequence number of their completion. A response of the store
    /// to a request that was sent before that may not reflect them.
    completed: VecDeque<(PurgeSeq, LocalSelector)>,
    /// The completion of the last purge that was evicted from `completed`.
    evicted_up_to: PurgeSeq,
}

/// A purge that waits for its delivery.
pub(super) struct PendingPurge {
    mode: PurgeMode,
    selector: LocalSelector,
    scope: PurgeScope,
    message: Vec<u8>,
    replies: Vec<PurgeReply>,
}

/// Where the result of the first attempt is sent.
pub(super) type PurgeReply = Sender<Result<(), StoreError>>;

impl PendingPurge {
    pub(super) fn new(process_id: Id, mode: PurgeMode, selector: &PurgeSelector) -> Self {
        let message = PurgeMessage { sender: process_id, mode, selector: selector.clone() };
        Self {
            mode,
            selector: selector.to_local(),
            scope: scope_of(selector),
            message: message.encode(),
            replies: Vec::new(),
        }
    }

    /// Creates a purge of everything.
    pub(super) fn all(process_id: Id) -> Self {
        Self::new(process_id, PurgeMode::Remove, &PurgeSelector::All)
    }

    pub(super) fn with_reply(mut self, reply: PurgeReply) -> Self {
        self.replies.push(reply);
        self
    }

    pub(super) fn request(&self, min_sequence: u64) -> PurgeRequest {
        let expire = self.mode == PurgeMode::Expire;
        PurgeRequest { min_sequence, expire, scope: self.scope.clone(), message: self.message.clone() }
    }

    pub(super) fn reply(&mut self, result: &Result<(), StoreError>) {
        for reply in self.replies.drain(..) {
            // The receiver may be gone.
            let _ = reply.send(result.clone());
        }
    }
}

impl PurgeQueue {
    /// Adds a purge, and returns whether the caller has to start the delivery.
    pub(super) fn push(&self, purge: PendingPurge) -> bool {
        let queue = &mut *lock(&self.0);
        // Equal purges that have not been started are merged.
        let equal = queue
            .pending
            .iter_mut()
            .rev()
            .take(MAX_COMPARED)
            .find(|pending| pending.mode == purge.mode && pending.selector == purge.selector);
        match equal {
            Some(equal) => equal.replies.extend(purge.replies),
            None => queue.pending.push_back(purge),
        }
        !std::mem::replace(&mut queue.is_delivering, true)
    }

    /// Takes the next purge, which is in flight from then on.
    pub(super) fn start_next(&self) -> Option<PendingPurge> {
        let queue = &mut *lock(&self.0);
        let next = queue.pending.pop_front();
        queue.in_flight = next.as_ref().map(|purge| purge.selector.clone());
        queue.is_delivering = next.is_some();
        next
    }

    /// Records that the purge in flight was delivered.
    pub(super) fn complete(&self) {
        let queue = &mut *lock(&self.0);
        if let Some(selector) = queue.in_flight.take() {
            queue.completed.push_back((PurgeSeq::advance(), selector));
        }
        if queue.completed.len() > MAX_COMPLETED
            && let Some((completed_at, _)) = queue.completed.pop_front()
        {
            queue.evicted_up_to = completed_at;
        }
    }

    /// Puts back a purge that failed, as the first of the queue, and ends the delivery. The callers that wait for the
    /// purges behind it get an error. If too many purges wait, the one that `all` returns replaces them.
    pub(super) fn requeue(&self, purge: PendingPurge, all: impl FnOnce() -> PendingPurge) {
        let queue = &mut *lock(&self.0);
        queue.in_flight = None;
        queue.is_delivering = false;
        queue.pending.push_front(purge);
        let blocked = Err(StoreError::unavailable("an earlier purge has not been delivered yet"));
        queue.pending.iter_mut().for_each(|purge| purge.reply(&blocked));
        if queue.pending.len() > MAX_PENDING {
            queue.pending.clear();
            queue.pending.push_back(all());
        }
    }

    /// Returns whether purges are pending and the caller has to start their delivery.
    pub(super) fn resume(&self) -> bool {
        let queue = &mut *lock(&self.0);
        !queue.pending.is_empty() && !std::mem::replace(&mut queue.is_delivering, true)
    }

    /// Returns whether a purge matches an entry with `keys` that the store may not have executed when it answered a
    /// request that was sent at `requested_at`.
    pub(super) fn matches(&self, keys: &PurgeKeys, requested_at: PurgeSeq) -> bool {
        let queue = &*lock(&self.0);
        let pending = queue.pending.iter().map(|purge| &purge.selector);
        let later = queue.completed.iter().rev().take_while(|(completed_at, _)| *completed_at > requested_at);
        let mut candidates = pending.chain(&queue.in_flight).chain(later.map(|(_, selector)| selector));
        queue.evicted_up_to > requested_at || candidates.any(|selector| selector.matches(keys))
    }
}

/// Converts a selector to the scope of the store, which matches at least the same pages. The purge of a URL matches all
/// hosts, and all queries if it has none or if the handler does not key the query byte for byte.
fn scope_of(selector: &PurgeSelector) -> PurgeScope {
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
