//! What becomes of the response of a run: decide whether it may be stored and for how long, store and publish it, and respond.

use actix_web::{
    HttpResponse,
    body::{BodySize, BoxBody, MessageBody as _},
    http::Method,
    web::Bytes,
};

use super::{
    admission::{self, Admission, AdmissionRequest},
    commit,
    context::Context,
    fill::Fill,
    finished_response::FinishedResponse,
    handler::{Handled, Served},
    request_handle::RequestRef,
    response_headers::{self, GeneratedHeaders},
    revalidation::apply_not_modified,
    run::Run,
    run_control::EntryPoint,
    session,
    stream::StreamedResponse,
};
use crate::{
    http::{CachingHeaders, Selection, header_cache},
    observe::Report,
    outcome::{Outcome, Reason},
    page::{Page, ResponseHead, body},
    policy::Overrides,
    store::Entry,
    time::instant::Instant,
};

impl Fill {
    /// Decides about the handler's response, stores it if that is allowed, and returns what the client gets.
    pub(super) fn finish(mut self: Box<Self>, handled: Handled) -> FinishedResponse {
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
        let (cache, has_unstored) = (self.run.context.cache.clone(), admission.headers.has_unstored);
        let response_head = ResponseHead::new(head.head(), has_unstored, cache.per_request_headers());
        let mut generated = GeneratedHeaders::new();
        match commit::store(&mut self.run, response_head, body.as_ref(), admission, &mut generated) {
            Ok(entry) => {
                response_headers::add(head.headers_mut(), &mut generated, admission.headers.has_vary);
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
        let mut generated = GeneratedHeaders::new();
        response_headers::generate(response_head, None, &admission, is_encodable, context, &mut generated);
        let has_vary = admission.headers.has_vary;
        let mut response = StreamedResponse::new(self.run, head, stream, admission);
        response_headers::add(response.headers_mut(), &mut generated, has_vary);
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
                let age = header_cache::age(entry.age(now));
                let mut selected = entry.page.to_response(&selection, None, self.run.request.headers(), age);
                selected.extensions_mut().extend(std::mem::take(&mut *response.extensions_mut()));
                selected
            }
        }
    }

    pub(super) fn selection(&self, page: &Page) -> Selection {
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
}
