//! Applications that share a remote store.

use std::time::Duration;

use cache_page::remote::RemoteStats;

use super::{
    app::{TestApp, until},
    backend::{Backend, Method},
    request::TestRequest,
    response::TestResponse,
};

impl TestApp {
    pub(crate) fn remote_stats(&self) -> RemoteStats {
        *self.cache().stats().remote().expect("the application has a remote store")
    }

    /// Returns how many times the process has looked a page up in the remote store.
    pub(crate) fn lookups(&self) -> u64 {
        self.store().calls(Method::Get)
    }

    /// Sends a request, and waits until its page is stored in the backend.
    pub(crate) async fn fill(&self, request: TestRequest) -> TestResponse {
        let before = self.remote_stats().stored;
        let response = request.await;
        assert!(response.is_stored(), "the page is not stored\n{response:?}");
        until("the page is stored in the backend", || self.remote_stats().stored > before).await;
        response
    }

    /// Waits until the process has received and applied all purges up to now.
    pub(crate) async fn receive_purges(&self) {
        until("the process receives the purges", || self.store().is_up_to_date()).await;
    }

    /// Waits until the process has connected to the remote store.
    pub(crate) async fn wait_available(&self) {
        until("the remote store is available", || self.remote_stats().is_available).await;
    }

    /// Waits until the process does not use the remote store any more.
    pub(crate) async fn wait_unavailable(&self) {
        until("the remote store is unavailable", || !self.remote_stats().is_available).await;
    }
}

/// Advances the clocks of the backend and of these processes by whole seconds.
pub(crate) fn advance(backend: &Backend, processes: &[&TestApp], seconds: u64) {
    backend.advance(Duration::from_secs(seconds));
    processes.iter().for_each(|process| process.advance(seconds));
}
