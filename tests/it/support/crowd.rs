//! Concurrent requests.

use std::future::IntoFuture as _;

use actix_web::rt::{spawn, task::JoinHandle};

use super::{app::settle, request::TestRequest, response::TestResponse};

/// Requests in flight, in the order in which they were sent. Dropping it aborts them.
pub(crate) struct Crowd(Vec<JoinHandle<TestResponse>>);

impl Crowd {
    /// Sends the requests one after the other, each when the ones before it wait for something.
    pub(crate) async fn send(requests: impl IntoIterator<Item = TestRequest>) -> Self {
        let mut crowd = Self(Vec::new());
        for request in requests {
            crowd.0.push(spawn(request.into_future()));
            settle().await;
        }
        crowd
    }

    /// Drops a request, as if its client had disconnected. The positions of those behind it move up.
    pub(crate) async fn abort(&mut self, position: usize) {
        let task = self.0.remove(position);
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()), "request {position} was not in flight");
        settle().await;
    }

    /// Returns how many requests have been answered.
    pub(crate) fn answered(&self) -> usize {
        self.0.iter().filter(|task| task.is_finished()).count()
    }

    /// Returns all responses.
    pub(crate) async fn responses(self) -> Vec<TestResponse> {
        self.results().await.into_iter().map(|result| result.expect("the handler did not panic")).collect()
    }

    /// Returns all responses, `None` for a request whose handler panicked.
    pub(crate) async fn results(mut self) -> Vec<Option<TestResponse>> {
        let mut results = Vec::new();
        for task in std::mem::take(&mut self.0) {
            results.push(task.await.ok());
        }
        results
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}
