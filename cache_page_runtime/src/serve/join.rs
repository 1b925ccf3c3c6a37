//! Taking part in the flight of a key.

use std::sync::Arc;

use super::{
    hit::Hit,
    lookup::{Lookup, NoHit},
    step::{Run, Step},
};
use crate::{
    cache::{SharedResult, shared_result},
    coalesce::{Follower, Leader, Participant, Role, UncacheableMark, Wakeup, wait},
    fill::FillRole,
    key::KeyHash,
    observe::{Report, WaitResult, record_wait},
    outcome::{ForwardReason, Outcome, Reason},
    purge::{LocalSelector, PurgeMode, PurgeSeq, RequestSubject, StableIds},
    remote::RemoteTier,
    store::{Entry, Miss},
    time::{clock::Clock, instant::Instant},
};

/// What a request does after a miss.
pub(super) enum Joined {
    Step(Step),
    /// Another request runs the handler.
    Wait(FlightWait),
}

/// A request that follows a flight.
pub(super) struct FlightWait {
    follower: Follower<SharedResult>,
    cause: ForwardReason,
    /// The key of the flight.
    key: Box<[u8]>,
    /// When the wait began, by the system clock.
    started: Instant,
}

/// How a request takes part in filling a key.
enum Part {
    Lead(Leader<SharedResult>),
    Follow(Follower<SharedResult>, Box<[u8]>),
    Uncoalesced(Option<UncacheableMark>),
}

/// Leads or follows the flight of a request's key, or starts a fill that is not coalesced.
///
/// `waited_for` is the key of a flight that the request has followed before. It does not follow the same key twice: where the
/// first result was another variant, there is a key for the variant of this request.
///
/// `insertions` is what [`Store::insertions`](crate::store::Store::insertions) returned before the store was found to lack the page.
pub(super) fn join(
    lookup: &mut Lookup<'_>,
    (miss, insertions): (Miss, u64),
    waited_for: Option<&[u8]>,
    now: Instant,
) -> Joined {
    match part(lookup, miss.cause, waited_for, now) {
        Part::Lead(leader) => Joined::Step(lead(lookup, leader, miss, Some(insertions), now)),
        Part::Follow(follower, key) => {
            let (cause, started) = (miss.cause, Clock::System.now());
            Joined::Wait(FlightWait { follower, cause, key, started })
        }
        Part::Uncoalesced(mark) => Joined::Step(Step::Run(match mark {
            Some(mark) => lookup.uncacheable(miss, mark, now),
            None => Run::Fill(lookup.fill(miss, FillRole::Uncoalesced, now)),
        })),
    }
}

fn part(lookup: &Lookup<'_>, cause: ForwardReason, waited_for: Option<&[u8]>, now: Instant) -> Part {
    let part = |key: &[u8], hash| part_under(lookup, (hash, key), waited_for, now);
    match (cause, lookup.cache_key()) {
        // The client asked for a response whose handler starts after its request.
        (ForwardReason::Request, _) | (_, None) => Part::Uncoalesced(None),
        // Nothing is stored under the key, so it is not known to vary.
        (ForwardReason::Miss, Some(key)) => part(key.as_bytes(), key.hash()),
        (_, Some(key)) => lookup
            .cache
            .store()
            .with_coalescing_key(key, lookup.request.headers(), |key| part(key, KeyHash::of(key))),
    }
}

fn part_under(
    lookup: &Lookup<'_>,
    (hash, key): (KeyHash, &[u8]),
    waited_for: Option<&[u8]>,
    now: Instant,
) -> Part {
    // With `local_ttl` zero, a purge takes effect at once, also one that this process has not heard of: a response that started
    // before a request must not answer it. The requests of one process coalesce as those of several do, by the lease.
    let serves_from_memory = lookup.cache.remote().is_none_or(RemoteTier::serves_from_memory);
    if waited_for == Some(key) || !serves_from_memory {
        return Part::Uncoalesced(None);
    }
    if let Some(mark) = lookup.cache.uncacheable_keys().get(hash, now) {
        return Part::Uncoalesced(Some(mark));
    }
    match lookup.cache.flights().join((hash, key), &participant(lookup, now)) {
        Role::Leader(leader) => Part::Lead(leader),
        Role::Follower(follower) => Part::Follow(follower, key.into()),
        Role::Uncoalesced => Part::Uncoalesced(None),
    }
}

