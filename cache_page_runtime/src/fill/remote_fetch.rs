//! Asking the shared tier for the page that a handler would make.

use std::{sync::Arc, time::Duration};

use actix_web::http::{Method, header::HeaderMap};
use tokio::{sync::Notify, time::timeout};

use crate::{
    cache::page_cache::PageCache,
    coalesce::flight::Participant,
    fill::fill::Fill,
    http::{VaryNames, vary},
    key::CacheKey,
    outcome::{ForwardReason, Outcome, Reason},
    purge::{LocalSelector, PurgeMode, PurgeSeq, RequestSubject, StableIds, Tag},
    serve::{
        join::FlightResult,
        lookup::{Hit, Lookup, Step},
    },
    store::{Entry, RemoteRef},
    time::instant::Instant,
};
use crate::{
    key::{Id, Version},
    remote::{
        DecodeError, DecodedPage, Frame, GetResponse, LeaseStatus, RemoteEntry, RemoteError, RemoteTier,
        Waiter, decode, entry_id, variant_key,
    },
};

/// Who waits for another process asks again after this time, if nothing is heard.
const ASK_AGAIN: Duration = Duration::from_millis(25);

/// By how much the ages of one page may differ from process to process.
const SAME: Duration = Duration::from_millis(100);

/// So often it is looked anew where what was found is of no use by then.
const MOST_LOOKS: u32 = 3;

/// What the shared tier has.
pub(crate) enum RemoteFetch {
    There {
        page: Arc<Entry>,
        /// It is stale, and this process makes it anew.
        is_turn: bool,
    },
    /// The handler runs.
    Missing,
}

/// What there was under one key.
enum FetchStep {
    Page(Arc<Entry>),
    /// The page that was there before, which is as it was.
    Same(Arc<Entry>),
    Names(VaryNames),
    Nothing,
    /// It was purged meanwhile.
    Fallen,
}

impl Lookup<'_> {
    /// Whoever would run the handler asks the other processes first.
    pub(crate) async fn ask(&mut self, way: Step, in_background: bool) -> Step {
        let Step::Run(mut fill) = way else { return way };
        // What is in memory only to be confirmed is nothing that could stand in.
        let has_memory = self.cache.tier().is_none_or(RemoteTier::serves_from_memory);
        let held = if has_memory { fill.old.clone() } else { fill.forget_old() };
        let RemoteFetch::There { page, is_turn } = fill.ask(true, held).await else { return Step::Run(fill) };
        let now = fill.now();
        if !self.takes(&page, now) {
            fill.forwarded = Ok(ForwardReason::Request);
            fill.make_anew(page);
            return Step::Run(fill);
        }
        let outcome = if page.is_fresh(now) {
            Outcome::RemoteHit
        } else {
            Outcome::Stale(Reason::StaleWhileRevalidate)
        };
        fill.land(&page, outcome);
        let response = self.answer(&Hit::shared(Arc::clone(&page), outcome, now), now);
        if is_turn && in_background && fill.lead_again(now) {
            fill.make_anew(page);
            fill.in_background = true;
            return Step::Behind(response, fill);
        }
        fill.leave_to_others();
        Step::Answered(response)
    }
}

/// Whether a page was purged or expired since, as far as is known here.
fn has_fallen(tier: &RemoteTier, cache: &PageCache, page: &Entry, since: PurgeSeq) -> bool {
    let meant = |(_, target): &(PurgeMode, LocalSelector)| target.matches(page.purge_keys());
    tier.has_pending_purge(page.purge_keys(), since)
        || cache.store().purge_log().was_purged_since(since, meant)
}

impl Fill {
    /// The page, if another process has made it: one that may be sent while it is made anew only if `stale` is of use. Where this
    /// process is to make it, that is remembered. The page that it holds may turn out to be as good as ever.
    pub(crate) async fn ask(&mut self, stale: bool, held: Option<Arc<Entry>>) -> RemoteFetch {
        let asking = self.ask_for_it(stale, held).await;
        // The handler begins now.
        self.started = self.now();
        asking
    }

