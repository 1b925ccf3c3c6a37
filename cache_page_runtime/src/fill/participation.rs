//! What waits for a fill: its followers in this process, and the processes that wait for its lease.

use std::{sync::Arc, time::Duration};

use crate::{
    cache::{PageCache, SharedResult},
    coalesce::{Leader, LeaderStream, UncacheableMark},
    remote::RemoteLease,
    time::instant::Instant,
};

/// The part that a fill takes in a flight.
pub(crate) enum FillRole {
    Leader(Leader<SharedResult>),
    /// The key was uncacheable lately, so no request waits for another.
    Uncacheable(UncacheableMark),
    Uncoalesced,
}

/// The followers of a fill and its lease in the remote store. Dropped without a result, both are handed over.
pub(crate) struct Participation {
    role: FillRole,
    lease: Option<RemoteLease>,
}

impl Participation {
    pub(crate) fn new(role: FillRole) -> Self {
        Self { role, lease: None }
    }

    pub(crate) fn is_leader(&self) -> bool {
        matches!(self.role, FillRole::Leader(_))
    }

    /// Returns whether the key was uncacheable lately.
    pub(crate) fn is_uncacheable(&self) -> bool {
        matches!(self.role, FillRole::Uncacheable(_))
    }

    pub(crate) fn set_leader(&mut self, leader: Leader<SharedResult>) {
        self.role = FillRole::Leader(leader);
    }

    /// Records that the body of the response is streamed.
    pub(crate) fn start_stream(&self, now: Instant, max_duration: Duration) -> Option<Arc<LeaderStream>> {
        match &self.role {
            FillRole::Leader(leader) => Some(leader.start_stream(now.since_start(), max_duration)),
            FillRole::Uncacheable(_) | FillRole::Uncoalesced => None,
        }
    }

    pub(crate) fn has_lease(&self) -> bool {
        self.lease.is_some()
    }

    pub(crate) fn set_lease(&mut self, lease: Option<RemoteLease>) {
        self.lease = lease;
    }

    pub(crate) fn take_lease(&mut self) -> Option<RemoteLease> {
        self.lease.take()
    }

    pub(crate) fn take_leader(&mut self) -> Option<Leader<SharedResult>> {
        match std::mem::replace(&mut self.role, FillRole::Uncoalesced) {
            FillRole::Leader(leader) => Some(leader),
            role => {
                self.role = role;
                None
            }
        }
    }

    /// Gives the followers a result, or lets them run uncoalesced. The result is only made if there are followers.
    pub(crate) fn complete(&mut self, result: impl FnOnce() -> Option<SharedResult>) {
        if let Some(leader) = self.take_leader() {
            leader.complete_with(result);
        }
    }

    /// Lets a follower take the lead: its response may be another one.
    pub(crate) fn hand_over(&mut self) {
        drop(self.take_leader());
    }

    /// Lets one follower take the lead after a failure, which says nothing about the next response. Another process may take
    /// the lease.
    pub(crate) fn fail(&mut self) {
        drop(self.lease.take());
        if let Some(leader) = self.take_leader() {
            leader.fail();
        }
    }

    /// Lets the followers run uncoalesced, and later requests for the key as well: its response must not be shared.
    pub(crate) fn release_followers(&mut self, cache: &PageCache, now: Instant) {
        match std::mem::replace(&mut self.role, FillRole::Uncoalesced) {
            FillRole::Leader(leader) => {
                self.role = FillRole::Uncacheable(cache.uncacheable_keys().insert(leader.key_hash(), now));
                leader.complete_with(|| None);
            }
            FillRole::Uncacheable(mark) => {
                cache.uncacheable_keys().renew(mark, now);
                self.role = FillRole::Uncacheable(mark);
            }
            FillRole::Uncoalesced => {}
        }
    }

    /// As [`release_followers`](Self::release_followers), for the other processes too.
    pub(crate) fn release(&mut self, cache: &PageCache, now: Instant) {
        if let Some(lease) = self.lease.take() {
            lease.release_uncacheable();
        }
        self.release_followers(cache, now);
    }
}
