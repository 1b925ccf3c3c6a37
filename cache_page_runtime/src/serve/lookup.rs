//! A request's way through the cache.

use std::{
    fmt,
    future::Future,
    hash::Hash,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    http::{Method, StatusCode, header::HeaderMap},
};

use crate::{
    cache::page_cache::PageCache,
    fill::{background, fill::Fill, request_handle::RequestHandle},
    http::{RequestDirectives, Selection, credentials::check_credentials, storability::check_method},
    key::{AppRetention, HandlerType, KeyBuilder, KeyInput, VaryValue, push_app_identity},
    observe::Report,
    outcome::{ForwardReason, Outcome, Reason},
    policy::Policy,
    purge::PurgeSeq,
    serve::join::{FlightResult, FlightWait},
    store::{Entry, Miss, local_copies},
    time::instant::Instant,
};

/// A request on its way: what its key is made of so far, or why it has none.
pub struct Lookup<'r> {
    pub(crate) request: &'r HttpRequest,
    pub(crate) policy: &'static Policy,
    pub(crate) cache: &'r PageCache,
    pub(crate) key: KeyBuilder<'r>,
    /// Its place among the purges: what it is sent is as new as that.
    pub(crate) since: PurgeSeq,
    pub(crate) open: bool,
    /// It goes on to the service that a middleware is around.
    pub(crate) is_around: bool,
    admitted: Result<(), Reason>,
    wishes: Option<RequestDirectives>,
}

/// A page that answers a request, and how that came about.
pub(crate) struct Hit {
    pub(crate) page: Arc<Entry>,
    report: Report,
    /// It should be made anew as well.
    is_due: bool,
}

/// A handler that is to answer a request. It runs when it is first polled.
pub(crate) trait Handler {
    fn poll_response(
        self: Pin<&mut Self>,
        request: &mut RequestHandle,
        context: &mut Context<'_>,
    ) -> Poll<HttpResponse>;
}

impl<F: Future<Output: Responder>> Handler for F {
    fn poll_response(
        self: Pin<&mut Self>,
        request: &mut RequestHandle,
        context: &mut Context<'_>,
    ) -> Poll<HttpResponse> {
        self.poll(context).map(|returned| match request.request() {
            Some(request) => returned.respond_to(request).map_into_boxed_body(),
            // Only services are away with it, and they are no futures of responders.
            None => HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR),
        })
    }
}

/// What comes of looking up.
pub(crate) enum Step {
    Answered(HttpResponse),
    /// The handler runs, for this request.
    Run(Box<Fill>),
    /// The handler runs, in the background: the request is answered.
    Behind(HttpResponse, Box<Fill>),
    /// The handler runs for another one that asked for the same page.
    Wait(FlightWait),
}

impl<'r> Lookup<'r> {
    pub(crate) fn begin(
        request: &'r HttpRequest,
        policy: &'static Policy,
        since: PurgeSeq,
        is_around: bool,
    ) -> Self {
        let own = PageCache::of(request);
        let main = own.unwrap_or_else(|| PageCache::process_wide());
        let selected = main.select(policy.cache_name());
        if let (None, Some(name)) = (selected, policy.cache_name()) {
            log_unknown_cache(main, policy, name);
        }
        let (cache, is_named) = (selected.unwrap_or(main), selected.is_some());
        let mut key = KeyBuilder::new(request);
        let admitted = may_use_cache(request, policy, cache, is_named).and_then(|()| match own {
            Some(_) => Ok(()),
            None if is_around => push_app_identity(&mut key.parts, request, AppRetention::Forbidden),
            None => push_app_identity(&mut key.parts, request, AppRetention::Allowed),
        });
        if admitted.is_ok() {
            key.push_request(&policy.key_options(cache.key_prefix(), cache.vary()));
        }
        Self { request, policy, cache, key, since, open: false, is_around, admitted, wishes: None }
    }