    async fn ask_for_it(&mut self, stale: bool, held: Option<Arc<Entry>>) -> RemoteFetch {
        let cache = self.cache.clone();
        let (Some(tier), Some(key)) = (cache.tier(), self.cover.key()) else { return RemoteFetch::Missing };
        // Where there was nothing to share lately, there is nothing now.
        let (Ok(forward), None) = (self.forwarded, self.mark) else { return RemoteFetch::Missing };
        // It was asked for a page that is begun after it came: the one that is there may only have to go.
        let is_wanted = forward != ForwardReason::Request;
        // Cheaper than its headers, which are needed while it may change hands.
        let request = self.request.clone();
        let headers = request.headers();
        let Some(whole) = tier.namespace().page_key(self.policy.handler(), &self.cover) else {
            return RemoteFetch::Missing;
        };
        let mut names = cache.store().vary_names(key);
        let claims = is_wanted
            && tier.options().coalesce_across_processes
            && *self.request.method() == Method::GET
            && self.is_for_others(tier);
        let ends = tokio::time::Instant::now() + cache.times().coalesce_timeout;
        let mut expected = None;
        let holder = tier.new_lease_owner();
        let (mut looks, mut wait) = (0, None);
        let left = held.clone();
        let mut held = held.filter(|_| is_wanted);
        loop {
            let place = if names.is_empty() {
                whole.clone()
            } else {
                match variant_key(&whole, &names, headers) {
                    Some(place) => place,
                    None => return RemoteFetch::Missing,
                }
            };
            let id = entry_id(&place);
            // Before it is asked: what is heard from here on may be about the answer.
            let since = PurgeSeq::now();
            let notify = wait.as_ref().map(Waiter::notification);
            let heard = notify.as_deref().map(Notify::notified);
            let claim = claims.then_some(holder);
            let have = held.as_ref().and_then(|held| self.version_of(held, id));
            let had = held.take_if(|_| have.is_some());
            if expected.is_none() && have.is_none() {
                expected = self.expected();
            }
            let likely = expected.as_ref().map(|(_, names)| names.clone()).unwrap_or_default();
            let GetResponse { entry: page, lease: turn } = match tier.get(id, have, likely, claim).await {
                Ok(found) => found,
                Err(fault) => return self.failed_to_ask(fault),
            };
            let is_varied = !names.is_empty();
            let looked = match (page, had) {
                (None, _) => FetchStep::Nothing,
                (Some(RemoteEntry { bytes: None, .. }), Some(had))
                    if has_fallen(tier, &cache, &had, since) =>
                {
                    FetchStep::Fallen
                }
                (Some(RemoteEntry { bytes: None, .. }), Some(had)) => FetchStep::Same(had),
                (Some(kept), _) => {
                    expected = expected.or_else(|| self.expected());
                    let Some((subject, _)) = &expected else { return RemoteFetch::Missing };
                    self.look(&cache, tier, (&place, id), &kept, subject.at(since))
                }
            };
            match looked {
                FetchStep::Same(page) => {
                    let now = self.now();
                    if page.is_fresh(now) && !page.is_invalidated() {
                        page.set_local_expiry(tier.local_expiry(now));
                        return RemoteFetch::There { page, is_turn: false };
                    }
                    // By the clock of this process, its time was over just now.
                    continue;
                }
                FetchStep::Names(found) if !is_varied && looks < MOST_LOOKS => {
                    looks += 1;
                    found.into_iter().for_each(|name| vary::insert(&mut names, name));
                    if let Some(key) = self.cover.key() {
                        cache.store().record_vary(key, names.clone());
                    }
                    continue;
                }
                FetchStep::Fallen if looks < MOST_LOOKS => {
                    looks += 1;
                    continue;
                }
                FetchStep::Page(page) => {
                    let now = self.now();
                    let is_kept = self.remember(tier, &names, headers, &page, left.as_ref());
                    // Where memory has a later one, that is the one that the handler may take back.
                    let is_later = |old: &Arc<Entry>| old.is_fresh(now) && !old.must_revalidate_remote(now);
                    let has_later = !is_kept && self.old.as_ref().is_some_and(is_later);
                    if !is_wanted {
                        if !has_later {
                            self.make_anew(page);
                        }
                        return RemoteFetch::Missing;
                    }
                    let is_fresh = page.is_fresh(now) && self.is_news(&page);
                    if is_fresh || stale && !page.is_fresh(now) && page.may_serve_while_revalidating(now) {
                        let is_turn = !is_fresh && claims && turn == LeaseStatus::Acquired;
                        if is_turn {
                            self.claim = Some(tier.keep_lease(id, holder, cache.times().fill_timeout));
                        }
                        return RemoteFetch::There { page, is_turn };
                    }
                    if !has_later {
                        self.make_anew(page);
                    }
                }
                FetchStep::Names(_) | FetchStep::Nothing | FetchStep::Fallen => {}
            }
            match turn {
                LeaseStatus::Acquired if claims => {
                    self.claim = Some(tier.keep_lease(id, holder, cache.times().fill_timeout));
                    return RemoteFetch::Missing;
                }
                LeaseStatus::Held if claims && tokio::time::Instant::now() < ends => {}
                LeaseStatus::Uncoalesced if claims => {
                    // Those who wait for this request need not either.
                    self.part_here();
                    return RemoteFetch::Missing;
                }
                _ => return RemoteFetch::Missing,
            }
            match heard {
                // Once more, and this time what happens meanwhile is heard.
                None => drop(wait.insert(tier.register_waiter(id))),
                Some(heard) => drop(timeout(ASK_AGAIN, heard).await),
            }
        }
    }

