//! One run of a handler for the cache: who it is for, and what becomes of it. What its response becomes is in `keep`.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
};

use actix_web::{
    HttpResponse,
    http::{
        StatusCode,
        header::{HeaderMap, HeaderName},
    },
};

use crate::{
    cache::page_cache::PageCache,
    coalesce::{flight::Leader, uncacheable_keys::UncacheableMark},
    fill::{
        background,
        commit::FinishedResponse,
        fallback::{self, FillError},
        remote_fetch::RemoteFetch,
        request_handle::RequestHandle,
    },
    key::KeyParts,
    observe::{self, RefreshReport, Report},
    outcome::{ForwardReason, Outcome, Reason},
    policy::{PageControl, Policy},
    purge::{LocalSelector, PurgeKeys, PurgeMode, PurgeSeq, RequestSubject, StableIds, Tag},
    remote::{RemoteError, RemoteLease},
    serve::{
        join::FlightResult,
        lookup::{Handler, Lookup},
    },
    store::{Entry, Miss},
    sync::is_panicking,
    time::{clock::Clock, instant::Instant},
};

/// Everything that is needed to keep the page, without the request's way that led here: a body may come to its end, and a
/// handler that runs in the background too, when that is long over.
pub(crate) struct Fill {
    pub(crate) request: RequestHandle,
    pub(crate) cache: PageCache,
    pub(crate) policy: &'static Policy,
    pub(crate) cover: KeyParts,
    open: bool,
    /// Its request's place among the purges.
    since: PurgeSeq,
    /// What its page is about, but for its tags, where that cannot be found out at the end.
    pub(crate) subject: Option<RequestSubject>,
    /// Of a middleware: how often the page was taken before it came to the service inside.
    pub(crate) around: Option<u32>,
    /// What the handler says beside its response.
    pub(crate) control: Option<PageControl>,
    /// Why the handler runs; an error says why its page may not be kept.
    pub(crate) forwarded: Result<ForwardReason, Reason>,
    /// The page that was there before.
    pub(crate) old: Option<Arc<Entry>>,
    /// What the handler answered, where that is not what is sent.
    pub(crate) answered: Option<StatusCode>,
    /// Whoever else waits for the page.
    pub(crate) leader: Option<Leader<FlightResult>>,
    /// Nobody waits, because there was nothing to share lately.
    pub(crate) mark: Option<UncacheableMark>,
    pub(crate) started: Instant,
    /// Nobody waits for the response: the request was answered by the old page.
    pub(crate) in_background: bool,
    finished: bool,
    /// By the system's clock.
    pub(crate) begun: Instant,
    /// That this process makes the page for all.
    pub(crate) claim: Option<RemoteLease>,
    /// Why the shared tier was of no use.
    pub(crate) fault: Option<RemoteError>,
}

impl Fill {
    /// Takes over from the lookup, which has no key any more.
    pub(crate) fn start(
        lookup: &mut Lookup<'_>,
        forwarded: Result<Miss, Reason>,
        leader: Option<Leader<FlightResult>>,
        now: Instant,
    ) -> Box<Self> {
        let (forwarded, old) = match forwarded {
            Ok(Miss { cause, stale }) => (Ok(cause), stale),
            Err(reason) => (Err(reason), None),
        };
        let is_kept = forwarded.is_ok();
        let stable_ids = if lookup.cache.tier().is_some() { StableIds::Include } else { StableIds::Omit };
        let subject =
            || RequestSubject::new(lookup.request, lookup.policy.purge_subject(), lookup.since, stable_ids);
        let subject = (is_kept && lookup.is_around).then(subject);
        let (request, control) = if lookup.is_around {
            (RequestHandle::away(lookup.request, is_kept), Some(PageControl::get_or_insert(lookup.request)))
        } else {
            (RequestHandle::Request(lookup.request.clone()), PageControl::get(lookup.request))
        };
        let around = control.as_ref().filter(|_| lookup.is_around).map(PageControl::inner_claims);
        if let Some(control) = &control {
            control.start(old.as_deref().filter(|_| is_kept).map(|old| old.page.representation().into()));
        }
        // It is passed on from hand to hand, and is not small.
        Box::new(Self {
            request,
            around,
            cache: lookup.cache.clone(),
            policy: lookup.policy,
            cover: lookup.key.parts.take(),
            open: lookup.open,
            since: lookup.since,
            subject,
            control,
            forwarded,
            old,
            answered: None,
            leader,
            mark: None,
            started: now,
            in_background: false,
            finished: false,
            begun: Clock::System.now(),
            claim: None,
            fault: None,
        })
    }

