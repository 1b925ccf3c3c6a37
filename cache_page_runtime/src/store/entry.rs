//! [`Entry`]: a page with everything that changes after it was stored.

use std::{sync::Arc, time::Duration};

use super::weights;
use crate::{
    http::StaleWindows,
    key::{Id, Version},
    page::{Page, weight_of_bytes},
    purge::PurgeKeys,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Backoff, Instant, instant::nanos},
};

/// Nanoseconds: a time that no entry reaches.
pub(super) const NEVER: u64 = u64::MAX;

/// A cached page.
pub(crate) struct Entry {
    pub(crate) page: Page,
    purge_keys: Arc<PurgeKeys>,
    pub(super) times: Times,
    /// Nanoseconds: the page is stale from then on, whatever its TTL.
    pub(super) expired_at: AtomicU64,
    /// When a refresh may be tried again after it failed.
    backoff: Backoff,
    rare: Option<Box<Rare>>,
    /// Whether the handler withdrew the page. Requests that hold it already must not send it in place of a newer response.
    pub(super) invalidated: AtomicBool,
    is_revalidatable: bool,
}

/// What few entries have without a remote store.
struct Rare {
    /// A TTL that [`Times`] have no room for.
    ttl: Option<Duration>,
    times: RareTimes,
    /// Nanoseconds: the page is sent from this process's memory until then, without asking the remote store.
    local_expiry: AtomicU64,
    remote_ref: Option<RemoteRef>,
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

/// The times of a [`Lifetime`] that all entries have, in nanoseconds, at most 584 years.
#[derive(Clone, Copy)]
pub(super) struct Times {
    pub(super) created_at: u64,
    /// How long the handler ran.
    pub(super) fill_time: u64,
    /// [`NEVER`] if the entry does not expire, or has a longer TTL.
    ttl: u64,
}

/// The times of a [`Lifetime`] that are zero for most entries, in nanoseconds, at most 584 years.
#[derive(Clone, Copy, Default, PartialEq)]
pub(super) struct RareTimes {
    pub(super) initial_age: u64,
    pub(super) while_revalidate: u64,
    pub(super) if_error: u64,
}

impl RareTimes {
    const NONE: Self = Self { initial_age: 0, while_revalidate: 0, if_error: 0 };

    pub(super) fn stale(self) -> StaleWindows {
        StaleWindows {
            while_revalidate: Duration::from_nanos(self.while_revalidate),
            if_error: Duration::from_nanos(self.if_error),
        }
    }
}

impl Times {
    /// Returns the nanoseconds since the entry was created.
    pub(super) fn nanos_since(self, now: Instant) -> u64 {
        now.as_nanos().saturating_sub(self.created_at)
    }

    /// Returns the time since the entry was created.
    pub(super) fn time_since(self, now: Instant) -> Duration {
        Duration::from_nanos(self.nanos_since(now))
    }
}

impl Rare {
    const fn new() -> Self {
        Self { ttl: None, times: RareTimes::NONE, local_expiry: AtomicU64::new(NEVER), remote_ref: None }
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
        let Lifetime { created_at, initial_age, ttl, stale, fill_time } = lifetime;
        let times = Times {
            created_at: created_at.as_nanos(),
            fill_time: nanos(fill_time),
            ttl: ttl.map_or(NEVER, nanos),
        };
        let rare_times = RareTimes {
            initial_age: nanos(initial_age),
            while_revalidate: nanos(stale.while_revalidate),
            if_error: nanos(stale.if_error),
        };
        let mut entry = Self {
            page,
            purge_keys,
            times,
            expired_at: AtomicU64::new(NEVER),
            backoff: Backoff::default(),
            rare: None,
            invalidated: AtomicBool::new(false),
            is_revalidatable: false,
        };
        if rare_times != RareTimes::NONE {
            entry.rare_mut().times = rare_times;
        }
        // `Cache-Status` shows the TTL, however long it is.
        if ttl.is_some() && times.ttl == NEVER {
            entry.rare_mut().ttl = ttl;
        }
        entry
    }

    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_with(|| Box::new(Rare::new()))
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

