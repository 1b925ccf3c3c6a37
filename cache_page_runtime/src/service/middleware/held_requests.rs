//! Whether a request can be changed, which actix-web tells by a panic only.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::Rc,
    time::Duration,
};

use actix_web::dev::{RequestHead, ServiceRequest};

use crate::time::{clock::Clock, instant::Instant};

/// The time for which no further request is tried after one that could not be changed.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// Whether outer services hold the requests of one middleware on one worker.
///
/// actix-web panics when a request is changed of which another service holds a clone. The panic is caught, but it is printed, so it
/// happens at most once a minute.
#[derive(Clone, Debug, Default)]
pub(super) struct HeldRequests(Rc<Cell<Option<Instant>>>);

impl HeldRequests {
    /// Returns the head of a request, or `None` if an outer service holds the request, or has held one within the last minute.
    pub(super) fn head_mut<'r>(&self, request: &'r mut ServiceRequest) -> Option<&'r mut RequestHead> {
        let now = Clock::System.now();
        if self.0.get().is_some_and(|retry_at| now < retry_at) {
            return None;
        }
        // It has changed nothing if it panics.
        let tried = catch_unwind(AssertUnwindSafe(|| {
            request.head_mut();
        }));
        match tried {
            Ok(()) => Some(request.head_mut()),
            Err(_) => {
                self.0.set(Some(now + RETRY_AFTER));
                None
            }
        }
    }
}
