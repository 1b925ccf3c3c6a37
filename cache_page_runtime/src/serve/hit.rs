//! A stored response that answers a request.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};

use crate::{
    cache::SharedResult,
    http::{Selection, header_cache, header_class::RequestNames},
    observe::{Observer, Report},
    outcome::{ForwardReason, Outcome},
    page::{EncodedBody, Page},
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
    /// The entry is to be refreshed.
    pub(super) needs_refresh: bool,
}

impl Hit {
    pub(super) fn new(entry: Arc<Entry>, outcome: Outcome) -> Self {
        Self { entry, outcome, forward_reason: None, needs_refresh: false }
    }

    pub(super) fn needing_refresh(self, needs_refresh: bool) -> Self {
        Self { needs_refresh, ..self }
    }

    /// The result of the flight that the request followed.
    pub(super) fn of_flight(result: &SharedResult, cause: ForwardReason) -> Self {
        // A leader that found the entry in the store did not forward the request.
        let forward_reason = (result.outcome != Outcome::Hit).then_some(cause);
        Self { forward_reason, ..Self::new(Arc::clone(&result.value), result.outcome) }
    }

    /// Makes the response, and reports it. A full response has the `encoded` body, if there is one.
    #[inline]
    pub(super) fn respond(
        &self,
        encoded: Option<&EncodedBody>,
        (request, names): (&HttpRequest, RequestNames),
        observer: &Observer,
        handler: HandlerId,
        now: Instant,
    ) -> HttpResponse {
        let page = &self.entry.page;
        let selection = select(page, request, names);
        let freshness = self.entry.freshness(now);
        let age = header_cache::age(freshness.age);
        let mut response = page.to_response(&selection, encoded, request.headers(), age);
        let outcome = outcome_of(self.outcome, &selection);
        let report = Report { forward_reason: self.forward_reason, ..Report::of_page(outcome, freshness) };
        report.log(observer, handler);
        report.write_header(observer.cache_status(), response.headers_mut());
        response
    }
}

/// Selects what the client is sent of a page, for a request of whose headers these names are known.
#[inline]
pub(super) fn select(page: &Page, request: &HttpRequest, names: RequestNames) -> Selection {
    if !names.has_condition() {
        Selection::Full
    } else if !names.has_other_condition() && page.is_only_tag_of(request.headers()) {
        Selection::NotModified
    } else {
        page.select(request.method(), request.headers())
    }
}

/// Returns the outcome of a request that is sent the selected part of a stored response.
#[inline]
pub(super) fn outcome_of(outcome: Outcome, selection: &Selection) -> Outcome {
    match outcome {
        Outcome::Hit | Outcome::RemoteHit if *selection == Selection::NotModified => Outcome::Revalidated,
        outcome => outcome,
    }
}