fn participant(lookup: &Lookup<'_>, now: Instant) -> Participant<impl Fn(PurgeSeq) -> bool> {
    Participant {
        now: now.since_start(),
        purge_seq: lookup.purge_seq,
        may_lead: lookup.may_fill(),
        is_outdated: |started| is_outdated(lookup, started),
    }
}

/// Returns whether a fill that started at this sequence may show what was purged before the request arrived. The tags that its
/// handler adds are not known before it completes.
fn is_outdated(lookup: &Lookup<'_>, started: PurgeSeq) -> bool {
    let purge_log = lookup.cache.store().purge_log();
    if lookup.purge_seq <= started || !purge_log.any_since(started) {
        return false;
    }
    let handler = lookup.policy.purge_subject(lookup.cache.ignored_query());
    let subject = RequestSubject::new(lookup.request, handler, started, StableIds::Omit);
    let (tags, _) = lookup.policy.expand_tags(lookup.request);
    let purge_keys = subject.with_tags(&tags);
    purge_log.was_purged_between(started, lookup.purge_seq, |(_, selector)| selector.matches(&purge_keys))
}

/// Returns whether a completed fill shows what was purged before the request arrived.
fn is_outdated_result(lookup: &Lookup<'_>, result: &SharedResult) -> bool {
    let (purge_log, purge_keys) = (lookup.cache.store().purge_log(), result.value.purge_keys());
    let matches = |(_, selector): &(PurgeMode, LocalSelector)| selector.matches(purge_keys);
    purge_log.was_purged_between(purge_keys.purge_seq(), lookup.purge_seq, matches)
}

/// Looks into the store once more before the handler runs: between the first lookup and the request becoming the leader, another
/// flight may have stored an entry. Without this, the handler would sometimes run twice for one group of concurrent requests.
///
/// `insertions` is what [`Store::insertions`](crate::store::Store::insertions) returned before the first lookup. Where it still returns that,
/// nothing was stored.
fn lead(
    lookup: &mut Lookup<'_>,
    leader: Leader<SharedResult>,
    miss: Miss,
    insertions: Option<u64>,
    now: Instant,
) -> Step {
    // A stale page may be sent by now, after another request has failed to refresh it.
    let is_absent = miss.stale.is_none() && insertions == Some(lookup.cache.store().insertions());
    let found = if is_absent { Err(Miss::new(miss.cause).into()) } else { lookup.find(now) };
    match found {
        Ok(hit) => {
            leader.complete_with(|| {
                let key = lookup.cache_key()?;
                let made = (hit.outcome, Clock::System.now());
                let (store, headers) = (lookup.cache.store(), lookup.request.headers());
                let (entry, vary_names) = (Arc::clone(&hit.entry), hit.entry.page.vary_names());
                Some(shared_result(store, key, headers, entry, vary_names, made))
            });
            Step::Respond(lookup.respond(&hit, now))
        }
        // Dropped, the leader hands over to a request that may accept the entry.
        Err(NoHit::Bypass(reason)) => Step::Run(Run::Bypass(reason)),
        // An unusable entry is removed when it is first seen, so the first lookup may be the one that has it.
        Err(NoHit::Miss(Miss { stale, .. })) => {
            let miss = Miss { stale: stale.or(miss.stale), ..miss };
            Step::Run(Run::Fill(lookup.fill(miss, FillRole::Leader(leader), now)))
        }
    }
}

/// Leads the refresh of an entry, unless one is in flight or has just completed.
pub(super) fn lead_refresh(
    lookup: &Lookup<'_>,
    entry: &Arc<Entry>,
    now: Instant,
) -> Option<Leader<SharedResult>> {
    let (store, headers) = (lookup.cache.store(), lookup.request.headers());
    let key = lookup.cache_key()?;
    let try_lead = |key: &[u8]| lookup.cache.flights().try_lead(key, &participant(lookup, now));
    let leader = store.with_coalescing_key(key, headers, try_lead)?;
    // Dropped, the leader hands over to requests that have joined in the meantime.
    let is_current = store.get(key, headers, now).is_ok_and(|stored| Arc::ptr_eq(&stored, entry));
    is_current.then_some(leader)
}

