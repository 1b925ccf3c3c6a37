//! The one report of a run.

use std::sync::Arc;

use actix_web::http::header::HeaderMap;

use crate::{
    cache::PageCache,
    observe::{FillSpan, RefreshReport, Report, RunPath, record_sizes},
    outcome::{ForwardReason, Outcome, Reason},
    policy::HandlerId,
    remote::RemoteError,
    store::Entry,
};

/// Reports the outcome of a run exactly once: by [`report`](Self::report), or when it is dropped, since the client of a dropped
/// run has disconnected or its handler has panicked.
pub(crate) struct Reporter(Option<Run>);

struct Run {
    cache: PageCache,
    handler: HandlerId,
    cause: ForwardReason,
    audience: Audience,
    remote_error: Option<RemoteError>,
    path: RunPath,
    span: FillSpan,
}

/// What waits for the response of a run.
pub(crate) enum Audience {
    Client,
    /// The client was answered with this entry, which the run refreshes.
    Background(Arc<Entry>),
}

impl Reporter {
    pub(crate) fn new(
        cache: PageCache,
        handler: HandlerId,
        cause: ForwardReason,
        audience: Audience,
    ) -> Self {
        Self(Some(Run {
            cache,
            handler,
            cause,
            audience,
            remote_error: None,
            path: RunPath::default(),
            span: FillSpan::default(),
        }))
    }

    /// Sets the path of the request, for those who look into the cache.
    pub(crate) fn with_path(mut self, path: RunPath) -> Self {
        if let Some(run) = &mut self.0 {
            run.path = path;
        }
        self
    }

    /// Sets the span of the run.
    pub(crate) fn set_span(&mut self, span: FillSpan) {
        if let Some(run) = &mut self.0 {
            run.span = span;
        }
    }

    /// Returns the span of the run.
    pub(crate) fn span(&self) -> FillSpan {
        self.0.as_ref().map(|run| run.span.clone()).unwrap_or_default()
    }

    pub(crate) fn is_background(&self) -> bool {
        self.0.as_ref().is_some_and(|run| matches!(run.audience, Audience::Background(_)))
    }

    pub(crate) fn set_cause(&mut self, cause: ForwardReason) {
        if let Some(run) = &mut self.0 {
            run.cause = cause;
        }
    }

    pub(crate) fn set_audience(&mut self, audience: Audience) {
        if let Some(run) = &mut self.0 {
            run.audience = audience;
        }
    }

    pub(crate) fn set_remote_error(&mut self, error: RemoteError) {
        if let Some(run) = &mut self.0 {
            run.remote_error = Some(error);
        }
    }

    /// Makes the next refresh of a background run wait, because this one failed.
    pub(crate) fn back_off(&self) {
        self.0.iter().for_each(Run::back_off);
    }

    /// Reports the outcome, and shows it to the client in `headers`.
    pub(crate) fn report(mut self, report: Report, headers: Option<&mut HeaderMap>) {
        if let Some(run) = self.0.take() {
            run.report(report, headers);
        }
    }

    /// Drops the reporter of a request whose outcome is reported elsewhere.
    pub(crate) fn discard(mut self) {
        self.0 = None;
    }
}

impl Run {
    fn report(mut self, report: Report, headers: Option<&mut HeaderMap>) {
        let span = std::mem::take(&mut self.span);
        span.record(report.outcome);
        span.in_scope(|| self.report_in_span(report, headers));
    }

    fn report_in_span(self, report: Report, headers: Option<&mut HeaderMap>) {
        let observer = self.cache.observer();
        // A response that is not stored may have removed the stale one.
        record_sizes(observer, self.cache.store());
        if let Audience::Background(_) = self.audience {
            let stored = report.outcome.reason().map_or(Ok(()), Err);
            return RefreshReport { stored, fill_time: report.fill_time }.log(observer, self.handler);
        }
        let remote_error = report.remote_error.or(self.remote_error);
        let report =
            Report { forward_reason: report.forward_reason.or(Some(self.cause)), remote_error, ..report };
        report.log(observer, self.handler);
        report.remember(self.path, observer, self.cache.clock());
        if let Some(headers) = headers {
            report.write_header(observer.cache_status(), headers);
        }
    }

    fn back_off(&self) {
        if let Audience::Background(entry) = &self.audience {
            let interval = self.cache.timeouts().refresh_backoff;
            entry.backoff().record_failure(self.cache.clock().now(), interval);
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        let Some(run) = self.0.take() else { return };
        run.back_off();
        let reason = match run.audience {
            _ if std::thread::panicking() => Reason::HandlerPanicked,
            Audience::Client => Reason::ClientGone,
            Audience::Background(_) => Reason::FillTimeout,
        };
        run.report(Report::of(Outcome::NotStored(reason)), None);
    }
}
