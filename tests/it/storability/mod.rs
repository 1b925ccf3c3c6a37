//! Which responses are stored (RFC 9111 3).

use actix_web::HttpResponse;
use cache_page::Reason;

use crate::support::{Call, TestApp, ok_with};

mod body;
mod directives;
mod headers;
mod methods;
mod on_a_socket;
mod page_control;
mod per_request_headers;
mod redirects;
mod statuses;
mod stored_headers;
mod targeted;

/// Checks that two requests run the handler twice, because its response is not stored.
async fn assert_never_stored(
    handler: impl Fn(&Call) -> HttpResponse + Send + Sync + 'static,
    reason: Reason,
) {
    let app = TestApp::with_handler(handler).await;
    for run in 1..=2 {
        let response = app.get("/").await;
        response.assert_not_stored(reason).assert_fwd("miss").assert_ttl(None);
        assert_eq!(app.runs(), run, "{response:?}");
    }
}

/// As [`assert_never_stored`], for a response with one header.
async fn assert_header_never_stored(name: &str, value: &str, reason: Reason) {
    assert_never_stored(ok_with(&[(name, value)]), reason).await;
}
