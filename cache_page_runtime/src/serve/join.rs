//! Waiting for the page that another request is just making.

use std::{future::poll_fn, sync::Arc, task::Poll};

use actix_web::{
    HttpResponse,
    http::{Method, header::HeaderMap},
};

use crate::{
    cache::page_cache::PageCache,
    coalesce::{
        flight::{Follower, Leader, Participant, Role, Wakeup},
        uncacheable_keys::UncacheableMark,
    },
    fill::fill::Fill,
    http::VaryNames,
    key::{CacheKey, KeyBuf},
    observe::Report,
    outcome::{ForwardReason, Outcome, Reason},
    purge::{PurgeSeq, RequestSubject, StableIds},
    remote::RemoteTier,
    serve::lookup::{Hit, Lookup, Step},
    store::{Entry, Miss},
    time::{
        clock::{Clock, Sleep},
        instant::Instant,
    },
};

/// The page that a leader made, for those that followed.
#[derive(Clone)]
pub(crate) struct FlightResult {
    pub(crate) page: Arc<Entry>,
    /// What of a request it depends on beside the key, and what the leader's said there.
    names: VaryNames,
    said: Option<Arc<[u8]>>,
    /// What became of those that it is sent to.
    pub(crate) outcome: Outcome,
    /// When what it shows was begun to be read, by the system's clock.
    begun: Instant,
}

impl FlightResult {
    /// The page of a leader that sent this request, as far as it depends on these headers of it.
    pub(crate) fn new(
        page: Arc<Entry>,
        mut names: VaryNames,
        cache: &PageCache,
        key: CacheKey<'_>,
        leader: &HeaderMap,
    ) -> Self {
        let known = cache.store().vary_names(key);
        known.into_iter().for_each(|name| crate::http::vary::insert(&mut names, name));
        let said = variant(key, &names, leader).map(|said| said.as_slice().into());
        Self { page, names, said, outcome: Outcome::Collapsed, begun: Clock::System.now() }
    }

    pub(crate) fn begun(self, begun: Instant) -> Self {
        Self { begun, ..self }
    }

    /// One that was not made just now. It depends on what it says itself, whatever the store knows of it by now; to the
    /// leader, that was the outcome of sending it.
    pub(crate) fn old(
        page: Arc<Entry>,
        outcome: Outcome,
        cache: &PageCache,
        key: CacheKey<'_>,
        leader: &HeaderMap,
    ) -> Self {
        let names = page.page.vary_names();
        Self { outcome, ..Self::new(page, names, cache, key, leader) }
    }

    /// Whether this request would have got the same page.
    fn is_for(&self, key: CacheKey<'_>, request: &HeaderMap) -> bool {
        match (&self.said, variant(key, &self.names, request)) {
            _ if self.names.is_empty() => true,
            (Some(said), Some(own)) => **said == *own.as_slice(),
            _ => false,
        }
    }
}

fn variant(key: CacheKey<'_>, names: &VaryNames, request: &HeaderMap) -> Option<KeyBuf> {
    if names.is_empty() { None } else { key.variant(names, request) }
}

/// A request that follows.
pub(crate) struct FlightWait {
    follower: Follower<FlightResult>,
    forward: ForwardReason,
    /// The key that the page is made under.
    place: Box<[u8]>,
    /// By the system's clock.
    came: Instant,
}

/// How a request takes part in making its page.
enum Participation {
    Lead(Leader<FlightResult>),
    Follow(Follower<FlightResult>, Box<[u8]>),
    Alone(Option<UncacheableMark>),
}

