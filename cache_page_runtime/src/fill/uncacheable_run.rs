//! A run for a key whose last response could not be stored: most often, neither can the next one.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};

use super::{
    admission::{self, Admission, AdmissionRequest},
    context::ContextRef,
    handler::Handled,
    request_handle::RequestRef,
    response_headers::{self, SentHeaders},
    run_control::RunControl,
    session::SessionBefore,
};
use crate::{
    coalesce::UncacheableMark,
    observe::{FillSpan, Report, RunPath},
    outcome::{ForwardReason, Outcome, Reason},
    time::instant::Instant,
};

/// A run of a handler function that nothing waits for but its client, once the handler has returned. It borrows its context, and leaves it to a
/// [`Fill`](super::fill::Fill) to store the response if that may be stored after all.
pub(crate) struct UncacheableRun<'c> {
    pub(crate) context: ContextRef<'c>,
    pub(crate) request: &'c HttpRequest,
    pub(crate) control: RunControl,
    pub(crate) session: SessionBefore,
    pub(crate) mark: UncacheableMark,
    pub(crate) cause: ForwardReason,
    pub(crate) started: Instant,
    pub(crate) span: FillSpan,
}

/// A response that may be stored, and what the fill that stores it takes over.
pub(crate) struct AdmittedResponse {
    pub(crate) response: HttpResponse,
    pub(crate) admission: Admission,
    pub(crate) control: RunControl,
    pub(crate) session: SessionBefore,
    pub(crate) span: FillSpan,
}

impl UncacheableRun<'_> {
    /// Reports what the handler returned, unless it may be stored.
    pub(crate) fn finish(self, handled: Handled) -> Result<HttpResponse, Box<AdmittedResponse>> {
        let now = self.context.cache.clock().now();
        let mut response = handled.into_response();
        let ContextRef { cache, policy, .. } = self.context;
        let overrides =
            self.control.take_overrides(&mut response, cache.targeted_cache_control(), policy, now);
        let headers = admission::read_headers(&mut response, overrides.as_ref().ok());
        let sent = SentHeaders::from(&headers);
        let fill_time = now.since(self.started);
        let request = AdmissionRequest {
            context: self.context,
            request: RequestRef::from(self.request),
            session: &self.session,
            can_refresh: policy.can_refresh_in_background(),
            fill_time,
            asks_for_validators: self.control.asks_for_validators(),
            now,
        };
        match overrides.and_then(|overrides| request.admit(&response, headers, overrides)) {
            Ok(admission) => {
                let Self { control, session, span, .. } = self;
                Err(Box::new(AdmittedResponse { response, admission, control, session, span }))
            }
            Err(reason) => {
                self.reject(&mut response, sent, reason, now);
                Ok(response)
            }
        }
    }

    fn reject(&self, response: &mut HttpResponse, sent: SentHeaders, reason: Reason, now: Instant) {
        let ContextRef { cache, policy, key, .. } = self.context;
        if is_about_key(response.status(), reason) {
            cache.uncacheable_keys().renew(self.mark, now);
        }
        let (visibility, credentials) = (self.context.visibility(), cache.credential_headers());
        let headers = response.headers_mut();
        response_headers::add_unstored(headers, sent, reason, visibility, key.vary_names(), credentials);
        let report = Report {
            forward_reason: Some(self.cause),
            fill_time: Some(now.since(self.started)),
            ..Report::of(Outcome::NotStored(reason))
        };
        self.span.record(report.outcome);
        self.span.in_scope(|| report.log(cache.observer(), policy.handler_id()));
        let path = RunPath::of(cache.observer().recent_runs(), self.request, policy);
        report.remember(path, cache.observer(), cache.clock());
        report.write_header(cache.observer().cache_status(), headers);
    }
}

/// Returns whether a response that is not stored says that the next one is not either, as [`Run::reject`](super::run::Run::reject)
/// takes it: not after a failure, nor where the response is about the range or the preconditions of one request.
fn is_about_key(status: StatusCode, reason: Reason) -> bool {
    reason != Reason::Purged
        && !status.is_server_error()
        && !matches!(status.as_u16(), 206 | 304 | 412 | 416 | 417)
}
