//! How the handler of a request is run.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
};

use actix_web::{HttpResponse, http::Method};

use super::{
    lookup::Lookup,
    step::{Run, UncacheableKey},
};
use crate::{
    cache::SharedResult,
    coalesce::{Leader, UncacheableMark},
    fill::{
        AbandonGuard, AdmittedResponse, Audience, Bypass, BypassRun, Context, ContextRef, EntryPoint, Fill,
        FillRole, Handled, Handler, Reporter, RequestHandle, RunControl, SessionBefore, Start,
        UncacheableRun, Visibility,
    },
    key::KeyParts,
    observe::{FillSpan, FillSubject, RunPath},
    outcome::{ForwardReason, Reason},
    policy::Validators,
    purge::RequestSubject,
    store::{Entry, Miss},
    time::{Instant, Stopwatch},
};

/// What a run has recorded before its handler starts.
struct BeforeHandler {
    control: RunControl,
    session: SessionBefore,
    span: FillSpan,
}

/// A run that borrows its lookup. Nothing waits for it but its client.
enum BorrowedRun {
    Uncacheable(UncacheableKey),
    /// Why, and when it started.
    Bypass(Reason, Stopwatch),
}

impl Lookup<'_> {
    /// Runs a handler function, and returns the response of the client.
    // Not an `async fn`, whose future would have room for its arguments twice.
    #[allow(clippy::manual_async_fn)]
    pub(super) fn run(
        &mut self,
        run: Run,
        mut handler: Pin<&mut dyn Handler>,
    ) -> impl Future<Output = HttpResponse> {
        async move {
            let run = match run {
                Run::Fill(fill) => return fill.run(handler).await.into_response(),
                Run::Uncacheable(key) => BorrowedRun::Uncacheable(key),
                Run::Bypass(reason) => BorrowedRun::Bypass(reason, Stopwatch::start(self.cache.clock())),
            };
            let (before, guard) = self.before(&run);
            let (request, span) = (Some(self.request), &before.span);
            let handled =
                poll_fn(|context| span.in_scope(|| handler.as_mut().poll_response(request, context))).await;
            let path = guard.disarm();
            self.finish(&run, before, path, handled)
        }
    }

    fn before(&self, run: &BorrowedRun) -> (BeforeHandler, AbandonGuard<'_>) {
        let (cache, policy) = (self.cache, self.policy);
        let before = self.before_handler(None);
        match run {
            BorrowedRun::Uncacheable(key) => {
                let before = BeforeHandler { span: self.fill_span(key.cause), ..before };
                (before, AbandonGuard::of_miss(cache, policy, key.cause, self.path()))
            }
            BorrowedRun::Bypass(reason, _) => {
                (before, AbandonGuard::of_bypass(cache, policy, *reason, self.path()))
            }
        }
    }

    fn finish(
        &mut self,
        run: &BorrowedRun,
        before: BeforeHandler,
        path: RunPath,
        handled: Handled,
    ) -> HttpResponse {
        match run {
            BorrowedRun::Uncacheable(key) => self
                .uncacheable_run(key, before)
                .finish(handled)
                .unwrap_or_else(|admitted| self.store(*admitted, key)),
            BorrowedRun::Bypass(reason, started) => {
                let run = BypassRun {
                    cache: self.cache,
                    policy: self.policy,
                    reason: *reason,
                    visibility: self.visibility(),
                    key: &self.key.parts,
                    control: before.control,
                    started: *started,
                    path,
                };
                run.finish(handled).into_response()
            }
        }
    }

    /// Starts a run that bypasses the cache, which takes the key.
    pub(super) fn bypass(&mut self, reason: Reason) -> Box<Bypass> {
        let (visibility, key) = (self.visibility(), self.key.parts.take());
        Bypass::new(self.request, self.entry_point, self.cache, self.policy, reason, visibility, key)
    }

    /// Returns the path of the request, for those who look into the cache.
    fn path(&self) -> RunPath {
        RunPath::of(self.cache.observer().recent_runs(), self.request, self.policy)
    }

    /// Returns which visitors a response is for that bypasses the cache.
    fn visibility(&self) -> Visibility {
        let parts: &KeyParts = &self.key.parts;
        Visibility {
            is_private: parts.has_private_value(),
            varies_by_login: parts.is_anonymous()
                || self.key.reads_any_header()
                || self.policy.has_bypass_if()
                || self.entry_point == EntryPoint::Middleware,
        }
    }

    /// Returns how to run the handler for a key that was uncacheable lately.
    pub(super) fn uncacheable(&mut self, miss: Miss, mark: UncacheableMark, now: Instant) -> Run {
        // A fill replaces or withdraws what is stored, and asks the remote store.
        let is_simple = miss.stale.is_none() && self.cache.remote().is_none();
        if is_simple && self.entry_point == EntryPoint::Attribute {
            Run::Uncacheable(UncacheableKey { mark, cause: miss.cause, started: now })
        } else {
            Run::Fill(self.fill(miss, FillRole::Uncacheable(mark), now))
        }
    }

    fn uncacheable_run(
        &self,
        key: &UncacheableKey,
        BeforeHandler { control, session, span }: BeforeHandler,
    ) -> UncacheableRun<'_> {
        UncacheableRun {
            context: ContextRef {
                cache: self.cache,
                policy: self.policy,
                key: &self.key.parts,
                entry_point: self.entry_point,
                anonymous_only: self.key.reads_any_header(),
            },
            request: self.request,
            control,
            session,
            mark: key.mark,
            cause: key.cause,
            started: key.started,
            span,
        }
    }

    /// Stores the response of such a run.
    fn store(&mut self, admitted: AdmittedResponse, key: &UncacheableKey) -> HttpResponse {
        let AdmittedResponse { response, admission, control, session, span } = admitted;
        let UncacheableKey { mark, cause, started } = *key;
        // Only a remote store compares the times of the system clock.
        let started = (started, self.cache.clock().system_time(started));
        let (miss, role) = (Miss::new(cause), FillRole::Uncacheable(mark));
        let fill =
            self.start(miss, role, Audience::Client, started, BeforeHandler { control, session, span });
        fill.store(response, admission)
    }

    /// As [`uncacheable`](Self::uncacheable), for a service.
    pub(super) fn uncacheable_fill(&mut self, key: &UncacheableKey) -> Box<Fill> {
        let span = self.fill_span(key.cause);
        self.start_now(
            Miss::new(key.cause),
            FillRole::Uncacheable(key.mark),
            Audience::Client,
            key.started,
            span,
        )
    }

    /// Starts a fill, which takes the key.
    pub(super) fn fill(&mut self, miss: Miss, role: FillRole, now: Instant) -> Box<Fill> {
        // The remote store may have the response: then no handler runs.
        let is_certain = self.cache.remote().is_none();
        let span = if is_certain { self.fill_span(miss.cause) } else { FillSpan::default() };
        self.start_now(miss, role, Audience::Client, now, span)
    }

    /// Starts the refresh of an entry that the client is answered with.
    pub(super) fn refresh(
        &mut self,
        entry: Arc<Entry>,
        leader: Leader<SharedResult>,
        now: Instant,
    ) -> Box<Fill> {
        let miss = Miss { cause: ForwardReason::Stale, stale: Some(Arc::clone(&entry)) };
        let span = FillSpan::of_refresh(self.fill_subject(miss.cause, &self.key.parts));
        self.start_now(miss, FillRole::Leader(leader), Audience::Background(entry), now, span)
    }

    fn start_now(
        &mut self,
        miss: Miss,
        role: FillRole,
        audience: Audience,
        now: Instant,
        span: FillSpan,
    ) -> Box<Fill> {
        // A handler that confirmed an entry which the client cannot decode would have it sent.
        let stale = miss.stale.as_deref().filter(|stale| self.can_decode(stale));
        let before = self
            .before_handler(stale.map(|stale| stale.page.with_representation(|page| Validators::from(page))));
        let before = BeforeHandler { span, ..before };
        self.start(miss, role, audience, (now, self.cache.clock().system_time(now)), before)
    }

    fn before_handler(&self, validators: Option<Validators>) -> BeforeHandler {
        // Where the response may depend on anything in the request, it is for one client, whichever service changed the session.
        let session = match self.key.reads_any_header() {
            true => SessionBefore::of_anonymous_visitor(),
            false => SessionBefore::record(self.request),
        };
        let control = RunControl::start(self.request, self.entry_point, validators);
        BeforeHandler { control, session, span: FillSpan::default() }
    }

    fn fill_span(&self, cause: ForwardReason) -> FillSpan {
        FillSpan::of_fill(self.fill_subject(cause, &self.key.parts))
    }

    /// Returns what a span says of a fill with this key.
    pub(super) fn fill_subject<'f>(&'f self, cause: ForwardReason, key: &'f KeyParts) -> FillSubject<'f> {
        FillSubject {
            observer: self.cache.observer(),
            handler: self.policy.handler_id(),
            cause,
            request: self.request,
            names: self.names,
            key,
        }
    }

    fn start(
        &mut self,
        miss: Miss,
        role: FillRole,
        audience: Audience,
        started: (Instant, Instant),
        BeforeHandler { control, session, span }: BeforeHandler,
    ) -> Box<Fill> {
        let (handle, subject) = match self.entry_point {
            EntryPoint::Attribute => (RequestHandle::Held(self.request.clone()), None),
            EntryPoint::Middleware => {
                let subject = RequestSubject::with_names(
                    self.request,
                    self.names,
                    self.policy.purge_subject(self.cache.ignored_query()),
                    self.purge_seq,
                    self.cache.stable_ids(),
                );
                (RequestHandle::lent(self.request), Some(subject))
            }
        };
        let mut reporter = Reporter::new(self.cache.clone(), self.policy.handler_id(), miss.cause, audience)
            .with_path(self.path());
        reporter.set_span(span);
        let start = Start { request: handle, control, session, miss, role, started };
        Fill::start(start, reporter, || Context {
            cache: self.cache.clone(),
            policy: self.policy,
            entry_point: self.entry_point,
            anonymous_only: self.key.reads_any_header(),
            purge_seq: self.purge_seq,
            names: self.names,
            subject,
            key: self.key.parts.take(),
        })
    }

    /// Returns whether the response of the handler may be stored.
    pub(super) fn may_fill(&self) -> bool {
        *self.request.method() == Method::GET || self.entry_point.runs_head_as_get()
    }
}
