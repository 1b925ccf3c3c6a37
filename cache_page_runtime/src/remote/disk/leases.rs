//! The leases of this process. They end with it, so they are not written to the file.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::header::EntryKey;
use crate::{
    key::Id,
    remote::{Lease, LeaseStatus, ReleaseReason},
};

/// The number of leases from which expired ones are looked for.
const MIN_SWEEP: usize = 1024;

#[derive(Default)]
pub(super) struct Leases {
    leases: HashMap<EntryKey, State>,
    sweep_at: usize,
}

/// The state of a key until a time.
struct State {
    /// `None` after an uncacheable response.
    owner: Option<Id>,
    until: Instant,
}

impl Leases {
    pub(super) fn acquire(&mut self, key: EntryKey, lease: Lease) -> LeaseStatus {
        let now = Instant::now();
        if let Some(state) = self.leases.get(&key).filter(|state| state.until > now) {
            match state.owner {
                None => return LeaseStatus::Uncoalesced,
                Some(owner) if owner != lease.owner => return LeaseStatus::Held,
                Some(_) => {}
            }
        }
        self.set(key, Some(lease.owner), now, lease.ttl);
        LeaseStatus::Acquired
    }

    /// Ends the lease on a key that was put. A stored entry shows that the key is cacheable.
    pub(super) fn end(&mut self, key: &EntryKey, owner: Option<Id>, is_stored: bool) {
        if let Some(state) = self.leases.get(key) {
            let is_owner = owner.is_some() && state.owner == owner;
            if is_owner || (is_stored && state.owner.is_none()) {
                self.leases.remove(key);
            }
        }
    }

    pub(super) fn release(&mut self, key: EntryKey, owner: Id, reason: ReleaseReason) {
        let now = Instant::now();
        let is_held = |state: &State| state.owner == Some(owner) && state.until > now;
        if !self.leases.get(&key).is_some_and(is_held) {
            return;
        }
        match reason {
            ReleaseReason::Retry => drop(self.leases.remove(&key)),
            ReleaseReason::Uncacheable(time) => self.set(key, None, now, time),
        }
    }

    fn set(&mut self, key: EntryKey, owner: Option<Id>, now: Instant, time: Duration) {
        if self.leases.len() >= self.sweep_at.max(MIN_SWEEP) {
            self.leases.retain(|_, state| state.until > now);
            self.sweep_at = self.leases.len() * 2;
        }
        // A time too long for the clock is one that does not elapse.
        let until = now.checked_add(time).unwrap_or_else(|| now + Duration::from_secs(86_400));
        self.leases.insert(key, State { owner, until });
    }
}
