//! How the requests of a warm-up are sent.

use std::time::Duration;

use http::header::{HeaderName, HeaderValue};

#[derive(Debug)]
pub(super) struct Settings {
    /// As it was given: the warm-up fails if it is none.
    pub(super) site: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) concurrency: usize,
    pub(super) timeout: Duration,
}