    /// What the shared tier may know this page by, if it is of use as it is and was there under that id.
    fn version_of(&self, held: &Entry, id: Id) -> Option<Version> {
        let now = self.now();
        let source = held.remote_ref().filter(|source| source.id == id)?;
        let may_be_good = held.must_revalidate_remote(now) && held.is_fresh(now) && !held.is_invalidated();
        may_be_good.then(|| source.version.clone())
    }

    /// Whether it is another page than the one that is to be made anew before its time is over.
    fn is_news(&self, page: &Entry) -> bool {
        // The same page is not of the same moment in each process.
        let after = |old: &Entry| page.started_at().since(old.started_at()) > SAME;
        let is_early = |old: &Entry| old.is_fresh(self.now()) && !old.must_revalidate_remote(self.now());
        self.old.as_ref().is_none_or(|old| !is_early(old) || after(old))
    }

    fn failed_to_ask(&mut self, fault: RemoteError) -> RemoteFetch {
        self.fault = Some(fault);
        RemoteFetch::Missing
    }

    /// What the bytes are that were found, for this request.
    fn look(
        &mut self,
        cache: &PageCache,
        tier: &RemoteTier,
        (place, id): (&[u8], Id),
        kept: &RemoteEntry,
        subject: RequestSubject,
    ) -> FetchStep {
        let since = subject.purge_seq;
        // A store that says that one has them has to be told so before.
        let read = kept.bytes.as_ref().ok_or(DecodeError::Corrupt).and_then(|bytes| decode(bytes, place));
        let thawed = match read {
            Ok(Frame::VaryNames(names)) => return FetchStep::Names(names),
            Ok(Frame::Page(thawed)) => thawed,
            Err(DecodeError::KeyMismatch) => return FetchStep::Nothing,
            Err(DecodeError::Corrupt) => {
                tier.report_corrupt();
                self.fault = Some(RemoteError::Corrupt);
                return FetchStep::Nothing;
            }
        };
        let source = kept.version.clone().map(|version| RemoteRef { id, version });
        match self.page(tier, &thawed, kept, source, subject) {
            Some(page) if has_fallen(tier, cache, &page, since) => FetchStep::Fallen,
            Some(page) => FetchStep::Page(Arc::new(page)),
            None => FetchStep::Nothing,
        }
    }

