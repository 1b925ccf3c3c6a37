//! One run of a handler for the cache: look for the response in the remote store, run the handler, and respond with a stale entry if
//! it fails. What becomes of its response is in `finish.rs`.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
};

use super::{
    background,
    bypass::Bypass,
    context::{Context, KeyedParts},
    fallback::{self, FillError},
    finished_response::FinishedResponse,
    handler::{Handler, Served},
    participation::{FillRole, Participation},
    remote_fetch::{self, FetchRequest, Fetched},
    reporter::{Audience, Reporter},
    request_handle::RequestHandle,
    run::Run,
    run_control::RunControl,
    session::SessionBefore,
};
use crate::{
    coalesce::Participant,
    http::header_cache,
    key::KeyParts,
    observe::{FillSpan, Report},
    outcome::{ForwardReason, Outcome, Reason},
    policy::Validators,
    store::{Entry, Miss},
    time::instant::Instant,
};

/// One run of a handler for the cache.
pub(crate) struct Fill {
    pub(super) run: Run,
    pub(super) control: RunControl,
    pub(super) session: SessionBefore,
    pub(super) cause: ForwardReason,
    /// The status of a 304 of the handler, where the response that it confirms is sent instead.
    pub(super) upstream_status: Option<StatusCode>,
    /// When the handler started.
    pub(super) started: Instant,
}

/// How a run starts.
pub(crate) struct Start {
    pub(crate) request: RequestHandle,
    pub(crate) control: RunControl,
    pub(crate) session: SessionBefore,
    pub(crate) miss: Miss,
    pub(crate) role: FillRole,
    /// By the clock of the cache, and by the system clock.
    pub(crate) started: (Instant, Instant),
}

/// A response that the remote store has.
pub(crate) struct RemoteHit {
    pub(crate) entry: Arc<Entry>,
    /// The entry is stale, and this process has the lease for its refresh.
    pub(crate) may_refresh: bool,
}

impl Fill {
    /// Starts a run. `context` is called last, so that the key in it is not moved from value to value.
    #[inline]
    pub(crate) fn start(start: Start, reporter: Reporter, context: impl FnOnce() -> Context) -> Box<Self> {
        let Start { request, control, session, miss, role, started } = start;
        let Miss { cause, stale } = miss;
        let participation = Participation::new(role);
        let (started, system_started) = started;
        // It is moved from step to step, and is not small.
        Box::new(Self {
            run: Run { context: context(), request, stale, participation, reporter, started: system_started },
            control,
            session,
            cause,
            upstream_status: None,
            started,
        })
    }

    pub(crate) fn now(&self) -> Instant {
        self.run.now()
    }

    /// Returns the key, which the fill has taken from its request.
    pub(crate) fn key(&self) -> &KeyParts {
        &self.run.context.key
    }

    pub(crate) fn cause(&self) -> ForwardReason {
        self.cause
    }

    /// Sets the span in which the handler runs.
    pub(crate) fn set_span(&mut self, span: FillSpan) {
        self.run.reporter.set_span(span);
    }

    /// Moves the key out of a fill that is to be discarded.
    pub(crate) fn take_key(&mut self) -> KeyParts {
        self.run.context.key.take()
    }

    /// Looks for the response in the remote store. Without one, the fill has the lease for it, if processes coalesce.
    pub(crate) async fn fetch(&mut self) -> Option<RemoteHit> {
        let remote = self.run.context.cache.remote()?;
        let serves_from_memory = remote.serves_from_memory();
        let cached = if serves_from_memory { self.run.stale.clone() } else { self.discard_stale() };
        let is_awaited = self.run.participation.is_leader() || !serves_from_memory;
        self.fetch_from_remote(cached, is_awaited, true).await
    }

    /// Looks for a fresh response in the remote store, which another process may have made.
    async fn fetch_refreshed(&mut self) -> Option<RemoteHit> {
        self.run.context.cache.remote()?;
        if self.run.participation.has_lease() {
            return None;
        }
        self.fetch_from_remote(None, true, false).await
    }

