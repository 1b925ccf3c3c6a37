//! The fixture of the tests that do not use `support` yet.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use actix_http::Request;
use actix_web::{
    Error,
    body::{MessageBody, to_bytes},
    dev::{Service, ServiceResponse},
    http::header::HeaderMap,
    rt::{spawn, task::JoinHandle, task::yield_now},
    test::{TestRequest, call_service},
};

/// Asks for a page with the request given.
pub(crate) async fn send<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    request: TestRequest,
) -> Answer {
    let response = call_service(app, request.to_request()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = to_bytes(response.into_body()).await.map_err(Into::into).expect("the body ends cleanly");
    Answer { status, headers, body: body.into() }
}

/// Asks for a page by `GET`.
pub(crate) async fn get<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    uri: &str,
) -> Answer {
    send(app, TestRequest::get().uri(uri)).await
}

/// A `GET` with these headers.
pub(crate) fn asking(uri: &str, headers: &[(&str, &str)]) -> TestRequest {
    headers.iter().fold(TestRequest::get().uri(uri), |request, header| request.append_header(*header))
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The lines of a header, joined as the RFC allows.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let lines: Vec<&str> = self.headers.get_all(name).map(|line| line.to_str().expect("ASCII")).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    /// The headers but for those that tell of this one request, in an order that does not depend on a hash.
    pub(crate) fn lasting_headers(&self) -> Vec<(String, Vec<u8>)> {
        let mut lines: Vec<_> = (self.headers.iter())
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .filter(|(name, _)| !["age", "cache-status"].contains(&name.as_str()))
            .collect();
        // Stable, so that the lines of one header stay in their order.
        lines.sort_by(|(one, _), (other, _)| one.cmp(other));
        lines
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// What the cache told of the request.
    pub(crate) fn outcome(&self) -> String {
        self.header("cache-status").expect("every request has an outcome")
    }

    pub(crate) fn is_hit(&self) -> bool {
        self.outcome().starts_with("cache_page; hit")
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.outcome().contains("; stored")
    }
}

/// How often a handler ran.
#[derive(Clone, Default)]
pub(crate) struct Runs(Arc<AtomicU64>);

impl Runs {
    /// One more; the number of it.
    pub(crate) fn count(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Lets everything that runs on this thread come to where it waits for something.
pub(crate) async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

/// Requests that are under way at the same time; aborted when they are dropped.
pub(crate) struct Crowd(Vec<JoinHandle<Answer>>);

impl Crowd {
    /// Sends them all, and lets each come to where it waits.
    pub(crate) async fn send<B: MessageBody + 'static>(
        app: &Rc<impl Service<Request, Response = ServiceResponse<B>, Error = Error> + 'static>,
        requests: impl IntoIterator<Item = TestRequest>,
    ) -> Self {
        let mut crowd = Self(Vec::new());
        for request in requests {
            let app = Rc::clone(app);
            crowd.0.push(spawn(async move { send(&*app, request).await }));
            settle().await;
        }
        crowd
    }

    /// Drops one of them, as where its client goes away.
    pub(crate) async fn abort(&mut self, position: usize) {
        let task = self.0.remove(position);
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
        settle().await;
    }

    /// How many have their answer.
    pub(crate) fn answered(&self) -> usize {
        self.0.iter().filter(|task| task.is_finished()).count()
    }

    /// What all of them got, in their order; nothing for those that panicked.
    pub(crate) async fn answers(self) -> Vec<Option<Answer>> {
        let mut answers = Vec::new();
        for task in self.0 {
            answers.push(task.await.ok());
        }
        answers
    }

    /// What all of them got, and nobody panicked.
    pub(crate) async fn all(self) -> Vec<Answer> {
        self.answers().await.into_iter().map(|answer| answer.expect("an answer")).collect()
    }
}