    pub(crate) fn now(&self) -> Instant {
        self.cache.clock().now()
    }

    /// There is a page to be made anew, which the handler may compare with its own.
    pub(crate) fn make_anew(&mut self, old: Arc<Entry>) {
        if let Some(control) = &self.control {
            control.start(Some(old.page.representation().into()));
        }
        self.old = Some(old);
    }

    pub(crate) fn since(&self) -> PurgeSeq {
        self.since
    }

    /// The handler makes its page as if there had been none.
    pub(crate) fn forget_old(&mut self) -> Option<Arc<Entry>> {
        let old = self.old.take()?;
        self.control.iter().for_each(|control| control.start(None));
        Some(old)
    }

    /// Those who wait for this request go on by themselves.
    pub(crate) fn part_here(&mut self) {
        if let Some(leader) = self.leader.take() {
            self.cache.apart().insert(leader.key(), self.now());
            leader.complete_with(|| None);
        }
    }

    /// The headers that an open page is not for.
    pub(crate) fn credentials(&self) -> &[HeaderName] {
        if self.open { self.cache.credentials() } else { &[] }
    }

    /// Runs the handler for the client that waits for it.
    pub(crate) async fn run(mut self: Box<Self>, mut handler: Pin<&mut dyn Handler>) -> HttpResponse {
        let mut request = self.request.clone();
        let mut handler = pin!(poll_fn(|context| handler.as_mut().poll_response(&mut request, context)));
        if self.stand_in().is_none() {
            let response = handler.await;
            self.request = request;
            return self.finish(response).into_response();
        }
        let deadline = self.started + self.cache.times().fill_timeout;
        let failure = match fallback::guard(handler.as_mut(), self.cache.clock().sleep_until(deadline)).await
        {
            Ok(response) if !fallback::is_failure(&response) => {
                self.request = request;
                return self.finish(response).into_response();
            }
            Ok(response) => FillError::Answered(Box::new(response)),
            Err(failure) => failure,
        };
        // It may be over, or withdrawn, meanwhile.
        match (self.stand_in(), failure) {
            (Some(page), failure) => self.stand_in_for(&page, &failure),
            (None, FillError::Answered(response)) => {
                self.request = request;
                self.finish(*response).into_response()
            }
            (None, FillError::Panicked(panic)) => std::panic::resume_unwind(panic),
            (None, FillError::Overdue) => {
                let response = handler.await;
                self.request = request;
                self.finish(response).into_response()
            }
        }
    }

    /// Runs the handler for those who come later.
    pub(crate) async fn run_in_background(mut self: Box<Self>, mut handler: Pin<&mut dyn Handler>) {
        if self.claim.is_none() {
            // Another process may have made it anew, or be at it.
            if let RemoteFetch::There { page, .. } = Box::pin(self.ask(false, None)).await {
                self.land(&page, Outcome::RemoteHit);
                return self.leave_to_others();
            }
        }
        let mut request = self.request.clone();
        let (cache, policy) = (self.cache.clone(), self.policy);
        let ends = cache.clock().sleep_until(self.started + cache.times().fill_timeout);
        let run = pin!(async move {
            let response = poll_fn(|context| handler.as_mut().poll_response(&mut request, context)).await;
            self.request = request;
            if fallback::is_failure(&response) {
                return self.give_up(&FillError::Answered(Box::new(response)));
            }
            if let FinishedResponse::Streamed(_, gather) = self.finish(response) {
                gather.drain().await;
            }
        });
        // Dropped at the deadline, it counts as failed.
        if !background::within(run, ends).await {
            FillError::Overdue.log(policy);
        }
    }

    /// The old page, if it may be sent where the handler fails.
    fn stand_in(&self) -> Option<Arc<Entry>> {
        let old = self.old.as_ref()?;
        (old.may_serve_on_error(self.now()) && !self.is_purged(old)).then(|| Arc::clone(old))
    }

