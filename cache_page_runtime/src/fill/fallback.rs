//! A handler that fails while an old page may stand in for what it would have made.

use std::{
    any::Any,
    fmt,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::Poll,
};

use actix_web::{HttpResponse, http::StatusCode};

use crate::{policy::Policy, time::clock::Sleep};

pub(crate) enum FillError {
    /// With a server's error.
    Answered(Box<HttpResponse>),
    Panicked(Box<dyn Any + Send>),
    /// Not within the fill deadline.
    Overdue,
}

/// Whether the handler failed to make a page (RFC 5861 4: a status of 500 and above). A client's error, whether a handler
/// returns it as `Err` or not, is an answer: what is gone or forbidden by now must not be sent any more.
pub(crate) fn is_failure(response: &HttpResponse) -> bool {
    response.status().is_server_error()
}

/// Runs a handler until it comes to an end of some kind, or that time is over.
pub(crate) async fn guard(
    mut handler: Pin<&mut dyn Future<Output = HttpResponse>>,
    mut deadline: Sleep,
) -> Result<HttpResponse, FillError> {
    poll_fn(|context| {
        // What a handler leaves behind that panics is dropped with it, or shared with others who then must expect that: as
        // where actix-web's own runtime catches it.
        match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(context))) {
            Ok(Poll::Ready(response)) => Poll::Ready(Ok(response)),
            Err(panic) => Poll::Ready(Err(FillError::Panicked(panic))),
            Ok(Poll::Pending) => deadline.as_mut().poll(context).map(|()| Err(FillError::Overdue)),
        }
    })
    .await
}

impl FillError {
    pub(crate) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Answered(response) => Some(response.status()),
            Self::Panicked(_) | Self::Overdue => None,
        }
    }

    /// The page that is sent instead tells nobody of the error, so it is told here.
    pub(crate) fn log(&self, policy: &'static Policy) {
        tracing::warn!(
            target: "cache_page",
            handler = policy.handler(),
            error = %self,
            "the handler failed to make its page anew, and the old one stays"
        );
    }
}

impl fmt::Display for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered(response) => match response.error() {
                Some(error) => write!(f, "{error}"),
                None => write!(f, "it answered {}", response.status()),
            },
            Self::Panicked(panic) => {
                let words = panic.downcast_ref::<&str>().copied();
                let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                write!(f, "it panicked: {}", words.unwrap_or("with something that is no text"))
            }
            Self::Overdue => f.write_str("it took longer than the fill deadline"),
        }
    }
}
