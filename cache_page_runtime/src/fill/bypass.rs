//! A request that bypasses the cache: its handler runs, and its outcome is reported.

use std::{future::poll_fn, pin::Pin};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, HeaderMap},
};

use super::{
    handler::{Handled, Handler, Served},
    response_headers::{self, SentHeaders},
    run_control::{EntryPoint, RunControl},
    session,
    visibility::Visibility,
};
use crate::{
    cache::PageCache,
    key::KeyParts,
    observe::{Report, RunPath},
    outcome::{Outcome, Reason},
    policy::HandlerPolicy,
    time::instant::Instant,
};

/// A run of a handler whose response is neither stored nor shared.
pub(crate) struct BypassRun<'b> {
    pub(crate) cache: &'b PageCache,
    pub(crate) policy: &'static HandlerPolicy,
    pub(crate) reason: Reason,
    pub(crate) visibility: Visibility,
    /// The key of the request, as far as it was made.
    pub(crate) key: &'b KeyParts,
    pub(crate) control: RunControl,
    pub(crate) path: RunPath,
}

/// A bypass that owns what it needs, because a service owns the request.
pub(crate) struct Bypass {
    cache: PageCache,
    policy: &'static HandlerPolicy,
    reason: Reason,
    visibility: Visibility,
    key: KeyParts,
    control: RunControl,
    path: RunPath,
}

/// The report of a bypass, made exactly once. Dropped before, the client has disconnected or the handler has panicked.
struct BypassReport<'b> {
    cache: &'b PageCache,
    policy: &'static HandlerPolicy,
    reason: Reason,
    started: Instant,
    reported: bool,
    path: RunPath,
}

impl Bypass {
    /// `key` is the key of the request, as far as it was made.
    pub(crate) fn new(
        request: &HttpRequest,
        entry_point: EntryPoint,
        cache: &PageCache,
        policy: &'static HandlerPolicy,
        reason: Reason,
        visibility: Visibility,
        key: KeyParts,
    ) -> Box<Self> {
        let path = RunPath::of(cache.observer().recent_runs(), request);
        let (cache, control) = (cache.clone(), RunControl::start(request, entry_point, None));
        // A part of the future of every request otherwise.
        Box::new(Self { cache, policy, reason, visibility, key, control, path })
    }

    /// Runs the handler.
    pub(crate) async fn run(self: Box<Self>, handler: Pin<&mut dyn Handler>) -> Served {
        let Self { cache, policy, reason, visibility, key, control, path } = *self;
        let (cache, key) = (&cache, &key);
        BypassRun { cache, policy, reason, visibility, key, control, path }.run(None, handler).await
    }
}

impl BypassRun<'_> {
    /// Runs the handler. `request` is `None` for a service, which owns the request.
    pub(crate) async fn run(
        mut self,
        request: Option<&HttpRequest>,
        mut handler: Pin<&mut dyn Handler>,
    ) -> Served {
        let path = std::mem::take(&mut self.path);
        let Self { cache, policy, reason, .. } = self;
        let started = cache.clock().now();
        let report = BypassReport { cache, policy, reason, started, reported: false, path };
        let handled = poll_fn(|context| handler.as_mut().poll_response(request, context)).await;
        self.finish(report, handled)
    }

    /// Returns what the client gets of what the handler returned.
    fn finish(self, mut report: BypassReport<'_>, handled: Handled) -> Served {
        let control = &self.control;
        let (mut response, is_error) = match handled {
            Handled::Response(response) => (response, false),
            Handled::Service(request, response) => {
                session::check_order(&request, report.policy, report.cache.clock().now());
                (response, false)
            }
            Handled::ServiceError(response) => (response, true),
        };
        // A handler inside that sends `Cache-Control`, or whose cache does, knows more.
        let is_claimed_inside = control.is_claimed_inside();
        if !(is_claimed_inside && response.headers().contains_key(CACHE_CONTROL)) {
            self.add_unstored_headers(response.headers_mut());
        }
        if is_claimed_inside {
            report.leave_to_inner(response.headers_mut());
        } else if !is_error {
            report.remove_targeted_field(control, &mut response);
            report.report(Some(response.headers_mut()));
        } else {
            report.report(None);
        }
        Served::new(response, is_error)
    }

    fn add_unstored_headers(&self, headers: &mut HeaderMap) {
        let Visibility { is_private, varies_by_login } = self.visibility;
        // Whether the visitor is logged in may not have been checked.
        let visibility = Visibility { is_private: is_private || varies_by_login, varies_by_login };
        let (sent, credentials) = (SentHeaders::of(headers), self.cache.credential_headers());
        let keyed = self.key.vary_names();
        response_headers::add_unstored(headers, sent, self.reason, visibility, keyed, credentials);
    }
}

impl BypassReport<'_> {
    /// The handler inside reports its own outcome.
    fn leave_to_inner(&mut self, headers: &mut HeaderMap) {
        self.reported = true;
        if let Some(name) = self.cache.targeted_cache_control() {
            headers.remove(name);
        }
    }

    fn remove_targeted_field(&self, control: &RunControl, response: &mut HttpResponse) {
        if let Some(name) = self.cache.targeted_cache_control() {
            // Nothing is stored, so only the log shows whether the field was valid.
            let _ = control.take_overrides(response, Some(name), self.policy, self.cache.clock().now());
        }
    }

    fn report(&mut self, headers: Option<&mut HeaderMap>) {
        self.reported = true;
        let fill_time = Some(self.cache.clock().now().since(self.started));
        let report = Report { fill_time, ..Report::of(Outcome::Bypass(self.reason)) };
        self.log(&report, headers);
    }

    fn log(&mut self, report: &Report, headers: Option<&mut HeaderMap>) {
        let observer = self.cache.observer();
        report.log(observer, self.policy.handler_id());
        let path = std::mem::take(&mut self.path);
        report.remember(path, observer, self.policy.handler_id(), self.cache.clock().now());
        if let Some(headers) = headers {
            report.write_header(observer.cache_status(), headers);
        }
    }
}

impl Drop for BypassReport<'_> {
    fn drop(&mut self) {
        if !self.reported {
            self.log(&Report::of(Outcome::Bypass(self.reason)), None);
        }
    }
}
