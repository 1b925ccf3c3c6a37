//! A stored response that answers a request.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header::HeaderMap};

use crate::{
    cache::SharedResult,
    http::{Selection, header_class::RequestNames},
    observe::{Observer, Report},
    outcome::{ForwardReason, Outcome},
    page::{EncodedBody, EncodingChoice},
    policy::HandlerId,
    store::Entry,
    time::instant::Instant,
};

/// A stored response that answers a request, and the outcome of that request.
pub(super) struct Hit {
    pub(super) entry: Arc<Entry>,
    pub(super) outcome: Outcome,
    /// Why the request was forwarded whose response this is.
    forward_reason: Option<ForwardReason>,
    /// What the client is sent of a page with encoded bodies, if that was chosen already.
    choice: Option<EncodingChoice>,
    /// The entry is to be refreshed.
    pub(super) needs_refresh: bool,
}

impl Hit {
    pub(super) fn new(entry: Arc<Entry>, outcome: Outcome) -> Self {
        Self { entry, outcome, forward_reason: None, choice: None, needs_refresh: false }
    }

    pub(super) fn needing_refresh(self, needs_refresh: bool) -> Self {
        Self { needs_refresh, ..self }
    }

    pub(super) fn with_choice(self, choice: Option<EncodingChoice>) -> Self {
        Self { choice, ..self }
    }

    /// The result of the flight that the request followed.
    pub(super) fn of_flight(result: &SharedResult, cause: ForwardReason) -> Self {
        // A leader that found the entry in the store did not forward the request.
        let forward_reason = (result.outcome != Outcome::Hit).then_some(cause);
        Self { forward_reason, ..Self::new(Arc::clone(&result.value), result.outcome) }
    }

    /// Returns what the client is sent of the page, or `None` if that has no encoded bodies.
    pub(super) fn take_choice(&mut self, request: &HeaderMap) -> Option<EncodingChoice> {
        self.choice.take().or_else(|| self.entry.page.choose_encoding(request))
    }

    /// Makes the response, and reports it. A full response has the `encoded` body, if there is one.
    #[inline]
    pub(super) fn respond(
        &self,
        encoded: Option<EncodedBody>,
        (request, names): (&HttpRequest, RequestNames),
        observer: &Observer,
        handler: HandlerId,
        now: Instant,
    ) -> HttpResponse {
        let page = &self.entry.page;
        let selection = if !names.has_condition() {
            Selection::Full
        } else if !names.has_other_condition() && page.is_only_tag_of(request.headers()) {
            Selection::NotModified
        } else {
            page.select(request.method(), request.headers())
        };
        let freshness = self.entry.freshness(now);
        let mut response = page.to_response(&selection, encoded, request.headers(), freshness.age);
        let outcome = match self.outcome {
            Outcome::Hit | Outcome::RemoteHit if selection == Selection::NotModified => Outcome::Revalidated,
            outcome => outcome,
        };
        let report = Report { forward_reason: self.forward_reason, ..Report::of_page(outcome, freshness) };
        report.log(observer, handler);
        report.write_header(observer.cache_status(), response.headers_mut());
        response
    }
}
