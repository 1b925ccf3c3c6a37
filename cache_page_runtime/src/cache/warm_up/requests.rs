//! Requests for pages that are to be stored.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    time::Duration,
};

use actix_web::http::header::HeaderMap;
use http::{StatusCode, header::HeaderName};

pub(in crate::cache) use super::{
    app::AppTarget,
    target::{PageRequest, PageResponse, Target},
};
use crate::{
    observe::CacheStatus,
    outcome::{Outcome, Reason},
    time::Clock,
};

pub(in crate::cache) const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Requests a page.
///
/// # Errors
///
/// Fails with the reason why it is not stored.
pub(in crate::cache) async fn fetch_page(
    target: &impl Target,
    request: PageRequest<'_>,
    clock: &Clock,
    timeout: Duration,
) -> Result<(), String> {
    let response = fetch(target, request, clock, timeout, &mut |_| {}).await?;
    check(response.status, &response.headers)
}

/// Sends a request, and waits for its whole response.
///
/// # Errors
///
/// Fails with the reason why there is none.
pub(super) async fn fetch(
    target: &impl Target,
    request: PageRequest<'_>,
    clock: &Clock,
    timeout: Duration,
    on_body: &mut dyn FnMut(&[u8]),
) -> Result<PageResponse, String> {
    let mut response = pin!(target.get(request, on_body));
    let mut deadline = clock.sleep_until(clock.now() + timeout);
    poll_fn(|context| {
        // In a server, actix-web catches the panic of a handler.
        match catch_unwind(AssertUnwindSafe(|| response.as_mut().poll(context))) {
            Ok(Poll::Ready(response)) => Poll::Ready(response),
            Err(_) => Poll::Ready(Err("the handler panicked".to_owned())),
            Ok(Poll::Pending) => {
                deadline.as_mut().poll(context).map(|()| Err(format!("no complete response in {timeout:?}")))
            }
        }
    })
    .await
}

/// Returns the reason why a response is not that of a stored page, if so.
fn check(status: StatusCode, headers: &HeaderMap) -> Result<(), String> {
    if status.is_client_error() || status.is_server_error() {
        return Err(status.to_string());
    }
    match CacheStatus::of(headers).outcome() {
        // It is stored when the body is complete.
        Some(Outcome::NotStored(Reason::Streamed)) => Ok(()),
        Some(Outcome::NotStored(reason) | Outcome::Bypass(reason)) => Err(format!("not stored: {reason}")),
        _ => Ok(()),
    }
}