    pub(crate) fn with_remote_ref(mut self, remote_ref: Option<RemoteRef>) -> Self {
        if remote_ref.is_some() || self.rare.is_some() {
            self.rare_mut().remote_ref = remote_ref;
        }
        self
    }

    pub(crate) fn remote_ref(&self) -> Option<&RemoteRef> {
        self.rare.as_ref()?.remote_ref.as_ref()
    }

    /// Sets from when on the remote store has to confirm the entry before it is sent from memory.
    pub(crate) fn with_local_expiry(mut self, local_expiry: Instant) -> Self {
        *self.rare_mut().local_expiry.get_mut() = local_expiry.as_nanos();
        self
    }

    /// Sets it again, after the remote store has confirmed the entry. Only an entry with a local expiry can be confirmed.
    pub(crate) fn set_local_expiry(&self, local_expiry: Instant) {
        if let Some(rare) = &self.rare {
            rare.local_expiry.store(local_expiry.as_nanos(), Ordering::Release);
        }
    }

    /// Returns the nanoseconds from which on the remote store has to confirm the entry, or [`NEVER`].
    pub(super) fn local_expiry(&self) -> u64 {
        self.rare.as_ref().map_or(NEVER, |rare| rare.local_expiry.load(Ordering::Acquire))
    }

    /// Returns the TTL in nanoseconds, at most [`NEVER`], or `None` if the entry does not expire.
    pub(super) fn capped_ttl_nanos(&self) -> Option<u64> {
        (self.times.ttl < NEVER || self.long_ttl().is_some()).then_some(self.times.ttl)
    }

    /// Returns for how long the entry is fresh from when it was created, or `None` if it does not expire.
    pub(super) fn ttl_from_creation(&self) -> Option<Duration> {
        let is_short = self.times.ttl < NEVER;
        is_short.then(|| Duration::from_nanos(self.times.ttl)).or_else(|| self.long_ttl())
    }

    fn long_ttl(&self) -> Option<Duration> {
        self.rare.as_ref()?.ttl
    }

    pub(super) fn rare_times(&self) -> RareTimes {
        self.rare.as_ref().map_or(RareTimes::NONE, |rare| rare.times)
    }

    pub(crate) fn lifetime(&self) -> Lifetime {
        let rare = self.rare_times();
        Lifetime {
            created_at: self.created_at(),
            initial_age: Duration::from_nanos(rare.initial_age),
            ttl: self.ttl_from_creation(),
            stale: rare.stale(),
            fill_time: Duration::from_nanos(self.times.fill_time),
        }
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
        self.weight_without_page() + self.page.weight()
    }

    /// Returns the bytes of the entry together with the header lines that it shares with others.
    pub(super) fn weight_with_lines(&self) -> usize {
        self.weight() + self.page.shared_lines().map_or(0, |lines| lines.weight())
    }

    /// Returns the bytes that a [`private_copy`](Self::private_copy) takes at most.
    pub(super) fn copy_weight(&self) -> usize {
        self.weight_without_page() + self.page.copy_weight()
    }

    fn weight_without_page(&self) -> usize {
        let rare = |rare: &Rare| {
            let version = rare.remote_ref.as_ref().map_or(0, |remote_ref| remote_ref.version.0.len());
            size_of::<Rare>() + weight_of_bytes(version)
        };
        weights::in_arc::<Self>() + self.purge_keys.weight() + self.rare.as_deref().map_or(0, rare)
    }

    /// Copies the entry into allocations that no other worker refers to.
    ///
    /// The copy has no backoff and no remote reference of its own: only the stored entry is refreshed or revalidated.
    pub(super) fn private_copy(&self) -> Self {
        let rare = |rare: &Rare| {
            let local_expiry = AtomicU64::new(rare.local_expiry.load(Ordering::Acquire));
            Box::new(Rare { ttl: rare.ttl, times: rare.times, local_expiry, remote_ref: None })
        };
        Self {
            page: self.page.private_copy(),
            purge_keys: Arc::clone(&self.purge_keys),
            times: self.times,
            expired_at: AtomicU64::new(self.expired_at.load(Ordering::Acquire)),
            backoff: Backoff::default(),
            rare: self.rare.as_deref().map(rare),
            invalidated: AtomicBool::new(false),
            is_revalidatable: self.is_revalidatable,
        }
    }
}
