//! How long a page is fresh, how long it may be sent after that, and when it is to be made anew.

use std::{sync::atomic::Ordering, time::Duration};

use crate::page::page::{NEVER, Page};
use crate::{
    http::freshness::StaleWindows,
    time::{backoff::Backoff, instant::Instant},
};

/// So many fills before the end of its time, the lot that has a page made anew comes up once in a hundred million.
const MOST_FILLS: u32 = 18;

/// When a page was made, and how long it may be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    pub(crate) made_at: Instant,
    pub(crate) initial_age: Duration,
    /// From `made_at`; `None` is for ever.
    pub(crate) kept_for: Option<Duration>,
    /// From the end of that.
    pub(crate) stale: StaleWindows,
    /// How long the handler took.
    pub(crate) fill: Duration,
}

/// The freshness of a page at one point in time, as reports state it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    pub(crate) age: Duration,
    /// The remaining freshness lifetime. `None` if the page does not expire.
    pub(crate) ttl: Option<Duration>,
    /// The time since the page expired. Zero while it is fresh.
    pub(crate) staleness: Duration,
}

impl Page {
    #[inline]
    pub(crate) fn freshness(&self, now: Instant) -> Freshness {
        let ttl = self.ttl(now);
        // A fresh page, the common case, skips this.
        let staleness = if ttl == Some(Duration::ZERO) { self.staleness(now) } else { Duration::ZERO };
        Freshness { age: self.age(now), ttl, staleness }
    }

    /// RFC 9111 4.2.3.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        self.lifetime.initial_age.saturating_add(now.since(self.lifetime.made_at))
    }

    pub(crate) fn made_at(&self) -> Instant {
        self.lifetime.made_at
    }

    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        let is_in_time = |kept_for| now.since(self.lifetime.made_at) < kept_for;
        self.lifetime.kept_for.is_none_or(is_in_time) && !self.is_expired(now)
    }

    /// Makes it stale before its time.
    pub(crate) fn expire(&self, now: Instant) {
        self.expired_at.fetch_min(now.as_nanos(), Ordering::AcqRel);
    }

    fn is_expired(&self, now: Instant) -> bool {
        let expired_at = self.expired_at.load(Ordering::Acquire);
        // A clock may show the latest time there is.
        expired_at < NEVER && now.as_nanos() >= expired_at
    }

    /// Returns the time since the page expired, or zero while it is fresh.
    pub(crate) fn staleness(&self, now: Instant) -> Duration {
        let since = now.since(self.lifetime.made_at);
        let over = self.lifetime.kept_for.map_or(Duration::ZERO, |kept_for| since.saturating_sub(kept_for));
        let expired_at = self.expired_at.load(Ordering::Acquire);
        over.max(Duration::from_nanos(now.as_nanos().saturating_sub(expired_at)))
    }

    fn is_within(&self, stale: Duration, now: Instant) -> bool {
        let is_in_time = self.is_fresh(now) || self.staleness(now) < stale;
        is_in_time && !self.is_withdrawn()
    }

    pub(crate) fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::Acquire)
    }

    pub(crate) fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Release);
    }

    /// Whether the shared tier has to be asked before it is sent from memory.
    pub(crate) fn has_left(&self, now: Instant) -> bool {
        let leaves_at = self.leaves_at.load(Ordering::Acquire);
        leaves_at < NEVER && now.as_nanos() >= leaves_at
    }

    /// From then on it has to be.
    pub(crate) fn leave_at(&self, leaves_at: Instant) {
        self.leaves_at.store(leaves_at.as_nanos(), Ordering::Release);
    }

    /// When its handler began.
    pub(crate) fn begun_at(&self) -> Instant {
        self.lifetime.made_at.before(self.lifetime.fill)
    }

    /// Whether it may be sent while it is made anew.
    pub(crate) fn may_wait(&self, now: Instant) -> bool {
        self.is_within(self.lifetime.stale.while_revalidate, now)
    }

    /// Whether it may be sent where making it anew fails.
    pub(crate) fn may_stand_in(&self, now: Instant) -> bool {
        self.is_within(self.lifetime.stale.if_error, now)
    }

    /// Whether it may be sent at all.
    pub(crate) fn is_usable(&self, now: Instant) -> bool {
        self.may_wait(now) || self.may_stand_in(now)
    }

    /// Whether a lot may be drawn for it.
    pub(crate) fn may_be_due(&self, now: Instant) -> bool {
        self.ttl(now).is_some_and(|left| left < self.lifetime.fill.saturating_mul(MOST_FILLS))
    }

    /// Whether it is time to make it anew before its own time is over, by a lot that is drawn for each request: the nearer
    /// the end and the slower the handler, the likelier (Vattani et al., "Optimal Probabilistic Cache Stampede Prevention").
    pub(crate) fn is_due(&self, now: Instant, draw: impl FnOnce() -> f64) -> bool {
        let most = f64::from(MOST_FILLS);
        let sooner = || self.lifetime.fill.as_secs_f64() * (-draw().ln()).min(most);
        self.may_be_due(now) && self.ttl(now).is_some_and(|left| left.as_secs_f64() < sooner())
    }

    /// When to try again after making it anew has failed.
    pub(crate) fn retry(&self) -> &Backoff {
        &self.retry
    }

    /// How long it stays fresh; `None` is for ever.
    pub(crate) fn ttl(&self, now: Instant) -> Option<Duration> {
        if self.is_expired(now) {
            return Some(Duration::ZERO);
        }
        self.lifetime.kept_for.map(|kept_for| kept_for.saturating_sub(now.since(self.lifetime.made_at)))
    }

    /// When it is of no use any more; `None` is never.
    pub(crate) fn until(&self) -> Option<Instant> {
        let stale = self.lifetime.stale;
        let moment = |nanos| (nanos < NEVER).then(|| Instant::new(Duration::from_nanos(nanos)));
        let expired = moment(self.expired_at.load(Ordering::Acquire));
        let expired = expired.map(|expired| expired + stale.while_revalidate.max(stale.if_error));
        // One that may turn out to be as good as ever is of use for as long as it is anywhere.
        let left = moment(self.leaves_at.load(Ordering::Acquire)).filter(|_| self.source.is_none());
        [expired, left, self.until_without_memory()].into_iter().flatten().min()
    }

    /// The same, for those who do not have it in this memory.
    pub(crate) fn until_without_memory(&self) -> Option<Instant> {
        let Lifetime { made_at, kept_for, stale, .. } = self.lifetime;
        let stale_for = stale.while_revalidate.max(stale.if_error);
        kept_for.map(|kept_for| made_at + kept_for.saturating_add(stale_for))
    }
}