impl Lookup<'_> {
    /// Takes part in making a page: as its leader, as a follower, or alone where nothing was to be shared lately.
    ///
    /// Nobody waits twice under one key: where the first page turns out to be a variant for others, there is a key for this
    /// request's own.
    pub(crate) fn join(&mut self, missing: Miss, waited_for: Option<&[u8]>, now: Instant) -> Step {
        let part = |place: &[u8]| self.take_part(place, waited_for, now);
        let part = match (missing.cause, self.key.parts.key()) {
            // It was asked for a page that is begun after it came.
            (ForwardReason::Request, _) | (_, None) => Participation::Alone(None),
            // No headers are known to matter.
            (ForwardReason::Miss, Some(key)) => part(key.as_bytes()),
            (_, Some(key)) => self.cache.store().with_coalescing_key(key, self.request.headers(), part),
        };
        match part {
            Participation::Lead(leader) => self.lead(leader, missing, now),
            Participation::Follow(follower, place) => {
                Step::Wait(FlightWait { follower, forward: missing.cause, place, came: Clock::System.now() })
            }
            Participation::Alone(mark) => {
                let mut fill = Fill::start(self, Ok(missing), None, now);
                fill.mark = mark;
                Step::Run(fill)
            }
        }
    }

    fn take_part(&self, place: &[u8], waited_for: Option<&[u8]>, now: Instant) -> Participation {
        // Where nothing is in memory, purges hold at once, also those that are not heard of yet: what was begun before cannot be for
        // whoever comes after. Processes wait for each other then, and so do the requests of one.
        let has_memory = self.cache.tier().is_none_or(RemoteTier::serves_from_memory);
        if waited_for == Some(place) || !has_memory {
            return Participation::Alone(None);
        }
        if let Some(mark) = self.cache.apart().get(place, now) {
            return Participation::Alone(Some(mark));
        }
        match self.cache.flights().join(place, &self.comer(now)) {
            Role::Leader(leader) => Participation::Lead(leader),
            Role::Follower(follower) => Participation::Follow(follower, place.into()),
            Role::Uncoalesced => Participation::Alone(None),
        }
    }

    /// This request, as one that would take part in a flight.
    pub(crate) fn comer(&self, now: Instant) -> Participant<impl Fn(PurgeSeq) -> bool> {
        Participant {
            now: now.since_start(),
            purge_seq: self.since,
            may_lead: *self.request.method() == Method::GET,
            is_outdated: |since| self.is_overtaken(since),
        }
    }

    /// Whether a page whose making began then may show what was purged before this request came. What tags its handler adds is
    /// not known before it lands.
    fn is_overtaken(&self, since: PurgeSeq) -> bool {
        let fence = self.cache.store().purge_log();
        if self.since <= since || !fence.any_since(since) {
            return false;
        }
        let subject = RequestSubject::new(self.request, self.policy.purge_subject(), since, StableIds::Omit);
        let (tags, _) = self.policy.expand_tags(self.request);
        let about = subject.with_tags(&tags);
        fence.was_purged_between(since, self.since, |(_, target)| target.matches(&about))
    }

    /// The same of a page that is there.
    fn is_overtaken_by_tag(&self, landed: &FlightResult) -> bool {
        let (fence, about) = (self.cache.store().purge_log(), landed.page.purge_keys());
        fence.was_purged_between(about.purge_seq(), self.since, |(_, target)| target.matches(about))
    }

    /// A page may have been kept since this request looked for it: it is looked for once more before the handler runs.
    fn lead(&mut self, leader: Leader<FlightResult>, missing: Miss, now: Instant) -> Step {
        match self.page(now) {
            Ok(answer) => {
                let key = self.key.parts.key();
                let landed = |key| {
                    let (page, headers) = (Arc::clone(&answer.page), self.request.headers());
                    FlightResult::old(page, answer.outcome(), self.cache, key, headers)
                };
                leader.complete_with(|| key.map(landed));
                Step::Answered(self.answer(&answer, now))
            }
            // What was of no use any more was dropped when this request saw it first.
            Err(Miss { stale, .. }) => {
                let missing = Miss { stale: stale.or(missing.stale), ..missing };
                Step::Run(Fill::start(self, Ok(missing), Some(leader), now))
            }
        }
    }

    /// The page of whoever makes it already; or a fill, if it comes to that.
    pub(crate) async fn wait(&mut self, mut waiting: FlightWait) -> Result<HttpResponse, Box<Fill>> {
        let clock = self.cache.clock();
        let ends = clock.now() + self.cache.times().coalesce_timeout;
        loop {
            let gone = AbandonGuard { lookup: self, forward: waiting.forward };
            let turn = wait(&mut waiting.follower, self.cache, ends).await;
            std::mem::forget(gone);
            let (now, forward) = (clock.now(), waiting.forward);
            let way = match turn {
                Some(Wakeup::Lead(leader)) => self.lead(leader, Miss::new(forward), now),
                Some(Wakeup::Completed(landed)) => {
                    match self.answer_landed(&landed, waiting.came, forward, now) {
                        Some(answer) => Step::Answered(self.answer(&answer, now)),
                        // It was a variant for others, or is older than a purge that this request came after. This request's own may be
                        // kept, or be made by somebody.
                        None => match self.page(now) {
                            Ok(answer) => Step::Answered(self.answer(&answer, now)),
                            Err(missing) => {
                                // To wait once more, it takes another purge, or a request that came before this one.
                                let is_other = !self.is_overtaken_by_tag(&landed);
                                self.join(missing, is_other.then_some(&*waiting.place), now)
                            }
                        },
                    }
                }
                // There may be a page after all, kept by somebody else, or an old one for a handler that has just failed.
                Some(Wakeup::Uncoalesced) | None => match self.page(now) {
                    Ok(answer) => Step::Answered(self.answer(&answer, now)),
                    Err(Miss { stale, .. }) => {
                        Step::Run(Fill::start(self, Ok(Miss { cause: forward, stale }), None, now))
                    }
                },
            };
            match way {
                Step::Answered(response) => return Ok(response),
                Step::Run(fill) | Step::Behind(_, fill) => return Err(fill),
                Step::Wait(next) => waiting = next,
            }
        }
    }

    fn answer_landed(
        &self,
        landed: &FlightResult,
        came: Instant,
        forward: ForwardReason,
        now: Instant,
    ) -> Option<Hit> {
        let is_own = landed.is_for(self.key.parts.key()?, self.request.headers());
        // Nobody tells this process of purges any more, and one may have come between.
        let may_be_purged = self.cache.tier().is_some_and(|tier| {
            !tier.is_consistent(self.cache.clock(), now)
                && came.since(landed.begun) > tier.options().max_purge_lag
        });
        (is_own && !may_be_purged && !self.is_overtaken_by_tag(landed))
            .then(|| Hit::landed(landed, forward, now))
    }
}