/// Waits for the leader's response, and starts a fill if that cannot be used.
pub(super) async fn wait_for_leader(lookup: &mut Lookup<'_>, mut flight: FlightWait) -> Step {
    let clock = lookup.cache.clock();
    let timeouts = lookup.cache.timeouts();
    let (deadline, started) = (clock.now() + timeouts.coalesce_timeout, flight.started);
    loop {
        let guard = AbandonGuard { lookup, cause: flight.cause, started };
        let wakeup = wait(&mut flight.follower, clock, deadline, timeouts.fill_timeout).await;
        if wakeup.is_none() && flight.follower.is_streamed() {
            // The stream may be endless: the next request does not wait for it.
            let hash = KeyHash::of(&flight.key);
            lookup.cache.uncacheable_keys().insert(hash, clock.now());
        }
        std::mem::forget(guard);
        let is_handed_over = matches!(wakeup, Some(Wakeup::Lead(_)));
        match after_wait(lookup, wakeup, &flight, clock.now()) {
            Joined::Step(step) => {
                let result = match &step {
                    Step::Respond(_) | Step::RespondAndRefresh(..) => WaitResult::Answered,
                    Step::Run(_) if is_handed_over => WaitResult::TookOver,
                    Step::Run(_) => WaitResult::Uncoalesced,
                };
                record_wait(lookup.cache.observer(), lookup.policy.handler_id(), result, started);
                return step;
            }
            Joined::Wait(next) => flight = next,
        }
    }
}

fn after_wait(
    lookup: &mut Lookup<'_>,
    wakeup: Option<Wakeup<SharedResult>>,
    flight: &FlightWait,
    now: Instant,
) -> Joined {
    let miss = Miss::new(flight.cause);
    match wakeup {
        Some(Wakeup::Lead(leader)) => Joined::Step(lead(lookup, leader, miss, None, now)),
        Some(Wakeup::Completed(result)) => {
            if let Some(hit) = usable_result(lookup, &result, flight, now) {
                return Joined::Step(Step::Respond(lookup.respond(&hit, now)));
            }
            // The result is another variant, encoded for another client, or older than a purge that this request came after. The response for this request
            // may be stored by now, or be made by another request.
            let insertions = lookup.cache.store().insertions();
            match lookup.find(now) {
                Ok(hit) => Joined::Step(Step::Respond(lookup.respond(&hit, now))),
                Err(NoHit::Bypass(reason)) => Joined::Step(Step::Run(Run::Bypass(reason))),
                Err(NoHit::Miss(miss)) => {
                    // After a purge the request may follow a flight of the same key again: only a further purge, or a leader that
                    // came before this request, can make it wait once more.
                    let waited_for = (!is_outdated_result(lookup, &result)).then_some(&*flight.key);
                    join(lookup, (miss, insertions), waited_for, now)
                }
            }
        }
        // Another request may have stored an entry, and a stale one may be served if the handler has just failed.
        Some(Wakeup::Uncoalesced) | None => Joined::Step(match lookup.find(now) {
            Ok(hit) => Step::Respond(lookup.respond(&hit, now)),
            Err(NoHit::Bypass(reason)) => Step::Run(Run::Bypass(reason)),
            Err(NoHit::Miss(Miss { stale, .. })) => {
                Step::Run(Run::Fill(lookup.fill(Miss { stale, ..miss }, FillRole::Uncoalesced, now)))
            }
        }),
    }
}

fn usable_result(
    lookup: &Lookup<'_>,
    result: &SharedResult,
    flight: &FlightWait,
    now: Instant,
) -> Option<Hit> {
    let is_own = result.matches_request(lookup.cache_key()?, lookup.request.headers())
        && lookup.can_decode(&result.value);
    // While the process does not hear of purges, one may have happened between the start of the fill and of this request.
    let may_be_purged = lookup.cache.remote().is_some_and(|remote| {
        !remote.is_consistent(lookup.cache.clock(), now)
            && flight.started.since(result.started) > remote.options().max_purge_lag
    });
    (is_own && !may_be_purged && !is_outdated_result(lookup, result))
        .then(|| Hit::of_flight(result, flight.cause))
}

/// Reports a follower whose client disconnects while it waits.
struct AbandonGuard<'l, 'r> {
    lookup: &'l Lookup<'r>,
    cause: ForwardReason,
    /// When the wait began, by the system clock.
    started: Instant,
}

impl Drop for AbandonGuard<'_, '_> {
    fn drop(&mut self) {
        let report = Report::of(Outcome::NotStored(Reason::ClientGone));
        let report = Report { forward_reason: Some(self.cause), ..report };
        let (observer, handler) = (self.lookup.cache.observer(), self.lookup.policy.handler_id());
        report.log(observer, handler);
        record_wait(observer, handler, WaitResult::ClientGone, self.started);
    }
}
