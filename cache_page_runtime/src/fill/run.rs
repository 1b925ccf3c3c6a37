//! The state of a run that lasts until its response is complete.

use std::sync::Arc;

use actix_web::http::{StatusCode, header::HeaderMap};

use super::{
    context::Context,
    participation::Participation,
    publish,
    reporter::{Audience, Reporter},
    request_handle::RequestHandle,
    response_headers::{self, GeneratedHeaders, SentHeaders},
};
use crate::{
    outcome::{Outcome, Reason},
    store::Entry,
    time::{clock::Clock, instant::Instant},
};

/// A run of a handler: the request, what waits for the response, and the report that ends it.
pub(crate) struct Run {
    pub(super) context: Context,
    pub(super) request: RequestHandle,
    /// The stored response that the run replaces. It may be served if the handler fails.
    pub(super) stale: Option<Arc<Entry>>,
    pub(super) participation: Participation,
    pub(super) reporter: Reporter,
    /// When the run started, by the system clock, whatever the clock of the cache.
    pub(super) started: Instant,
}

impl Run {
    pub(crate) fn now(&self) -> Instant {
        self.context.now()
    }

    /// Returns whether the client was answered before the run started.
    pub(crate) fn is_refresh(&self) -> bool {
        self.reporter.is_background()
    }

    /// Replaces the entry that the handler may revalidate.
    pub(crate) fn set_stale(&mut self, entry: Arc<Entry>) {
        if self.is_refresh() {
            self.reporter.set_audience(Audience::Background(Arc::clone(&entry)));
        }
        self.stale = Some(entry);
    }

    /// Returns the stale entry, if it may be served in place of an error.
    pub(crate) fn fallback(&self) -> Option<Arc<Entry>> {
        let stale = self.stale.as_ref()?;
        let may_serve =
            stale.may_serve_on_error(self.now()) && self.can_decode(stale) && !self.context.is_purged(stale);
        may_serve.then(|| Arc::clone(stale))
    }

    /// Returns whether the client of the request can decode an entry.
    pub(super) fn can_decode(&self, entry: &Entry) -> bool {
        entry.page.is_acceptable(self.request.headers())
    }

    /// Removes the stale entry, so that it is not served any more, not even by requests that hold it already.
    pub(crate) fn invalidate_stale(&self) {
        // The response of a handler that ran for HEAD is not the one that is stored.
        if !self.context.as_ref().runs_as_get(self.request.method()) {
            return;
        }
        if let (Some(stale), Some(key)) = (&self.stale, self.context.cache_key()) {
            stale.invalidate();
            self.context.cache.store().remove_if_current(key, self.request.headers(), stale);
            publish::purge_url(&self.context.cache, self.request.request());
        }
    }

    /// Gives an entry that this run did not make to its followers.
    pub(crate) fn share(&mut self, entry: &Arc<Entry>, outcome: Outcome) {
        let outcome = if outcome == Outcome::RemoteHit { Outcome::Collapsed } else { outcome };
        let Self { context, request, participation, .. } = self;
        participation.complete(|| {
            let (made, vary_names) = ((outcome, Clock::System.now()), entry.page.vary_names());
            context.shared_result(Arc::clone(entry), made, vary_names, request.headers())
        });
    }

    /// Lets the followers go without a result. `status` is that of the handler's response, if it is complete.
    pub(crate) fn release(&mut self, status: Option<StatusCode>, now: Instant) {
        match status.map(|status| status.as_u16()) {
            // Answers to the range or the preconditions of this one request: another request gets another answer.
            Some(206 | 304 | 412 | 416 | 417) => return self.participation.hand_over(),
            // A stale response must not outlive the resource, nor the access to it: the client has seen that the page was
            // withdrawn, and a later failure must not bring it back. A background run has shown nothing to a client, so it removes the
            // stale response only if the new one forbids reuse.
            Some(401 | 403 | 404 | 410 | 451) if !self.is_refresh() => self.invalidate_stale(),
            _ => {}
        }
        self.reporter.back_off();
        self.participation.release(&self.context.cache, now);
    }

    /// Returns the headers of a response that is not stored.
    pub(super) fn generate_unstored(&self, headers: &HeaderMap, reason: Reason) -> GeneratedHeaders {
        let Context { cache, key, .. } = &self.context;
        let (visibility, credentials) = (self.context.visibility(), cache.credential_headers());
        let (sent, keyed) = (SentHeaders::of(headers), key.vary_names());
        response_headers::generate_unstored(headers, sent, reason, visibility, keyed, credentials).into()
    }

    /// Adds the headers of a response that is not stored.
    pub(super) fn add_unstored(&self, headers: &mut HeaderMap, reason: Reason) {
        let Context { cache, key, .. } = &self.context;
        let (visibility, credentials) = (self.context.visibility(), cache.credential_headers());
        let (sent, keyed) = (SentHeaders::of(headers), key.vary_names());
        response_headers::add_unstored(headers, sent, reason, visibility, keyed, credentials);
    }

    /// Lets a follower take over because the handler failed.
    fn fail(&mut self) {
        self.reporter.back_off();
        self.participation.fail();
    }

    /// Lets the followers go because the response is not stored for this reason. `status` is that of the handler's response, if
    /// it is complete.
    pub(crate) fn reject(&mut self, status: Option<StatusCode>, reason: Reason, now: Instant) {
        let is_server_error = status.is_some_and(|status| status.is_server_error());
        match reason {
            // After a purge, the next response may be stored and shared.
            Reason::Purged => {}
            _ if is_server_error => self.fail(),
            Reason::IncompleteBody => self.fail(),
            _ => self.release(status, now),
        }
    }
}