/// A client that goes away while its request follows: nobody else would tell what became of it.
struct AbandonGuard<'l, 'r> {
    lookup: &'l Lookup<'r>,
    forward: ForwardReason,
}

impl Drop for AbandonGuard<'_, '_> {
    fn drop(&mut self) {
        let outcome = Outcome::NotStored(Reason::ClientGone);
        let report = Report { forward_reason: Some(self.forward), ..Report::of(outcome) };
        report.log(self.lookup.cache.observer(), self.lookup.policy.handler_id());
    }
}

/// Until the follower's turn comes, or its time is over (`None`).
async fn wait(
    follower: &mut Follower<FlightResult>,
    cache: &PageCache,
    ends: Instant,
) -> Option<Wakeup<FlightResult>> {
    let (clock, deadline) = (cache.clock(), cache.times().fill_timeout);
    let mut timer: Option<(Instant, Sleep)> = None;
    poll_fn(|context| {
        loop {
            let now = clock.now();
            if let Poll::Ready(turn) = follower.poll(context, now.since_start(), deadline) {
                return Poll::Ready(Some(turn));
            }
            if now >= ends {
                return Poll::Ready(None);
            }
            let overdue = follower.leader_since().map_or(ends, |since| Instant::new(since) + deadline);
            let due = ends.min(overdue);
            let (_, sleep) = match timer.take() {
                Some(known) if known.0 == due => timer.insert(known),
                _ => timer.insert((due, clock.sleep_until(due))),
            };
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            timer = None;
        }
    })
    .await
}
