//! How long a page is fresh, how long it may be sent after that, and when it is to be made anew.

use std::{sync::atomic::Ordering, time::Duration};

use super::Page;
use crate::{clock::Moment, freshness::Stale, retry::Retry};

/// So many fills before the end of its time, the lot that has a page made anew comes up once in a hundred million.
const MOST_FILLS: u32 = 18;

/// When a page was made, and how long it may be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    pub(crate) made_at: Moment,
    pub(crate) initial_age: Duration,
    /// From `made_at`; `None` is for ever.
    pub(crate) kept_for: Option<Duration>,
    /// From the end of that.
    pub(crate) stale: Stale,
    /// How long the handler took.
    pub(crate) fill: Duration,
    /// When the memory of this process lets it go, whatever its time, for the shared tier to be asked again.
    pub(crate) leaves_at: Option<Moment>,
}

impl Page {
    /// RFC 9111 4.2.3.
    pub(crate) fn age(&self, now: Moment) -> Duration {
        self.lifetime.initial_age.saturating_add(now.since(self.lifetime.made_at))
    }

    pub(crate) fn made_at(&self) -> Moment {
        self.lifetime.made_at
    }

    pub(crate) fn is_fresh(&self, now: Moment) -> bool {
        let is_in_time = |kept_for| now.since(self.lifetime.made_at) < kept_for;
        self.lifetime.kept_for.is_none_or(is_in_time) && !self.is_expired(now)
    }

    /// Makes it stale before its time.
    pub(crate) fn expire(&self, now: Moment) {
        self.expired_at.fetch_min(now.as_nanos(), Ordering::AcqRel);
    }

    fn is_expired(&self, now: Moment) -> bool {
        let expired_at = self.expired_at.load(Ordering::Acquire);
        // A clock may show the latest time there is.
        expired_at < u64::MAX && now.as_nanos() >= expired_at
    }

    /// How long its time is over; zero where it is not.
    pub(crate) fn stale_for(&self, now: Moment) -> Duration {
        let since = now.since(self.lifetime.made_at);
        let over = self.lifetime.kept_for.map_or(Duration::ZERO, |kept_for| since.saturating_sub(kept_for));
        let expired_at = self.expired_at.load(Ordering::Acquire);
        over.max(Duration::from_nanos(now.as_nanos().saturating_sub(expired_at)))
    }

    fn is_within(&self, stale: Duration, now: Moment) -> bool {
        let is_in_time = self.is_fresh(now) || self.stale_for(now) < stale;
        is_in_time && !self.is_withdrawn()
    }

    pub(crate) fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::Acquire)
    }

    pub(crate) fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Release);
    }

    /// Whether it is not to be found in memory any more.
    pub(crate) fn has_left(&self, now: Moment) -> bool {
        self.lifetime.leaves_at.is_some_and(|leaves_at| now >= leaves_at)
    }

    /// When its handler began.
    pub(crate) fn begun_at(&self) -> Moment {
        self.lifetime.made_at.before(self.lifetime.fill)
    }

    /// Whether it may be sent while it is made anew.
    pub(crate) fn may_wait(&self, now: Moment) -> bool {
        self.is_within(self.lifetime.stale.while_revalidate, now)
    }

    /// Whether it may be sent where making it anew fails.
    pub(crate) fn may_stand_in(&self, now: Moment) -> bool {
        self.is_within(self.lifetime.stale.if_error, now)
    }

    /// Whether it may be sent at all.
    pub(crate) fn is_usable(&self, now: Moment) -> bool {
        self.may_wait(now) || self.may_stand_in(now)
    }

    /// Whether a lot may be drawn for it.
    pub(crate) fn may_be_due(&self, now: Moment) -> bool {
        self.ttl(now).is_some_and(|left| left < self.lifetime.fill.saturating_mul(MOST_FILLS))
    }

    /// Whether it is time to make it anew before its own time is over, by a lot that is drawn for each request: the nearer
    /// the end and the slower the handler, the likelier (Vattani et al., "Optimal Probabilistic Cache Stampede Prevention").
    pub(crate) fn is_due(&self, now: Moment, draw: impl FnOnce() -> f64) -> bool {
        let most = f64::from(MOST_FILLS);
        let sooner = || self.lifetime.fill.as_secs_f64() * (-draw().ln()).min(most);
        self.may_be_due(now) && self.ttl(now).is_some_and(|left| left.as_secs_f64() < sooner())
    }

    /// When to try again after making it anew has failed.
    pub(crate) fn retry(&self) -> &Retry {
        &self.retry
    }

    /// How long it stays fresh; `None` is for ever.
    pub(crate) fn ttl(&self, now: Moment) -> Option<Duration> {
        if self.is_expired(now) {
            return Some(Duration::ZERO);
        }
        self.lifetime.kept_for.map(|kept_for| kept_for.saturating_sub(now.since(self.lifetime.made_at)))
    }

    /// When it is of no use any more; `None` is never.
    pub(crate) fn until(&self) -> Option<Moment> {
        let Lifetime { made_at, kept_for, stale, leaves_at, .. } = self.lifetime;
        let stale_for = stale.while_revalidate.max(stale.if_error);
        let expired_at = self.expired_at.load(Ordering::Acquire);
        let expired =
            (expired_at < u64::MAX).then(|| Moment::new(Duration::from_nanos(expired_at)) + stale_for);
        let kept = kept_for.map(|kept_for| made_at + kept_for.saturating_add(stale_for));
        [expired, kept, leaves_at].into_iter().flatten().min()
    }

    /// The same, for those who do not have it in this memory.
    pub(crate) fn until_without_memory(&self) -> Option<Moment> {
        let Lifetime { made_at, kept_for, stale, .. } = self.lifetime;
        let stale_for = stale.while_revalidate.max(stale.if_error);
        kept_for.map(|kept_for| made_at + kept_for.saturating_add(stale_for))
    }
}
