//! [`Entry`]: a page with everything that changes after it was stored.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::weights;
use crate::{
    http::StaleWindows,
    key::{Id, Version},
    page::{Page, weight_of_bytes},
    purge::PurgeKeys,
    time::{Backoff, Instant, instant::nanos},
};

/// Nanoseconds: a time that no entry reaches.
pub(super) const NEVER: u64 = u64::MAX;

/// A cached page.
pub(crate) struct Entry {
    pub(crate) page: Page,
    pub(super) lifetime: PackedLifetime,
    purge_keys: Arc<PurgeKeys>,
    /// When a refresh may be tried again after it failed.
    backoff: Backoff,
    /// Whether the handler withdrew the page. Requests that hold it already must not send it in place of a newer response.
    pub(super) invalidated: AtomicBool,
    /// Nanoseconds: the page is stale from then on, whatever its TTL.
    pub(super) expired_at: AtomicU64,
    /// Nanoseconds: the page is sent from this process's memory until then, without asking the remote store.
    pub(super) local_expiry: AtomicU64,
    remote_ref: Option<Box<RemoteRef>>,
    is_revalidatable: bool,
}

/// When an entry was created, and how long it may be used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    pub(crate) created_at: Instant,
    /// The age that the response had when it was created (RFC 9111 4.2.3).
    pub(crate) initial_age: Duration,
    /// How long the entry is fresh, from `created_at`; `None` if it does not expire.
    pub(crate) ttl: Option<Duration>,
    /// For how long the entry may be sent after it expired.
    pub(crate) stale: StaleWindows,
    /// How long the handler ran.
    pub(crate) fill_time: Duration,
}

/// A [`Lifetime`] whose times are nanoseconds, and so take less room. Those of more than 584 years are shortened to that, but not the
/// TTL, which clients are told.
#[derive(Clone, Copy)]
pub(super) struct PackedLifetime {
    pub(super) created_at: u64,
    pub(super) initial_age: u64,
    pub(super) ttl: Option<Duration>,
    while_revalidate: u64,
    if_error: u64,
    pub(super) fill_time: u64,
}

impl PackedLifetime {
    fn new(lifetime: Lifetime) -> Self {
        let Lifetime { created_at, initial_age, ttl, stale, fill_time } = lifetime;
        Self {
            created_at: created_at.as_nanos(),
            initial_age: nanos(initial_age),
            ttl,
            while_revalidate: nanos(stale.while_revalidate),
            if_error: nanos(stale.if_error),
            fill_time: nanos(fill_time),
        }
    }

    fn unpack(self) -> Lifetime {
        Lifetime {
            created_at: Instant::from_nanos(self.created_at),
            initial_age: Duration::from_nanos(self.initial_age),
            ttl: self.ttl,
            stale: self.stale(),
            fill_time: Duration::from_nanos(self.fill_time),
        }
    }

    pub(super) fn stale(self) -> StaleWindows {
        StaleWindows {
            while_revalidate: Duration::from_nanos(self.while_revalidate),
            if_error: Duration::from_nanos(self.if_error),
        }
    }

    /// Returns the time since the entry was created.
    pub(super) fn time_since(self, now: Instant) -> Duration {
        Duration::from_nanos(self.nanos_since(now))
    }

    /// Returns the nanoseconds since the entry was created.
    pub(super) fn nanos_since(self, now: Instant) -> u64 {
        now.as_nanos().saturating_sub(self.created_at)
    }
}

/// Where the remote store has an entry, and in which version; with that it can confirm that the entry is still current.
#[derive(Clone)]
pub(crate) struct RemoteRef {
    pub(crate) id: Id,
    pub(crate) version: Version,
}

impl Entry {
    pub(crate) fn new(page: Page, lifetime: Lifetime, purge_keys: Arc<PurgeKeys>) -> Self {
        Self {
            page,
            lifetime: PackedLifetime::new(lifetime),
            purge_keys,
            backoff: Backoff::default(),
            invalidated: AtomicBool::new(false),
            expired_at: AtomicU64::new(NEVER),
            local_expiry: AtomicU64::new(NEVER),
            remote_ref: None,
            is_revalidatable: false,
        }
    }

    /// Sets whether the handler may confirm the page after it has expired, if the page has a validator.
    pub(crate) fn revalidatable(self, asks_for_validators: bool) -> Self {
        let is_revalidatable = asks_for_validators && self.page.has_validator();
        Self { is_revalidatable, ..self }
    }

    /// Returns whether the handler may confirm the page after it has expired.
    pub(crate) fn is_revalidatable(&self) -> bool {
        self.is_revalidatable
    }

    pub(crate) fn with_remote_ref(self, remote_ref: Option<RemoteRef>) -> Self {
        Self { remote_ref: remote_ref.map(Box::new), ..self }
    }

    pub(crate) fn remote_ref(&self) -> Option<&RemoteRef> {
        self.remote_ref.as_deref()
    }

    pub(crate) fn lifetime(&self) -> Lifetime {
        self.lifetime.unpack()
    }

    /// Returns what a purge selects the entry by.
    pub(crate) fn purge_keys(&self) -> &PurgeKeys {
        &self.purge_keys
    }

    /// Returns what a purge selects the entry by, to be kept without the entry.
    pub(crate) fn shared_purge_keys(&self) -> &Arc<PurgeKeys> {
        &self.purge_keys
    }

    /// Returns when a refresh may be tried again after it failed.
    pub(crate) fn backoff(&self) -> &Backoff {
        &self.backoff
    }

    /// Returns the bytes that the entry takes in memory: itself, and everything that it allocates, beside the header lines that it shares
    /// with others.
    pub(crate) fn weight(&self) -> usize {
        let remote_ref =
            |remote_ref: &RemoteRef| size_of::<RemoteRef>() + weight_of_bytes(remote_ref.version.0.len());
        weights::in_arc::<Self>()
            + self.page.weight()
            + self.purge_keys.weight()
            + self.remote_ref().map_or(0, remote_ref)
    }

    /// Returns the bytes that a [`private_copy`](Self::private_copy) takes at most.
    pub(super) fn copy_weight(&self) -> usize {
        self.weight() + self.page.shared_lines().map_or(0, |lines| lines.weight())
    }

    /// Copies the entry into allocations that no other worker refers to.
    ///
    /// The copy has no backoff and no remote reference of its own: only the stored entry is refreshed or revalidated.
    pub(super) fn private_copy(&self) -> Self {
        Self {
            page: self.page.private_copy(),
            lifetime: self.lifetime,
            purge_keys: Arc::clone(&self.purge_keys),
            backoff: Backoff::default(),
            invalidated: AtomicBool::new(false),
            expired_at: AtomicU64::new(self.expired_at.load(Ordering::Acquire)),
            local_expiry: AtomicU64::new(self.local_expiry.load(Ordering::Acquire)),
            remote_ref: None,
            is_revalidatable: self.is_revalidatable,
        }
    }
}