    /// What its page is about and goes by, but for what the handler says itself.
    fn expected(&self) -> Option<(RequestSubject, Vec<Id>)> {
        let subject = self.subject_now()?;
        let tags =
            self.request.request().map(|request| self.policy.expand_tags(request).0).unwrap_or_default();
        let names = subject.clone().with_tags(&tags).stable_ids();
        Some((subject, names))
    }

    /// What its page is about, as far as the request tells.
    fn subject_now(&self) -> Option<RequestSubject> {
        match (self.request.request(), &self.subject) {
            (_, Some(subject)) => Some(subject.clone()),
            (Some(request), None) => Some(RequestSubject::new(
                request,
                self.policy.purge_subject(),
                self.since(),
                StableIds::Include,
            )),
            (None, None) => None,
        }
    }

    fn page(
        &self,
        tier: &RemoteTier,
        thawed: &DecodedPage,
        kept: &RemoteEntry,
        source: Option<RemoteRef>,
        subject: RequestSubject,
    ) -> Option<Entry> {
        let tags: Vec<Tag> = thawed.tags.iter().map(|tag| Tag::new(tag)).collect();
        let now = self.now();
        let about = subject.with_tags(&tags);
        let stays = tier.serves_from_memory() || source.is_some();
        let page = thawed.page.to_entry(kept.age, now, about, stays)?.with_remote_ref(source);
        page.set_local_expiry(tier.local_expiry(now));
        if let Some(expired) = kept.expired {
            page.expire(now.before(expired));
        }
        Some(page)
    }

    /// Keeps in memory what came from there, to be sent for a while or to be confirmed; or says that it did not.
    fn remember(
        &self,
        tier: &RemoteTier,
        names: &VaryNames,
        headers: &HeaderMap,
        page: &Arc<Entry>,
        left: Option<&Arc<Entry>>,
    ) -> bool {
        let now = self.now();
        let may_be_confirmed = page.remote_ref().is_some() && page.is_fresh(now);
        let Some(key) = self.cover.key() else { return false };
        // Which of two pages was begun later, the shared tier has decided: ages differ a little from process to process.
        let old =
            left.or(self.old.as_ref()).filter(|old| !old.is_fresh(now) || old.must_revalidate_remote(now));
        let store = self.cache.store();
        // Where it is not kept, it is asked for again.
        let is_kept = (tier.serves_from_memory() || may_be_confirmed)
            && store.replace(key, names.clone(), headers, Arc::clone(page), old).is_ok();
        if let (Some(old), false) = (old, is_kept) {
            store.remove_if_current(key, headers, old);
        }
        is_kept
    }

    /// Gives it to those who wait for this request.
    pub(crate) fn land(&mut self, page: &Arc<Entry>, outcome: Outcome) {
        let outcome = if outcome == Outcome::RemoteHit { Outcome::Collapsed } else { outcome };
        if let Some(leader) = self.leader.take() {
            let headers = self.request.headers();
            let landed =
                |key: CacheKey<'_>| FlightResult::old(Arc::clone(page), outcome, &self.cache, key, headers);
            leader.complete_with(|| self.cover.key().map(landed));
        }
    }

    /// Leads once more, to make the page anew that the others were just given; unless somebody is at it.
    fn lead_again(&mut self, now: Instant) -> bool {
        let (cache, headers) = (&self.cache, self.request.headers());
        let comer = Participant {
            now: now.since_start(),
            purge_seq: self.since(),
            may_lead: true,
            is_outdated: |_| false,
        };
        let lead = |place: &[u8]| cache.flights().try_lead(place, &comer);
        let leader = self.cover.key().and_then(|key| cache.store().with_coalescing_key(key, headers, lead));
        self.leader = leader;
        self.leader.is_some()
    }
}