    /// One argument, covered by what its type says it reads.
    pub fn reads<T: KeyInput>(&mut self) {
        if self.admitted.is_ok() {
            T::key(self.request, &mut self.key);
            self.open |= T::READS_ANY_HEADER;
        }
    }

    /// One argument, covered by its value.
    pub fn vary<T: VaryValue + ?Sized>(&mut self, value: &T) {
        if self.admitted.is_ok() {
            self.key.value(value);
        }
    }

    /// What the attribute's `vary_by` makes of the request.
    pub fn vary_by<T: Hash>(&mut self, by: impl FnOnce(&'r HttpRequest) -> T) {
        if self.admitted.is_ok() {
            self.key.value(&by(self.request));
        }
    }

    /// It is not for the cache.
    pub(crate) fn refuse(&mut self, reason: Reason) {
        self.admitted = self.admitted.and(Err(reason));
    }

    /// What a middleware's `vary_by` makes of the request.
    pub(crate) fn adds(&mut self, by: impl FnOnce(&'r HttpRequest, &mut KeyBuilder<'r>)) {
        if self.admitted.is_ok() {
            by(self.request, &mut self.key);
        }
    }

    /// Answers from the kept page, or runs the handler and keeps its page if that is allowed.
    ///
    /// All that is compiled for each handler is here: its future, and what makes a response of what it returns.
    // Not an `async fn`: a handler that returns no `Responder` is then one error, not one here and one at the `await`.
    #[allow(clippy::manual_async_fn)]
    pub fn serve<F>(&mut self, handler: F) -> impl Future<Output = HttpResponse>
    where
        F: Future,
        F::Output: Responder,
    {
        async move { self.go(HandlerType::of::<F>(), pin!(handler)).await }
    }

    /// The same for a handler whose page may be made anew in the background, which has to outlive its request for that.
    #[allow(clippy::manual_async_fn)]
    pub fn serve_stale<F>(&mut self, handler: F) -> impl Future<Output = HttpResponse>
    where
        F: Future + 'static,
        F::Output: Responder,
    {
        async move {
            let way = match self.look_up_everywhere(HandlerType::of::<F>(), true).await {
                Step::Behind(response, fill) => {
                    background::spawn(fill, handler);
                    return response;
                }
                way => way,
            };
            self.follow(way, pin!(handler)).await
        }
    }

    async fn go(&mut self, kind: HandlerType, handler: Pin<&mut dyn Handler>) -> HttpResponse {
        let way = self.look_up_everywhere(kind, false).await;
        self.follow(way, handler).await
    }

    /// Most requests ask nobody, and their futures need not have room for it.
    pub(crate) fn ask_boxed(
        &mut self,
        way: Step,
        in_background: bool,
    ) -> Pin<Box<dyn Future<Output = Step> + '_>> {
        Box::pin(self.ask(way, in_background))
    }

    pub(crate) async fn look_up_everywhere(&mut self, kind: HandlerType, in_background: bool) -> Step {
        let way = self.look_up(kind, in_background);
        match (&way, self.cache.tier()) {
            (Step::Run(_), Some(_)) => self.ask_boxed(way, in_background).await,
            _ => way,
        }
    }

