//! One run of a handler for the cache, in the order of its steps: look for the response in the remote store, run the handler,
//! decide whether its response may be stored and for how long, store and publish it, and respond.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, BoxBody, MessageBody as _},
    http::{Method, StatusCode},
    web::Bytes,
};

use super::{
    admission::{self, Admission, AdmissionRequest},
    background,
    bypass::Bypass,
    commit::{self, Stored},
    context::{Context, KeyedParts},
    fallback::{self, FillError},
    handler::{Handled, Handler, Served},
    participation::{FillRole, Participation},
    remote_fetch::{self, FetchRequest, Fetched},
    reporter::{Audience, Reporter},
    request_handle::{RequestHandle, RequestRef},
    response_headers,
    revalidation::apply_not_modified,
    run::Run,
    run_control::{EntryPoint, RunControl},
    session::{self, SessionBefore},
    stream::StreamedResponse,
};
use crate::{
    coalesce::Participant,
    http::{CachingHeaders, Selection},
    key::KeyParts,
    observe::Report,
    outcome::{ForwardReason, Outcome, Reason},
    page::{Page, ResponseHead, body},
    policy::{Overrides, Validators},
    store::{Entry, Miss},
    time::instant::Instant,
};

/// One run of a handler for the cache.
pub(crate) struct Fill {
    run: Run,
    control: RunControl,
    session: SessionBefore,
    cause: ForwardReason,
    /// The status of a 304 of the handler, where the response that it confirms is sent instead.
    upstream_status: Option<StatusCode>,
    /// When the handler started.
    started: Instant,
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

/// The response of a run, complete or with a body that is still streamed.
pub(crate) enum FinishedResponse {
    Buffered(Served),
    Streaming(StreamedResponse),
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
        let may_refresh = lease.is_some();
        self.run.participation.set_lease(lease);
        error.into_iter().for_each(|error| self.run.reporter.set_remote_error(error));
        stale.into_iter().for_each(|stale| self.set_stale(stale));
        if is_uncoalesced {
            let now = self.now();
            self.run.participation.release_followers(&self.run.context.cache, now);
        }
        hit.map(|entry| RemoteHit { entry, may_refresh })
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
        let validators = self.run.can_decode(&entry).then(|| Validators::from(entry.page.representation()));
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
        let mut handler = pin!(poll_fn(|context| handler.as_mut().poll_response(request.as_ref(), context)));
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
            return self.discard();
        }
        let Context { cache, policy, .. } = &self.run.context;
        let timer = cache.clock().sleep_until(self.started + cache.timeouts().fill_timeout);
        let handler_name = policy.handler();
        let request = self.run.request.request().cloned();
        let run = pin!(async move {
            let handled = poll_fn(|context| handler.as_mut().poll_response(request.as_ref(), context)).await;
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

    /// Decides about the handler's response, stores it if that is allowed, and returns what the client gets.
    fn finish(mut self: Box<Self>, handled: Handled) -> FinishedResponse {
        let now = self.now();
        let (mut response, is_error) = match handled {
            Handled::Response(response) => (response, false),
            Handled::Service(request, response) => {
                session::check_order(&request, self.run.context.policy, now);
                self.run.request.give_back(request);
                (response, false)
            }
            Handled::ServiceError(response) => (response, true),
        };
        if self.control.is_claimed_inside() {
            return Served::new(self.leave_to_inner(response, now), is_error).into();
        }
        if is_error {
            // What the client gets is up to the outer services.
            return Served::ServiceError(self.reject(response, Reason::Status, now)).into();
        }
        let mut overrides = self.overrides(&mut response, now);
        let mut response = self.revalidate(response, overrides.as_mut().ok());
        let headers = admission::read_headers(&mut response, overrides.as_ref().ok());
        // Overrides that could not be read may have forbidden reuse.
        if headers.forbids_reuse() || overrides.as_ref().map_or(true, |overrides| overrides.no_store) {
            self.run.invalidate_stale();
        }
        match overrides.and_then(|overrides| self.admit(&response, headers, overrides, now)) {
            Err(reason) => Served::Response(self.reject(response, reason, now)).into(),
            Ok(admission) => self.finish_admitted(response, admission),
        }
    }

    fn finish_admitted(self: Box<Self>, response: HttpResponse, admission: Admission) -> FinishedResponse {
        let (head, body) = response.into_parts();
        match body::into_bytes(body) {
            Ok(body) => Served::Response(self.finish_buffered(head, body, &admission)).into(),
            Err(stream) => FinishedResponse::Streaming(self.finish_stream(head, stream, admission)),
        }
    }

    /// Stores a response that another run has admitted.
    pub(crate) fn store(self: Box<Self>, response: HttpResponse, admission: Admission) -> HttpResponse {
        self.finish_admitted(response, admission).into_served().into_response()
    }

    /// A handler inside stores and reports its own response.
    fn leave_to_inner(mut self: Box<Self>, mut response: HttpResponse, now: Instant) -> HttpResponse {
        if let Some(name) = self.run.context.cache.targeted_cache_control() {
            response.headers_mut().remove(name);
        }
        self.run.release(None, now);
        self.discard();
        response
    }

    fn overrides(&self, response: &mut HttpResponse, now: Instant) -> Result<Overrides, Reason> {
        let Context { cache, policy, .. } = &self.run.context;
        self.control.take_overrides(response, cache.targeted_cache_control(), policy, now)
    }

    /// Replaces a 304 that confirms the stored response with that response.
    fn revalidate(&mut self, response: HttpResponse, overrides: Option<&mut Overrides>) -> HttpResponse {
        let validators = self.control.validators_read();
        let (Some(entry), Some(validators)) = (&self.run.stale, validators) else { return response };
        match apply_not_modified(&response, entry, &validators, overrides) {
            Some(confirmed) => {
                self.upstream_status = Some(response.status());
                confirmed
            }
            None => response,
        }
    }

    fn admit(
        &self,
        response: &HttpResponse,
        headers: CachingHeaders,
        overrides: Overrides,
        now: Instant,
    ) -> Result<Admission, Reason> {
        let Run { context, request, .. } = &self.run;
        let can_refresh =
            context.policy.can_refresh_in_background() || context.entry_point == EntryPoint::Middleware;
        let fill_time = now.since(self.started);
        let (context, request) = (context.as_ref(), RequestRef::from(request));
        let (session, asks_for_validators) = (&self.session, self.control.asks_for_validators());
        let run =
            AdmissionRequest { context, request, session, can_refresh, fill_time, asks_for_validators, now };
        run.admit(response, headers, overrides)
    }

    fn finish_buffered(
        mut self: Box<Self>,
        mut head: HttpResponse<()>,
        body: Option<Bytes>,
        admission: &Admission,
    ) -> HttpResponse {
        let (fill_time, now) = (Some(admission.fill_time), admission.created_at);
        let fits = self.run.context.fits(body.as_ref());
        let body = if fits { body.map(body::into_exact_allocation) } else { body };
        let (cache, has_connection) = (self.run.context.cache.clone(), admission.headers.has_connection);
        let response_head = ResponseHead::new(head.head(), has_connection, cache.per_request_headers());
        match commit::store(&mut self.run, response_head, body.as_ref(), admission) {
            Ok(Stored { entry, generated }) => {
                response_headers::add(head.headers_mut(), generated);
                let mut response = self.select(head.set_body(body::from_bytes(body)), &entry, now);
                let upstream_status = self.upstream_status;
                let report =
                    Report { ttl: entry.ttl(now), upstream_status, fill_time, ..Report::of(Outcome::Stored) };
                self.run.reporter.report(report, Some(response.headers_mut()));
                response
            }
            Err(reason) => self.reject(head.set_body(body::from_bytes(body)), reason, now),
        }
    }

    /// Sends the head now, while the body is streamed to the client and copied for the store.
    fn finish_stream(
        self: Box<Self>,
        head: HttpResponse<()>,
        stream: BoxBody,
        admission: Admission,
    ) -> StreamedResponse {
        let (cause, context) = (Some(self.cause), &self.run.context);
        let cache = context.cache.clone();
        // Downstream caches read them before it is known whether the body completes.
        let response_head = ResponseHead::new(head.head(), true, cache.per_request_headers());
        let length = match stream.size() {
            BodySize::Sized(length) => usize::try_from(length).ok(),
            BodySize::None | BodySize::Stream => None,
        };
        let is_encodable = admission.is_encodable(response_head, length, context);
        let generated = response_headers::generate(response_head, None, &admission, is_encodable, context);
        let mut response = StreamedResponse::new(self.run, head, stream, admission);
        response_headers::add(response.headers_mut(), generated);
        let report = Report { forward_reason: cause, ..Report::of(Outcome::NotStored(Reason::Streamed)) };
        report.write_header(cache.observer().cache_status(), response.headers_mut());
        response
    }

    /// Sends as much of a stored response as the request selects. Extensions, which outer middleware may read, stay.
    fn select(&self, mut response: HttpResponse, entry: &Entry, now: Instant) -> HttpResponse {
        if self.run.is_refresh() || response.error().is_some() {
            return response;
        }
        match self.selection(&entry.page) {
            Selection::Full => response,
            selection => {
                // The handler's response is the identity.
                let mut selected =
                    entry.page.to_response(&selection, None, self.run.request.headers(), entry.age(now));
                selected.extensions_mut().extend(std::mem::take(&mut *response.extensions_mut()));
                selected
            }
        }
    }

    fn selection(&self, page: &Page) -> Selection {
        page.select(self.run.request.method(), self.run.request.headers())
    }

    fn reject(mut self: Box<Self>, mut response: HttpResponse, reason: Reason, now: Instant) -> HttpResponse {
        self.run.add_unstored(response.headers_mut(), reason);
        if self.run.request.method() == Method::HEAD && self.run.context.entry_point.runs_head_as_get() {
            // The handler ran for GET. Its body is not sent, and may be endless.
            response = response.map_body(|_, body| body::announce(body.size()));
        }
        let status = Some(response.status());
        let fill_time = Some(now.since(self.started));
        let report = Report { fill_time, ..Report::of(Outcome::NotStored(reason)) };
        self.run.reject(status, reason, now);
        self.run.reporter.report(report, Some(response.headers_mut()));
        response
    }

    fn serve_stale_on_error(mut self: Box<Self>, entry: &Arc<Entry>, error: &FillError) -> HttpResponse {
        let now = self.now();
        self.back_off(entry, error, now);
        let is_fresh = entry.is_fresh(now);
        let outcome = if is_fresh { Outcome::Hit } else { Outcome::Stale(Reason::StaleIfError) };
        self.run.share(entry, outcome);
        let headers = self.run.request.headers();
        let encoded = entry.page.choose_encoding(headers).and_then(|choice| choice.encoded);
        let mut response =
            entry.page.to_response(&self.selection(&entry.page), encoded, headers, entry.age(now));
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

impl FinishedResponse {
    fn into_served(self) -> Served {
        match self {
            Self::Buffered(served) => served,
            Self::Streaming(streamed) => Served::Response(streamed.into_response()),
        }
    }
}

impl From<Served> for FinishedResponse {
    fn from(served: Served) -> Self {
        Self::Buffered(served)
    }
}