    /// Whether a page was purged since this request came, which must not be sent any more.
    fn is_purged(&self, page: &Entry) -> bool {
        let meant = |(verb, target): &(PurgeMode, LocalSelector)| {
            *verb == PurgeMode::Remove && target.matches(page.purge_keys())
        };
        self.cache.store().purge_log().was_purged_since(self.since, meant)
    }

    /// What its page is about.
    pub(crate) fn about(&mut self, tags: &[Tag]) -> Option<Arc<PurgeKeys>> {
        let stable_ids = if self.cache.tier().is_some() { StableIds::Include } else { StableIds::Omit };
        let made = || {
            let request = self.request.request()?;
            Some(RequestSubject::new(request, self.policy.purge_subject(), self.since, stable_ids))
        };
        let subject = self.subject.take().or_else(made)?;
        Some(subject.with_tags(tags))
    }

    fn stand_in_for(mut self: Box<Self>, page: &Arc<Entry>, failure: &FillError) -> HttpResponse {
        let now = self.now();
        self.failed(page, failure, now);
        let is_fresh = page.is_fresh(now);
        let outcome = if is_fresh { Outcome::Hit } else { Outcome::Stale(Reason::StaleIfError) };
        if let Some(leader) = self.leader.take() {
            let landed =
                |key| FlightResult::old(Arc::clone(page), outcome, &self.cache, key, self.request.headers());
            leader.complete_with(|| self.cover.key().map(landed));
        }
        let selection = page.page.select(self.request.method(), self.request.headers());
        let mut response = page.page.to_response(&selection, page.age(now));
        let report = Report {
            forward_reason: self.forwarded.ok(),
            upstream_status: failure.status().filter(|_| !is_fresh),
            fill_time: Some(now.since(self.started)),
            ..Report::of_page(outcome, page.freshness(now))
        };
        self.report(report, Some(response.headers_mut()));
        response
    }

    /// The handler failed in the background, and the old page stays.
    fn give_up(mut self: Box<Self>, failure: &FillError) {
        let now = self.now();
        if let Some(page) = self.old.clone() {
            self.failed(&page, failure, now);
        }
        let fill_time = Some(now.since(self.started));
        self.report(Report { fill_time, ..Report::of(Outcome::NotStored(Reason::Status)) }, None);
        if let Some(leader) = self.leader.take() {
            leader.complete_with(|| None);
        }
    }

    fn failed(&self, page: &Entry, failure: &FillError, now: Instant) {
        page.backoff().record_failure(now, self.cache.times().refresh_backoff);
        failure.log(self.policy);
    }

    /// Whether a handler inside keeps its page itself, or said that nobody shall.
    pub(crate) fn is_taken(&self) -> bool {
        self.around
            .zip(self.control.as_ref())
            .is_some_and(|(before, control)| control.inner_claims() > before)
    }

    /// It is told by whoever has it.
    pub(crate) fn leave_to_others(&mut self) {
        self.finished = true;
    }

    /// Reports the outcome of the request, or of the background refresh, once.
    pub(crate) fn report(&mut self, report: Report, headers: Option<&mut HeaderMap>) {
        if self.finished {
            return;
        }
        self.finished = true;
        let report = Report { remote_error: report.remote_error.or(self.fault), ..report };
        let (observer, handler) = (self.cache.observer(), self.policy.handler_id());
        if self.in_background {
            let stored = report.outcome.reason().map_or(Ok(()), Err);
            return RefreshReport { stored, fill_time: report.fill_time }.log(observer, handler);
        }
        report.log(observer, handler);
        if report.fill_time.is_some() {
            observe::record_stored_bytes(|| self.cache.store().bytes());
        }
        if let Some(headers) = headers {
            report.write_header(observer.cache_status(), headers);
        }
    }
}

/// A handler that panics, or whose client goes away, comes to no end; its request has an outcome all the same.
impl Drop for Fill {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        if let (Some(old), true) = (&self.old, self.in_background) {
            old.backoff().record_failure(self.now(), self.cache.times().refresh_backoff);
        }
        let outcome = match self.forwarded {
            Ok(_) if is_panicking() => Outcome::NotStored(Reason::HandlerPanicked),
            Ok(_) => Outcome::NotStored(Reason::ClientGone),
            Err(reason) => Outcome::Bypass(reason),
        };
        self.report(Report { forward_reason: self.forwarded.ok(), ..Report::of(outcome) }, None);
    }
}