    async fn fetch_from_remote(
        &mut self,
        cached: Option<Arc<Entry>>,
        is_awaited: bool,
        accepts_stale: bool,
    ) -> Option<RemoteHit> {
        let Run { context, request, stale, participation, .. } = &self.run;
        let fetched = if participation.is_uncacheable() {
            Fetched::default()
        } else {
            let (cause, stale) = (self.cause, stale.clone());
            let request = FetchRequest { context, request, cause, cached, stale, is_awaited, accepts_stale };
            remote_fetch::fetch(request).await
        };
        // The handler starts now, unless it is not needed.
        self.started = self.now();
        self.apply(fetched)
    }

    fn apply(&mut self, fetched: Fetched) -> Option<RemoteHit> {
        let Fetched { hit, stale, lease, error, is_uncoalesced } = fetched;
        let may_refresh = lease.is_some() || self.refreshes_without_lease();
        self.run.participation.set_lease(lease);
        error.into_iter().for_each(|error| self.run.reporter.set_remote_error(error));
        stale.into_iter().for_each(|stale| self.set_stale(stale));
        if is_uncoalesced {
            let now = self.now();
            self.run.participation.release_followers(&self.run.context.cache, now);
        }
        hit.map(|entry| RemoteHit { entry, may_refresh })
    }

    /// Returns whether each process refreshes its stale pages by itself.
    fn refreshes_without_lease(&self) -> bool {
        let remote = self.run.context.cache.remote();
        let is_uncoalesced = remote.is_some_and(|remote| !remote.options().coalesce_across_processes);
        is_uncoalesced && *self.run.request.method() == Method::GET
    }

    /// Gives an entry that this run did not make to its followers.
    pub(crate) fn share(&mut self, entry: &Arc<Entry>, outcome: Outcome) {
        self.run.share(entry, outcome);
    }

    /// Ends a run whose request is answered and reported elsewhere.
    pub(crate) fn discard(self: Box<Self>) {
        self.run.reporter.discard();
    }

    /// Returns what services inside of the middleware may see of the request.
    pub(crate) fn keyed_parts(&self) -> KeyedParts {
        self.run.context.as_ref().keyed_parts()
    }

    /// Leaves the lead to another request, and lets this one bypass the cache.
    pub(crate) fn into_bypass(mut self: Box<Self>, request: &HttpRequest, reason: Reason) -> Box<Bypass> {
        let (visibility, key) = (self.run.context.visibility(), self.run.context.key.take());
        let Context { cache, policy, entry_point, .. } = &self.run.context;
        let bypass = Bypass::new(request, *entry_point, cache, policy, reason, visibility, key);
        self.discard();
        bypass
    }

    /// Runs the handler because the client asked for a newer response than this one.
    pub(crate) fn refresh_for_client(&mut self, entry: Arc<Entry>) {
        self.cause = ForwardReason::Request;
        self.run.reporter.set_cause(ForwardReason::Request);
        self.set_stale(entry);
    }

    /// Turns the run into the background refresh of an entry that its client was answered with. Returns `None` if another
    /// refresh is in flight.
    pub(crate) fn into_refresh(mut self: Box<Self>, entry: Arc<Entry>) -> Option<Box<Self>> {
        let Context { cache, purge_seq, .. } = &self.run.context;
        let now = self.now().since_start();
        let participant = Participant { now, purge_seq: *purge_seq, may_lead: true, is_outdated: |_| false };
        let try_lead = |key: &[u8]| cache.flights().try_lead(key, &participant);
        let headers = self.run.request.headers();
        let leader = self
            .run
            .context
            .cache_key()
            .and_then(|key| cache.store().with_coalescing_key(key, headers, try_lead));
        let Some(leader) = leader else {
            self.discard();
            return None;
        };
        self.run.participation.set_leader(leader);
        self.run.reporter.set_audience(Audience::Background(Arc::clone(&entry)));
        self.set_stale(entry);
        Some(self)
    }

    /// Replaces the entry that the handler may revalidate.
    fn set_stale(&mut self, entry: Arc<Entry>) {
        let validators = self
            .run
            .can_decode(&entry)
            .then(|| entry.page.with_representation(|page| Validators::from(page)));
        self.control.set_validators(validators);
        self.run.set_stale(entry);
    }

    fn discard_stale(&mut self) -> Option<Arc<Entry>> {
        let stale = self.run.stale.take()?;
        self.control.set_validators(None);
        Some(stale)
    }

