//! A request that bypasses the cache: its handler runs, and its outcome is reported.

use std::{future::poll_fn, pin::Pin};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, HeaderMap},
};

use super::{
    abandon_guard::AbandonGuard,
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
    time::Stopwatch,
};

/// A bypass whose handler has returned. Its response is neither stored nor shared.
pub(crate) struct BypassRun<'b> {
    pub(crate) cache: &'b PageCache,
    pub(crate) policy: &'static HandlerPolicy,
    pub(crate) reason: Reason,
    pub(crate) visibility: Visibility,
    /// The key of the request, as far as it was made.
    pub(crate) key: &'b KeyParts,
    pub(crate) control: RunControl,
    /// When the handler started.
    pub(crate) started: Stopwatch,
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
        let path = RunPath::of(cache.observer().recent_runs(), request, policy);
        let (cache, control) = (cache.clone(), RunControl::start(request, entry_point, None));
        // A part of the future of every request otherwise.
        Box::new(Self { cache, policy, reason, visibility, key, control, path })
    }

    /// Runs the handler.
    pub(crate) async fn run(self: Box<Self>, mut handler: Pin<&mut dyn Handler>) -> Served {
        let Self { cache, policy, reason, visibility, key, control, path } = *self;
        let (cache, key) = (&cache, &key);
        let started = Stopwatch::start(cache.clock());
        let guard = AbandonGuard::of_bypass(cache, policy, reason, path);
        let handled = poll_fn(|context| handler.as_mut().poll_response(None, context)).await;
        let path = guard.disarm();
        BypassRun { cache, policy, reason, visibility, key, control, started, path }.finish(handled)
    }
}

impl BypassRun<'_> {
    /// Returns what the client gets of what the handler returned.
    pub(crate) fn finish(mut self, handled: Handled) -> Served {
        let (mut response, is_error) = match handled {
            Handled::Response(response) => (response, false),
            Handled::Service(request, response) => {
                session::check_order(&request, self.policy, self.cache.clock().now());
                (response, false)
            }
            Handled::ServiceError(response) => (response, true),
        };
        // A handler inside that sends `Cache-Control`, or whose cache does, knows more.
        let is_claimed_inside = self.control.is_claimed_inside();
        if !(is_claimed_inside && response.headers().contains_key(CACHE_CONTROL)) {
            self.add_unstored_headers(response.headers_mut());
        }
        if is_claimed_inside {
            // The handler inside reports its own outcome.
            if let Some(name) = self.cache.targeted_cache_control() {
                response.headers_mut().remove(name);
            }
        } else if !is_error {
            self.remove_targeted_field(&mut response);
            self.report(Some(response.headers_mut()));
        } else {
            self.report(None);
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

    fn remove_targeted_field(&self, response: &mut HttpResponse) {
        if let Some(name) = self.cache.targeted_cache_control() {
            // Nothing is stored, so only the log shows whether the field was valid.
            let now = self.cache.clock().now();
            let _ = self.control.take_overrides(response, Some(name), self.policy, now);
        }
    }

    fn report(&mut self, headers: Option<&mut HeaderMap>) {
        let fill_time = Some(self.started.elapsed(self.cache.clock()));
        let report = Report { fill_time, ..Report::of(Outcome::Bypass(self.reason)) };
        let observer = self.cache.observer();
        report.log(observer, self.policy.handler_id());
        let path = std::mem::take(&mut self.path);
        report.remember(path, observer, self.cache.clock());
        if let Some(headers) = headers {
            report.write_header(observer.cache_status(), headers);
        }
    }
}