    pub(crate) async fn follow(&mut self, way: Step, handler: Pin<&mut dyn Handler>) -> HttpResponse {
        let fill = match way {
            Step::Answered(response) => return response,
            Step::Run(fill) | Step::Behind(_, fill) => fill,
            Step::Wait(waiting) => match self.wait(waiting).await {
                Ok(response) => return response,
                Err(fill) => match self.ask_boxed(Step::Run(fill), false).await {
                    Step::Run(fill) => fill,
                    Step::Answered(response) => return response,
                    // It was asked for nothing behind its response, and who asks others does not wait for its own.
                    Step::Behind(response, _) => return response,
                    Step::Wait(_) => return HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR),
                },
            },
        };
        fill.run(handler).await
    }

    fn look_up(&mut self, kind: HandlerType, in_background: bool) -> Step {
        // Every handler has a type of its own, and every instantiation of a generic one: its pages are not another's.
        self.key.push_handler(kind);
        if self.cache.obeys_clients() && self.admitted != Err(Reason::Method) {
            self.wishes = RequestDirectives::from_headers(self.request.headers());
        }
        let now = self.cache.clock().now();
        if let Err(reason) = self.admit() {
            return self
                .unless_only_if_cached(|lookup| Step::Run(Fill::start(lookup, Err(reason), None, now)));
        }
        match self.page(now) {
            Ok(answer) if answer.is_due => self.answer_and_refresh(&answer, now, in_background),
            Ok(answer) => Step::Answered(self.answer(&answer, now)),
            Err(missing) => self.unless_only_if_cached(|lookup| lookup.join(missing, None, now)),
        }
    }

    /// May this request use the cache?
    fn admit(&self) -> Result<(), Reason> {
        self.admitted?;
        if self.open {
            let covers = |name: &_| self.key.parts.has_header(name);
            check_credentials(self.request.headers(), self.cache.credentials(), covers)?;
        }
        if self.wishes.as_ref().is_some_and(RequestDirectives::no_store) {
            return Err(Reason::RequestNoStore);
        }
        self.key.parts.key().map(|_| ()).ok_or(Reason::KeyTooLong)
    }

    /// The page that answers this request, or what is missing.
    pub(crate) fn page(&self, now: Instant) -> Result<Hit, Miss> {
        let gone = Miss::new;
        let key = self.key.parts.key().ok_or(gone(ForwardReason::Miss))?;
        if self.cache.tier().is_some_and(|tier| !tier.is_consistent(self.cache.clock(), now)) {
            // What is in memory may have been purged by another process.
            return Err(gone(ForwardReason::Miss));
        }
        let hash = local_copies::KeyHash::new(key);
        // A copy tells nobody that it should be made anew, and clients that want another page want it of the store.
        if self.wishes.is_none()
            && let Some(page) = local_copies::get(self.cache.store(), key, hash, now)
            && !(self.cache.times().eager && page.may_refresh_early(now))
        {
            let report = Report::of_page(Outcome::Hit, page.freshness(now));
            return Ok(Hit { page, report, is_due: false });
        }
        let page = self.cache.store().get(key, self.request.headers(), now)?;
        let wishes = self.wishes.as_ref();
        if page.is_fresh(now) {
            if wishes.is_none_or(|wishes| wishes.accepts(page.age(now), page.ttl(now))) {
                let report = Report::of_page(Outcome::Hit, page.freshness(now));
                let is_due = self.cache.times().eager && background::is_due(&page, now);
                local_copies::record_hit(self.cache.store(), key, hash, &page);
                return Ok(Hit { page, report, is_due });
            }
            return Err(Miss { cause: ForwardReason::Request, stale: Some(page) });
        }
        if wishes.is_none_or(RequestDirectives::accepts_stale) {
            let is_time = page.backoff().is_due(now);
            let waits = page.may_serve_while_revalidating(now);
            if waits || !is_time && page.may_serve_on_error(now) {
                let reason = if waits { Reason::StaleWhileRevalidate } else { Reason::StaleIfError };
                let report = Report::of_page(Outcome::Stale(reason), page.freshness(now));
                return Ok(Hit { page, report, is_due: waits && is_time });
            }
        }
        Err(Miss { cause: ForwardReason::Stale, stale: Some(page) })
    }

    /// Whether this page of another process is good enough for what the client wishes.
    pub(crate) fn takes(&self, page: &Entry, now: Instant) -> bool {
        self.wishes.as_ref().is_none_or(|wishes| {
            if page.is_fresh(now) {
                wishes.accepts(page.age(now), page.ttl(now))
            } else {
                wishes.accepts_stale()
            }
        })
    }

    /// The page, and a fill for the next ones, unless somebody is at it.
    fn answer_and_refresh(&mut self, answer: &Hit, now: Instant, in_background: bool) -> Step {
        // The page of a `HEAD` would not be kept.
        let leader =
            if self.request.method() == Method::HEAD { None } else { self.lead_refresh(&answer.page, now) };
        let Some(leader) = leader else { return Step::Answered(self.answer(answer, now)) };
        let missing = Miss { cause: ForwardReason::Stale, stale: Some(Arc::clone(&answer.page)) };
        if in_background {
            let response = self.answer(answer, now);
            let mut fill = Fill::start(self, Ok(missing), Some(leader), now);
            // From here on, whatever becomes of it.
            fill.in_background = true;
            Step::Behind(response, fill)
        } else {
            Step::Run(Fill::start(self, Ok(missing), Some(leader), now))
        }
    }

    pub(crate) fn answer(&self, answer: &Hit, now: Instant) -> HttpResponse {
        let page = &answer.page.page;
        let extent = page.select(self.request.method(), self.request.headers());
        let mut response = page.to_response(&extent, answer.page.age(now));
        let mut report = answer.report;
        if matches!(report.outcome, Outcome::Hit | Outcome::RemoteHit) && extent == Selection::NotModified {
            report.outcome = Outcome::Revalidated;
        }
        self.report(&report, response.headers_mut());
        response
    }

    fn report(&self, report: &Report, headers: &mut HeaderMap) {
        let observer = self.cache.observer();
        report.log(observer, self.policy.handler_id());
        report.write_header(observer.cache_status(), headers);
    }

    /// RFC 9111 5.2.1.7: a client that only takes what is kept is told so if nothing is.
    fn unless_only_if_cached(&mut self, way: impl FnOnce(&mut Self) -> Step) -> Step {
        if !self.wishes.as_ref().is_some_and(RequestDirectives::only_if_cached) {
            return way(self);
        }
        let mut response = HttpResponse::new(StatusCode::GATEWAY_TIMEOUT);
        let report = Report::of(Outcome::Bypass(Reason::OnlyIfCached));
        self.report(&report, response.headers_mut());
        Step::Answered(response)
    }
}