    /// Runs the handler for a client that waits for the response.
    pub(crate) async fn run(self: Box<Self>, mut handler: Pin<&mut dyn Handler>) -> Served {
        let request = self.run.request.request().cloned();
        let span = self.run.reporter.span();
        let mut handler = pin!(poll_fn(|context| {
            span.in_scope(|| handler.as_mut().poll_response(request.as_ref(), context))
        }));
        if self.run.fallback().is_none() {
            let handled = handler.await;
            return self.finish(handled).into_served();
        }
        let cache = &self.run.context.cache;
        let timer = cache.clock().sleep_until(self.started + cache.timeouts().fill_timeout);
        let error = match fallback::run_until(handler.as_mut(), timer).await {
            Ok(handled) if !handled.is_failure() => return self.finish(handled).into_served(),
            Ok(handled) => FillError::Response(Box::new(handled)),
            Err(error) => error,
        };
        // The stale entry may have expired or been invalidated while the handler ran.
        match (self.run.fallback(), error) {
            (Some(entry), error) => Served::Response(self.serve_stale_on_error(&entry, &error)),
            (None, FillError::Response(handled)) => self.finish(*handled).into_served(),
            (None, FillError::Panic(panic)) => std::panic::resume_unwind(panic),
            (None, FillError::Timeout) => {
                let handled = handler.await;
                self.finish(handled).into_served()
            }
        }
    }

    /// Runs the handler for later requests: the client was answered with the stale entry.
    pub(crate) async fn run_in_background(mut self: Box<Self>, mut handler: Pin<&mut dyn Handler>) {
        // The run waited for the answer to be sent.
        self.started = self.now();
        if let Some(RemoteHit { entry, .. }) = Box::pin(self.fetch_refreshed()).await {
            self.share(&entry, Outcome::RemoteHit);
            self.run.reporter.span().record(Outcome::RemoteHit);
            return self.discard();
        }
        let Context { cache, policy, .. } = &self.run.context;
        let timer = cache.clock().sleep_until(self.started + cache.timeouts().fill_timeout);
        let handler_name = policy.handler();
        let request = self.run.request.request().cloned();
        let span = self.run.reporter.span();
        let run = pin!(async move {
            let handled = poll_fn(|context| {
                span.in_scope(|| handler.as_mut().poll_response(request.as_ref(), context))
            })
            .await;
            if handled.is_failure() {
                return self.fail_in_background(&FillError::Response(Box::new(handled)));
            }
            if let FinishedResponse::Streaming(streamed) = self.finish(handled) {
                streamed.drain().await;
            }
        });
        // A run that is dropped at the deadline has failed.
        if !background::run_until(run, timer).await {
            FillError::Timeout.log(handler_name);
        }
    }

    fn serve_stale_on_error(mut self: Box<Self>, entry: &Arc<Entry>, error: &FillError) -> HttpResponse {
        let now = self.now();
        self.back_off(entry, error, now);
        let is_fresh = entry.is_fresh(now);
        let outcome = if is_fresh { Outcome::Hit } else { Outcome::Stale(Reason::StaleIfError) };
        self.run.share(entry, outcome);
        let headers = self.run.request.headers();
        let encoded = entry.page.choose_encoding(headers).and_then(|choice| choice.encoded);
        let mut response = entry.page.to_response(
            &self.selection(&entry.page),
            encoded.as_deref(),
            headers,
            header_cache::age(entry.age(now)),
        );
        let report = Report {
            upstream_status: error.status().filter(|_| !is_fresh),
            fill_time: Some(now.since(self.started)),
            ..Report::of_page(outcome, entry.freshness(now))
        };
        self.run.reporter.report(report, Some(response.headers_mut()));
        response
    }

    /// The handler failed in the background, and the stale entry stays.
    fn fail_in_background(self: Box<Self>, error: &FillError) {
        let now = self.now();
        if let Some(stale) = &self.run.stale {
            self.back_off(stale, error, now);
        }
        let fill_time = Some(now.since(self.started));
        let Run { mut participation, reporter, .. } = self.run;
        participation.fail();
        reporter.report(Report { fill_time, ..Report::of(Outcome::NotStored(Reason::Status)) }, None);
    }

    fn back_off(&self, entry: &Entry, error: &FillError, now: Instant) {
        let Context { cache, policy, .. } = &self.run.context;
        entry.backoff().record_failure(now, cache.timeouts().refresh_backoff);
        error.log(policy.handler());
    }
}
