//! Asking the shared tier for the page that a handler would make.

use std::{sync::Arc, time::Duration};

use actix_web::http::{Method, header::HeaderMap};
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};

use crate::{
    cache::page_cache::PageCache,
    coalesce::flight::Comer,
    fill::fill::Fill,
    http::vary::{self, Names},
    key::builder::Key,
    outcome::{Forward, Outcome, Reason},
    page::page::{Page, Source},
    purge::{
        log::Since,
        selector::{Subject, Tag, Target},
    },
    serve::{
        join::Landed,
        lookup::{Answer, Lookup, Way},
    },
    store::store::Verb,
    time::clock::Moment,
};
use crate::{
    fill::publish::{Claimed, names_of},
    remote::{
        Fault,
        codec::frame::{self, Frame, Thawed, Unreadable},
        identity,
        store::{Found, Id, Kept, Turn, Version},
        tier::Tier,
        waiters::Wait,
    },
};

/// Who waits for another process asks again after this time, if nothing is heard.
const ASK_AGAIN: Duration = Duration::from_millis(25);

/// By how much the ages of one page may differ from process to process.
const SAME: Duration = Duration::from_millis(100);

/// So often it is looked anew where what was found is of no use by then.
const MOST_LOOKS: u32 = 3;

/// What the shared tier has.
pub(crate) enum Asking {
    There {
        page: Arc<Page>,
        /// It is stale, and this process makes it anew.
        is_turn: bool,
    },
    /// The handler runs.
    Missing,
}

/// What there was under one key.
enum Looked {
    Page(Arc<Page>),
    /// The page that was there before, which is as it was.
    Same(Arc<Page>),
    Names(Names),
    Nothing,
    /// It was purged meanwhile.
    Fallen,
}

impl Lookup<'_> {
    /// Whoever would run the handler asks the other processes first.
    pub(crate) async fn ask(&mut self, way: Way, in_background: bool) -> Way {
        let Way::Run(mut fill) = way else { return way };
        // What is in memory only to be confirmed is nothing that could stand in.
        let has_memory = self.cache.tier().is_none_or(Tier::has_memory);
        let held = if has_memory { fill.old.clone() } else { fill.forget_old() };
        let Asking::There { page, is_turn } = fill.ask(true, held).await else { return Way::Run(fill) };
        let now = fill.now();
        if !self.takes(&page, now) {
            fill.forwarded = Ok(Forward::Request);
            fill.make_anew(page);
            return Way::Run(fill);
        }
        let outcome = if page.is_fresh(now) {
            Outcome::RemoteHit
        } else {
            Outcome::Stale(Reason::StaleWhileRevalidate)
        };
        fill.land(&page, outcome);
        let response = self.answer(&Answer::shared(Arc::clone(&page), outcome, now), now);
        if is_turn && in_background && fill.lead_again(now) {
            fill.make_anew(page);
            fill.in_background = true;
            return Way::Behind(response, fill);
        }
        fill.leave_to_others();
        Way::Answered(response)
    }
}

/// Whether a page was purged or expired since, as far as is known here.
fn has_fallen(tier: &Tier, cache: &PageCache, page: &Page, since: Since) -> bool {
    let meant = |(_, target): &(Verb, Target)| target.concerns(page.about());
    tier.is_about_to_purge(page.about(), since) || cache.store().fence().has_fallen(since, meant)
}

impl Fill {
    /// The page, if another process has made it: one that may be sent while it is made anew only if `stale` is of use. Where this
    /// process is to make it, that is remembered. The page that it holds may turn out to be as good as ever.
    pub(crate) async fn ask(&mut self, stale: bool, held: Option<Arc<Page>>) -> Asking {
        let asking = self.ask_for_it(stale, held).await;
        // The handler begins now.
        self.started = self.now();
        asking
    }

