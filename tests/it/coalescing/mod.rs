//! Concurrent requests for one page: one of them runs the handler, the others wait for its response.

use std::collections::HashSet;

use crate::support::{TestApp, TestAppBuilder, TestResponse};

mod failures;
mod leaders;
mod requests;
mod sharing;
mod timeouts;
mod uncacheable;
mod variants;

/// An application whose handler runs until the test finishes it.
fn paused() -> TestAppBuilder {
    TestApp::builder().paused()
}

/// Returns the different bodies of the responses.
fn bodies(responses: &[TestResponse]) -> HashSet<&str> {
    responses.iter().map(TestResponse::text).collect()
}
