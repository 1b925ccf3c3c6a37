//! A request that bypasses the cache: its handler runs, and its outcome is reported.

use std::{future::poll_fn, pin::Pin};

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, HeaderMap, HeaderName},
};
use smallvec::SmallVec;

use super::{
    handler::{Handled, Handler, Served},
    response_headers,
    run_control::{EntryPoint, RunControl},
    session,
    visibility::Visibility,
};
use crate::{
    cache::PageCache,
    key::KeyParts,
    observe::Report,
    outcome::{Outcome, Reason},
    policy::HandlerPolicy,
    time::instant::Instant,
};

/// A run of a handler whose response is neither stored nor shared.
pub(crate) struct Bypass {
    /// `None` for a service, which owns the request.
    request: Option<HttpRequest>,
    control: RunControl,
    report: BypassReport,
    visibility: Visibility,
    /// The request headers in the key, as far as it was made.
    keyed: KeyedNames,
}

/// The names of the request headers that the response depends on.
type KeyedNames = SmallVec<[HeaderName; 2]>;

/// The report of a bypass, made exactly once. Dropped before, the client has disconnected or the handler has panicked.
struct BypassReport {
    cache: PageCache,
    policy: &'static HandlerPolicy,
    reason: Reason,
    started: Instant,
    reported: bool,
}

impl Bypass {
    pub(crate) fn new(
        request: &HttpRequest,
        entry_point: EntryPoint,
        cache: &PageCache,
        policy: &'static HandlerPolicy,
        reason: Reason,
        visibility: Visibility,
        keyed: &KeyParts,
    ) -> Box<Self> {
        let started = cache.clock().now();
        // A part of the future of every request otherwise.
        Box::new(Self {
            control: RunControl::start(request, entry_point, None),
            request: match entry_point {
                EntryPoint::Attribute => Some(request.clone()),
                EntryPoint::Middleware => None,
            },
            report: BypassReport { cache: cache.clone(), policy, reason, started, reported: false },
            // Whether the visitor is logged in may not have been checked.
            visibility: Visibility {
                is_private: visibility.is_private || visibility.varies_by_login,
                ..visibility
            },
            keyed: keyed.vary_names().cloned().collect(),
        })
    }

    /// Runs the handler.
    pub(crate) async fn run(self: Box<Self>, mut handler: Pin<&mut dyn Handler>) -> Served {
        let request = self.request.as_ref();
        let handled = poll_fn(|context| handler.as_mut().poll_response(request, context)).await;
        (*self).finish(handled)
    }

    /// Returns what the client gets of what the handler returned.
    fn finish(self, handled: Handled) -> Served {
        let Self { control, mut report, visibility, keyed, .. } = self;
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
            report.add_unstored_headers(response.headers_mut(), visibility, &keyed);
        }
        if is_claimed_inside {
            report.leave_to_inner(response.headers_mut());
        } else if !is_error {
            report.remove_targeted_field(&control, &mut response);
            report.report(Some(response.headers_mut()));
        } else {
            report.report(None);
        }
        Served::new(response, is_error)
    }
}

impl BypassReport {
    fn add_unstored_headers(&self, headers: &mut HeaderMap, visibility: Visibility, keyed: &KeyedNames) {
        let credentials = self.cache.credential_headers();
        response_headers::add_unstored(headers, self.reason, visibility, keyed.iter(), credentials);
    }

    /// The handler inside reports its own outcome.
    fn leave_to_inner(&mut self, headers: &mut HeaderMap) {
        self.reported = true;
        if let Some(name) = self.cache.targeted_cache_control() {
            headers.remove(name);
        }
    }

    fn remove_targeted_field(&self, control: &RunControl, response: &mut HttpResponse) {
        let name = self.cache.targeted_cache_control();
        // Nothing is stored, so only the log shows whether the field was valid.
        let _ = control.take_overrides(response, name, self.policy, self.cache.clock().now());
    }

    fn report(&mut self, headers: Option<&mut HeaderMap>) {
        self.reported = true;
        let fill_time = Some(self.cache.clock().now().since(self.started));
        let report = Report { fill_time, ..Report::of(Outcome::Bypass(self.reason)) };
        self.log(&report, headers);
    }

    fn log(&self, report: &Report, headers: Option<&mut HeaderMap>) {
        let observer = self.cache.observer();
        report.log(observer, self.policy.handler_id());
        if let Some(headers) = headers {
            report.write_header(observer.cache_status(), headers);
        }
    }
}

impl Drop for BypassReport {
    fn drop(&mut self) {
        if !self.reported {
            self.log(&Report::of(Outcome::Bypass(self.reason)), None);
        }
    }
}