    async fn ask_for_it(&mut self, stale: bool, held: Option<Arc<Page>>) -> Asking {
        let cache = self.cache.clone();
        let (Some(tier), Some(key)) = (cache.tier(), self.cover.key()) else { return Asking::Missing };
        // Where there was nothing to share lately, there is nothing now.
        let (Ok(forward), None) = (self.forwarded, self.mark) else { return Asking::Missing };
        // It was asked for a page that is begun after it came: the one that is there may only have to go.
        let is_wanted = forward != Forward::Request;
        // Cheaper than its headers, which are needed while it may change hands.
        let request = self.request.clone();
        let headers = request.headers();
        let Some(whole) = tier.identity.key(self.policy, &self.cover) else { return Asking::Missing };
        let mut names = cache.store().names(key);
        let claims = is_wanted
            && tier.terms().one_fill
            && *self.request.method() == Method::GET
            && self.is_for_others(tier);
        let ends = Instant::now() + cache.times().coalesce_timeout;
        let mut expected = None;
        let holder = tier.holder();
        let (mut looks, mut wait) = (0, None);
        let left = held.clone();
        let mut held = held.filter(|_| is_wanted);
        loop {
            let place = if names.is_empty() {
                whole.clone()
            } else {
                match identity::variant(&whole, &names, headers) {
                    Some(place) => place,
                    None => return Asking::Missing,
                }
            };
            let id = identity::id(&place);
            // Before it is asked: what is heard from here on may be about the answer.
            let since = Since::now();
            let notify = wait.as_ref().map(Wait::notify);
            let heard = notify.as_deref().map(Notify::notified);
            let claim = claims.then_some(holder);
            let have = held.as_ref().and_then(|held| self.version_of(held, id));
            let had = held.take_if(|_| have.is_some());
            if expected.is_none() && have.is_none() {
                expected = self.expected();
            }
            let likely = expected.as_ref().map(|(_, names)| names.clone()).unwrap_or_default();
            let Found { page, turn } = match tier.get(id, have, likely, claim).await {
                Ok(found) => found,
                Err(fault) => return self.failed_to_ask(fault),
            };
            let is_varied = !names.is_empty();
            let looked = match (page, had) {
                (None, _) => Looked::Nothing,
                (Some(Kept { bytes: None, .. }), Some(had)) if has_fallen(tier, &cache, &had, since) => {
                    Looked::Fallen
                }
                (Some(Kept { bytes: None, .. }), Some(had)) => Looked::Same(had),
                (Some(kept), _) => {
                    expected = expected.or_else(|| self.expected());
                    let Some((subject, _)) = &expected else { return Asking::Missing };
                    self.look(&cache, tier, (&place, id), &kept, subject.at(since))
                }
            };
            match looked {
                Looked::Same(page) => {
                    let now = self.now();
                    if page.is_fresh(now) && !page.is_withdrawn() {
                        page.leave_at(tier.leaves_at(now));
                        return Asking::There { page, is_turn: false };
                    }
                    // By the clock of this process, its time was over just now.
                    continue;
                }
                Looked::Names(found) if !is_varied && looks < MOST_LOOKS => {
                    looks += 1;
                    found.into_iter().for_each(|name| vary::insert(&mut names, name));
                    if let Some(key) = self.cover.key() {
                        cache.store().learn(key, names.clone());
                    }
                    continue;
                }
                Looked::Fallen if looks < MOST_LOOKS => {
                    looks += 1;
                    continue;
                }
                Looked::Page(page) => {
                    let now = self.now();
                    let is_kept = self.remember(tier, &names, headers, &page, left.as_ref());
                    // Where memory has a later one, that is the one that the handler may take back.
                    let is_later = |old: &Arc<Page>| old.is_fresh(now) && !old.has_left(now);
                    let has_later = !is_kept && self.old.as_ref().is_some_and(is_later);
                    if !is_wanted {
                        if !has_later {
                            self.make_anew(page);
                        }
                        return Asking::Missing;
                    }
                    let is_fresh = page.is_fresh(now) && self.is_news(&page);
                    if is_fresh || stale && !page.is_fresh(now) && page.may_wait(now) {
                        let is_turn = !is_fresh && claims && turn == Turn::Lead;
                        if is_turn {
                            self.claim = Some(Claimed::new(&cache, tier, id, holder));
                        }
                        return Asking::There { page, is_turn };
                    }
                    if !has_later {
                        self.make_anew(page);
                    }
                }
                Looked::Names(_) | Looked::Nothing | Looked::Fallen => {}
            }
            match turn {
                Turn::Lead if claims => {
                    self.claim = Some(Claimed::new(&cache, tier, id, holder));
                    return Asking::Missing;
                }
                Turn::Wait if claims && Instant::now() < ends => {}
                Turn::Apart if claims => {
                    // Those who wait for this request need not either.
                    self.part_here();
                    return Asking::Missing;
                }
                _ => return Asking::Missing,
            }
            match heard {
                // Once more, and this time what happens meanwhile is heard.
                None => drop(wait.insert(tier.link().waits.begin(id))),
                Some(heard) => drop(timeout(ASK_AGAIN, heard).await),
            }
        }
    }

    /// What the shared tier may know this page by, if it is of use as it is and was there under that id.
    fn version_of(&self, held: &Page, id: Id) -> Option<Version> {
        let now = self.now();
        let source = held.source().filter(|source| source.id == id)?;
        let may_be_good = held.has_left(now) && held.is_fresh(now) && !held.is_withdrawn();
        may_be_good.then(|| source.version.clone())
    }

    /// Whether it is another page than the one that is to be made anew before its time is over.
    fn is_news(&self, page: &Page) -> bool {
        // The same page is not of the same moment in each process.
        let after = |old: &Page| page.begun_at().since(old.begun_at()) > SAME;
        let is_early = |old: &Page| old.is_fresh(self.now()) && !old.has_left(self.now());
        self.old.as_ref().is_none_or(|old| !is_early(old) || after(old))
    }

