//! Where the requests of a warm-up are sent.

use actix_web::http::{StatusCode, header::HeaderMap};
use http::header::{HeaderName, HeaderValue};

/// A request of a warm-up: `GET`, with these headers.
#[derive(Clone, Copy, Debug)]
pub(in crate::cache) struct PageRequest<'r> {
    /// The path and the query.
    pub(in crate::cache) path: &'r str,
    pub(in crate::cache) headers: &'r [(HeaderName, HeaderValue)],
}

/// The head of a response.
#[derive(Debug)]
pub(in crate::cache) struct PageResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
}

/// Answers requests.
pub(in crate::cache) trait Target {
    /// Sends a request, and hands over the body of the response in parts.
    ///
    /// # Errors
    ///
    /// Fails with the reason why there is no complete response.
    async fn get(
        &self,
        request: PageRequest<'_>,
        on_body: &mut dyn FnMut(&[u8]),
    ) -> Result<PageResponse, String>;
}
