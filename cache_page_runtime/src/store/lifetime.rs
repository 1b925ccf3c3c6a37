//! How long an entry is fresh, for how long it may be sent after that, and when it is refreshed.

use std::time::Duration;

use super::entry::{Entry, Lifetime, NEVER};
use crate::{sync::atomic::Ordering, time::Instant};

/// By how many fill times an early refresh may precede the expiry. The probability of an earlier one is 1 in 10⁸.
const MAX_FILL_TIMES: u32 = 18;

/// The freshness of an entry at one point in time, as reports state it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    pub(crate) age: Duration,
    /// The remaining freshness lifetime. `None` if the entry does not expire.
    pub(crate) ttl: Option<Duration>,
    /// The time since the entry expired. Zero while it is fresh.
    pub(crate) staleness: Duration,
}

impl Entry {
    #[inline]
    pub(crate) fn freshness(&self, now: Instant) -> Freshness {
        let ttl = self.ttl(now);
        // A fresh entry, the common case, skips this.
        let staleness = if ttl == Some(Duration::ZERO) { self.staleness(now) } else { Duration::ZERO };
        Freshness { age: self.age(now), ttl, staleness }
    }

    pub(crate) fn created_at(&self) -> Instant {
        Instant::from_nanos(self.times.created_at)
    }

    /// Returns when the handler was started.
    pub(crate) fn started_at(&self) -> Instant {
        self.created_at().before(self.fill_time())
    }

    fn fill_time(&self) -> Duration {
        Duration::from_nanos(self.times.fill_time)
    }

    /// Returns the current age (RFC 9111 4.2.3).
    pub(crate) fn age(&self, now: Instant) -> Duration {
        Duration::from_nanos(self.rare_times().initial_age).saturating_add(self.times.time_since(now))
    }

    /// Returns how long the entry stays fresh, or `None` if it does not expire.
    pub(crate) fn ttl(&self, now: Instant) -> Option<Duration> {
        if self.is_expired_early(now) {
            return Some(Duration::ZERO);
        }
        self.ttl_from_creation().map(|ttl| ttl.saturating_sub(self.times.time_since(now)))
    }

    #[inline]
    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        let is_within = |ttl| self.times.nanos_since(now) < ttl;
        self.capped_ttl_nanos().is_none_or(is_within) && !self.is_expired_early(now)
    }

    /// Makes the entry stale before its TTL has passed, and returns whether this had not been done before.
    pub(crate) fn expire(&self, now: Instant) -> bool {
        self.expired_at.fetch_min(now.as_nanos().min(NEVER - 1), Ordering::AcqRel) == NEVER
    }

    fn is_expired_early(&self, now: Instant) -> bool {
        let expired_at = self.expired_at.load(Ordering::Acquire);
        // A clock may have advanced to `NEVER` itself.
        expired_at < NEVER && now.as_nanos() >= expired_at
    }

    /// Returns for how long the entry has been stale, or zero if it is fresh.
    pub(crate) fn staleness(&self, now: Instant) -> Duration {
        let age = self.times.time_since(now);
        let by_ttl = self.ttl_from_creation().map_or(Duration::ZERO, |ttl| age.saturating_sub(ttl));
        let expired_at = self.expired_at.load(Ordering::Acquire);
        by_ttl.max(Duration::from_nanos(now.as_nanos().saturating_sub(expired_at)))
    }

    /// Returns whether the handler withdrew the page.
    pub(crate) fn is_invalidated(&self) -> bool {
        self.invalidated.load(Ordering::Acquire)
    }

    /// Withdraws the page from all requests that hold it.
    pub(crate) fn invalidate(&self) {
        self.invalidated.store(true, Ordering::Release);
    }

    /// Returns whether the remote store has to confirm the entry before it is sent from memory.
    pub(crate) fn must_revalidate_remote(&self, now: Instant) -> bool {
        let local_expiry = self.local_expiry();
        local_expiry < NEVER && now.as_nanos() >= local_expiry
    }

    /// Returns whether the entry may be sent while it is refreshed (RFC 5861 3).
    pub(crate) fn may_serve_while_revalidating(&self, now: Instant) -> bool {
        self.is_within(self.rare_times().stale().while_revalidate, now)
    }

    /// Returns whether the entry may be sent if a refresh fails (RFC 5861 4).
    pub(crate) fn may_serve_on_error(&self, now: Instant) -> bool {
        self.is_within(self.rare_times().stale().if_error, now)
    }

    /// Returns whether the entry may be sent at all.
    pub(crate) fn is_usable(&self, now: Instant) -> bool {
        self.may_serve_while_revalidating(now) || self.may_serve_on_error(now)
    }

    fn is_within(&self, stale_window: Duration, now: Instant) -> bool {
        let is_within = self.is_fresh(now) || self.staleness(now) < stale_window;
        is_within && !self.is_invalidated()
    }

    /// Returns whether the entry expires soon enough for [`should_refresh_early`](Self::should_refresh_early) to be `true`.
    pub(crate) fn may_refresh_early(&self, now: Instant) -> bool {
        self.ttl(now).is_some_and(|left| left < self.fill_time().saturating_mul(MAX_FILL_TIMES))
    }

    /// Decides at random whether a request should refresh the entry before it expires.
    ///
    /// The probability grows as the expiry approaches, and with the time that the handler takes (`XFetch`: Vattani et al.,
    /// "Optimal Probabilistic Cache Stampede Prevention"). `random` returns a number in (0, 1].
    pub(crate) fn should_refresh_early(&self, now: Instant, random: impl FnOnce() -> f64) -> bool {
        let max = f64::from(MAX_FILL_TIMES);
        let lead_time = || self.fill_time().as_secs_f64() * (-random().ln()).min(max);
        self.may_refresh_early(now) && self.ttl(now).is_some_and(|left| left.as_secs_f64() < lead_time())
    }

    /// Returns when the entry stops being usable, or `None` if it never does.
    pub(crate) fn expires_at(&self) -> Option<Instant> {
        let stale = self.rare_times().stale();
        let instant = |nanos| (nanos < NEVER).then(|| Instant::from_nanos(nanos));
        let expired = instant(self.expired_at.load(Ordering::Acquire));
        let expired = expired.map(|expired| expired + stale.while_revalidate.max(stale.if_error));
        // An entry that the remote store can confirm stays usable beyond its local expiry.
        let local = instant(self.local_expiry()).filter(|_| self.remote_ref().is_none());
        [expired, local, self.remote_expires_at()].into_iter().flatten().min()
    }

    /// Returns when the entry stops being usable in the remote store, or `None` if it never does.
    ///
    /// Unlike [`expires_at`](Self::expires_at), this does not depend on what this process did with the entry.
    pub(crate) fn remote_expires_at(&self) -> Option<Instant> {
        let Lifetime { created_at, ttl, stale, .. } = self.lifetime();
        let stale_for = stale.while_revalidate.max(stale.if_error);
        ttl.map(|ttl| created_at + ttl.saturating_add(stale_for))
    }
}
