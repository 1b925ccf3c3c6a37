//! The response of a run whose body is streamed.

use std::{pin::Pin, sync::Arc, time::Duration};

use actix_web::{
    HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    http::{StatusCode, header::HeaderMap},
    rt::task::yield_now,
};

use super::{
    admission::Admission,
    commit,
    response_headers::GeneratedHeaders,
    run::Run,
    tee_body::{BodySink, TeeBody},
};
use crate::{
    cache::PageCache,
    coalesce::LeaderStream,
    http::live_stream,
    observe::Report,
    outcome::{Outcome, Reason},
    page::{ResponseHead, body},
    store::StreamCopy,
    time::instant::Instant,
};

/// A response whose body is still streamed.
pub(crate) struct StreamedResponse {
    head: HttpResponse<()>,
    body: TeeBody<StreamedFill>,
}

/// The run of a streamed response, with a copy of what was streamed so far.
struct StreamedFill {
    run: Run,
    admission: Admission,
    status: StatusCode,
    reason_phrase: Option<&'static str>,
    headers: HeaderMap,
    copy: BudgetedCopy,
    /// The length that the handler announced.
    length: Option<u64>,
    /// What followers know of the stream.
    shown: Option<Arc<LeaderStream>>,
    /// From when on no request waits for the end of the body.
    gives_up_at: Instant,
}

/// A copy of a streamed body. Dropped, it gives its bytes back to the budget.
struct BudgetedCopy {
    cache: PageCache,
    copy: Arc<StreamCopy>,
}

impl BudgetedCopy {
    fn start(cache: &PageCache) -> Self {
        Self { cache: cache.clone(), copy: cache.stream_budget().start() }
    }

    fn add(&self, chunk: &[u8], max_body: usize) -> Result<(), Reason> {
        self.cache.stream_budget().append(&self.copy, chunk, max_body)
    }

    /// Takes the bytes, unless the copy was dropped for others.
    fn end(&self) -> Option<Vec<u8>> {
        self.cache.stream_budget().finish(&self.copy)
    }
}

impl Drop for BudgetedCopy {
    fn drop(&mut self) {
        drop(self.end());
    }
}

impl StreamedResponse {
    /// Streams `body` to the client, and copies it for the store until it is too long.
    pub(crate) fn new(run: Run, head: HttpResponse<()>, body: BoxBody, admission: Admission) -> Self {
        let length = match body.size() {
            BodySize::Sized(length) => Some(length),
            BodySize::None | BodySize::Stream => None,
        };
        let is_too_large = length.is_some_and(|length| length > run.context.max_body() as u64);
        let is_live = length.is_none() && live_stream::is_live(head.headers());
        let coalesce_timeout = run.context.cache.timeouts().coalesce_timeout;
        let (now, max_duration) = (run.now(), if is_live { Duration::ZERO } else { coalesce_timeout });
        let sink = Box::new(StreamedFill {
            shown: run.participation.start_stream(now, max_duration),
            gives_up_at: now + max_duration,
            copy: BudgetedCopy::start(&run.context.cache),
            run,
            admission,
            status: head.status(),
            reason_phrase: head.head().reason,
            headers: head.headers().clone(),
            length,
        });
        let sink = if is_too_large {
            sink.abort(Reason::BodyTooLarge);
            None
        } else {
            Some(sink)
        };
        Self { head, body: TeeBody::new(body, sink) }
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.head.headers_mut()
    }

    pub(crate) fn into_response(self) -> HttpResponse {
        self.head.set_body(BoxBody::new(self.body))
    }

    /// Reads the body where there is no client, as long as it may be stored.
    pub(crate) async fn drain(self) {
        let mut body = self.body;
        while body.has_sink() {
            std::future::poll_fn(|context| Pin::new(&mut body).poll_next(context)).await;
            yield_now().await;
        }
    }
}

impl BodySink for StreamedFill {
    fn pending(&mut self) {
        self.shown.iter().for_each(|stream| stream.wait_for_handler());
    }

    fn chunk(&mut self, chunk: &[u8]) -> Result<(), Reason> {
        let now = self.run.now();
        self.shown.iter().for_each(|stream| stream.wait_for_client(now.since_start()));
        if now >= self.gives_up_at {
            // The body may be endless, and is remembered as such for as long as there is more of it.
            self.run.participation.release(&self.run.context.cache, now);
        }
        self.copy.add(chunk, self.run.context.max_body())
    }

    fn end(self: Box<Self>) {
        let Some(bytes) = self.copy.end() else {
            return self.abort(Reason::StreamBudget);
        };
        if self.length.is_some_and(|length| length != bytes.len() as u64) {
            return self.abort(Reason::IncompleteBody);
        }
        if self.admission.is_expired(self.run.now()) {
            return self.abort(Reason::Expired);
        }
        let Self { mut run, admission, status, reason_phrase, headers, .. } = *self;
        let fill_time = Some(admission.fill_time);
        let cache = run.context.cache.clone();
        let head = ResponseHead {
            status,
            reason: reason_phrase,
            headers: &headers,
            has_unstored: true,
            unstored: cache.per_request_headers(),
        };
        let body = body::into_exact_allocation(bytes.into());
        // The client has them already.
        let mut generated = GeneratedHeaders::new();
        match commit::store(&mut run, head, Some(&body), &admission, &mut generated) {
            Ok(entry) => {
                let ttl = entry.ttl(run.now());
                run.reporter.report(Report { fill_time, ttl, ..Report::of(Outcome::Stored) }, None);
            }
            Err(reason) => reject(run, reason),
        }
    }

    fn abort(self: Box<Self>, reason: Reason) {
        reject(self.run, reason);
    }
}

fn reject(mut run: Run, reason: Reason) {
    let now = run.now();
    run.reject(None, reason, now);
    run.reporter.report(Report::of(Outcome::NotStored(reason)), None);
}