    fn failed_to_ask(&mut self, fault: Fault) -> Asking {
        self.fault = Some(fault);
        Asking::Missing
    }

    /// What the bytes are that were found, for this request.
    fn look(
        &mut self,
        cache: &PageCache,
        tier: &Tier,
        (place, id): (&[u8], Id),
        kept: &Kept,
        subject: Subject,
    ) -> Looked {
        let since = subject.since;
        // A store that says that one has them has to be told so before.
        let read = kept.bytes.as_ref().ok_or(Unreadable::Garbled).and_then(|bytes| frame::read(bytes, place));
        let thawed = match read {
            Ok(Frame::Names(names)) => return Looked::Names(names),
            Ok(Frame::Page(thawed)) => thawed,
            Err(Unreadable::Foreign) => return Looked::Nothing,
            Err(Unreadable::Garbled) => {
                tier.link().garbled();
                self.fault = Some(Fault::Garbled);
                return Looked::Nothing;
            }
        };
        let source = kept.version.clone().map(|version| Source { id, version });
        match self.page(tier, &thawed, kept, source, subject) {
            Some(page) if has_fallen(tier, cache, &page, since) => Looked::Fallen,
            Some(page) => Looked::Page(Arc::new(page)),
            None => Looked::Nothing,
        }
    }

    /// What its page is about and goes by, but for what the handler says itself.
    fn expected(&self) -> Option<(Subject, Vec<Id>)> {
        let subject = self.subject_now()?;
        let tags = self.request.request().map(|request| self.policy.tags_of(request).0).unwrap_or_default();
        let names = names_of(&subject.clone().with(&tags));
        Some((subject, names))
    }

    /// What its page is about, as far as the request tells.
    fn subject_now(&self) -> Option<Subject> {
        match (self.request.request(), &self.subject) {
            (_, Some(subject)) => Some(subject.clone()),
            (Some(request), None) => Some(Subject::new(request, self.policy, self.since(), true)),
            (None, None) => None,
        }
    }

    fn page(
        &self,
        tier: &Tier,
        thawed: &Thawed,
        kept: &Kept,
        source: Option<Source>,
        subject: Subject,
    ) -> Option<Page> {
        let tags: Vec<Tag> = thawed.tags.iter().map(|tag| Tag::new(tag)).collect();
        let now = self.now();
        let about = subject.with(&tags);
        let stays = tier.has_memory() || source.is_some();
        let page = Page::of_parts(&thawed.page, kept.age, now, about, stays)?.of(source);
        page.leave_at(tier.leaves_at(now));
        if let Some(expired) = kept.expired {
            page.expire(now.before(expired));
        }
        Some(page)
    }

    /// Keeps in memory what came from there, to be sent for a while or to be confirmed; or says that it did not.
    fn remember(
        &self,
        tier: &Tier,
        names: &Names,
        headers: &HeaderMap,
        page: &Arc<Page>,
        left: Option<&Arc<Page>>,
    ) -> bool {
        let now = self.now();
        let may_be_confirmed = page.source().is_some() && page.is_fresh(now);
        let Some(key) = self.cover.key() else { return false };
        // Which of two pages was begun later, the shared tier has decided: ages differ a little from process to process.
        let old = left.or(self.old.as_ref()).filter(|old| !old.is_fresh(now) || old.has_left(now));
        let store = self.cache.store();
        // Where it is not kept, it is asked for again.
        let is_kept = (tier.has_memory() || may_be_confirmed)
            && store.put_instead(key, names.clone(), headers, Arc::clone(page), old).is_ok();
        if let (Some(old), false) = (old, is_kept) {
            store.remove_page(key, headers, old);
        }
        is_kept
    }

    /// Gives it to those who wait for this request.
    pub(crate) fn land(&mut self, page: &Arc<Page>, outcome: Outcome) {
        let outcome = if outcome == Outcome::RemoteHit { Outcome::Collapsed } else { outcome };
        if let Some(leader) = self.leader.take() {
            let headers = self.request.headers();
            let landed = |key: Key<'_>| Landed::old(Arc::clone(page), outcome, &self.cache, key, headers);
            leader.land_with(|| self.cover.key().map(landed));
        }
    }

    /// Leads once more, to make the page anew that the others were just given; unless somebody is at it.
    fn lead_again(&mut self, now: Moment) -> bool {
        let (cache, headers) = (&self.cache, self.request.headers());
        let comer =
            Comer { now: now.since_start(), since: self.since(), may_lead: true, is_overtaken: |_| false };
        let lead = |place: &[u8]| cache.flights().lead(place, &comer);
        let leader = self.cover.key().and_then(|key| cache.store().with_place(key, headers, lead));
        self.leader = leader;
        self.leader.is_some()
    }
}