#[cold]
fn log_unknown_cache(main: &PageCache, policy: &Policy, name: &str) {
    policy.log_error(
        main.clock().now(),
        format_args!(
            "response not cached: there is no cache named \"{name}\"; \
             add one with `PageCache::builder().named_cache(\"{name}\", …)`"
        ),
    );
}

fn may_use_cache(
    request: &HttpRequest,
    policy: &Policy,
    cache: &PageCache,
    is_named: bool,
) -> Result<(), Reason> {
    check_method(request.method())?;
    if cache.is_off() {
        Err(Reason::Disabled)
    } else if !is_named {
        Err(Reason::UnknownCache)
    } else if policy.bypasses(request) {
        Err(Reason::BypassIf)
    } else {
        Ok(())
    }
}

impl Hit {
    /// The page that another request made.
    pub(crate) fn landed(landed: &FlightResult, forward: ForwardReason, now: Instant) -> Self {
        // As it was found, it would have been found without waiting.
        let forward_reason = (landed.outcome != Outcome::Hit).then_some(forward);
        let report = Report { forward_reason, ..Report::of_page(landed.outcome, landed.page.freshness(now)) };
        Self { page: Arc::clone(&landed.page), report, is_due: false }
    }

    /// One that came from another process.
    pub(crate) fn shared(page: Arc<Entry>, outcome: Outcome, now: Instant) -> Self {
        let report = Report::of_page(outcome, page.freshness(now));
        Self { page, report, is_due: false }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        self.report.outcome
    }
}

impl fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("handler", &self.policy.handler()).finish_non_exhaustive()
    }
}
