//! Failures of a handler, in whose place a stale response may be served.

use std::{
    any::Any,
    fmt,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::Poll,
};

use actix_web::http::StatusCode;

use super::handler::Handled;
use crate::time::clock::Sleep;

/// Why a handler has no response that could be stored.
pub(crate) enum FillError {
    /// It responded with a server error.
    Response(Box<Handled>),
    Panic(Box<dyn Any + Send>),
    /// It exceeded the fill timeout.
    Timeout,
}

/// Runs a handler until it responds, panics or reaches the deadline.
pub(crate) async fn run_until(
    mut handler: Pin<&mut dyn Future<Output = Handled>>,
    mut deadline: Sleep,
) -> Result<Handled, FillError> {
    poll_fn(|context| {
        // As in actix-web's own runtime: a value that a panicking handler leaves in a broken state is dropped with the handler,
        // or shared with others, which then have to expect that.
        match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(context))) {
            Ok(Poll::Ready(handled)) => Poll::Ready(Ok(handled)),
            Err(panic) => Poll::Ready(Err(FillError::Panic(panic))),
            Ok(Poll::Pending) => deadline.as_mut().poll(context).map(|()| Err(FillError::Timeout)),
        }
    })
    .await
}

impl FillError {
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Response(handled) => Some(handled.response().status()),
            Self::Panic(_) | Self::Timeout => None,
        }
    }

    /// Logs the error, which the stale response hides from everybody else.
    pub(crate) fn log(&self, handler: &'static str) {
        tracing::warn!(
            target: "cache_page",
            handler,
            error = %self,
            "the handler failed to refresh a stored response, which is served stale"
        );
    }
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Response(handled) => match handled.response().error() {
                Some(error) => write!(f, "{error}"),
                None => write!(f, "status {}", handled.response().status()),
            },
            Self::Panic(panic) => {
                let message = panic.downcast_ref::<&str>().copied();
                let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                write!(f, "panicked: {}", message.unwrap_or("with a value that is not a string"))
            }
            Self::Timeout => f.write_str("exceeded the fill timeout"),
        }
    }
}
