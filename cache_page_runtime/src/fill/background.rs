//! Making a page anew that is still there: who does it, when, and where.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use actix_web::{Responder, rt};

use crate::{
    coalesce::flight::Leader,
    fill::fill::Fill,
    serve::{join::FlightResult, lookup::Lookup},
    store::Entry,
    time::{clock::Sleep, instant::Instant, jitter::uniform_random},
};

/// Whether a fresh page is to be made anew already.
pub(crate) fn is_due(page: &Entry, now: Instant) -> bool {
    page.backoff().is_due(now) && page.should_refresh_early(now, uniform_random)
}

impl Lookup<'_> {
    /// The lead for making that page anew, if nobody is at it and nobody just was.
    pub(crate) fn lead_refresh(&self, page: &Arc<Entry>, now: Instant) -> Option<Leader<FlightResult>> {
        let (store, headers) = (self.cache.store(), self.request.headers());
        let key = self.key.parts.key()?;
        let leader = store.with_coalescing_key(key, headers, |place| {
            self.cache.flights().try_lead(place, &self.comer(now))
        })?;
        // Dropped, it leaves the flight to whoever came meanwhile.
        let is_there = store.get(key, headers, now).is_ok_and(|there| Arc::ptr_eq(&there, page));
        is_there.then_some(leader)
    }
}

/// Runs a handler on this worker, its request being answered.
pub(crate) fn spawn<F>(fill: Box<Fill>, handler: F)
where
    F: Future + 'static,
    F::Output: Responder,
{
    spawn_boxed(Box::pin(async move { fill.run_in_background(pin!(handler)).await }));
}

pub(crate) fn spawn_boxed(task: Pin<Box<dyn Future<Output = ()>>>) {
    // Where actix-web runs without its runtime (under `#[tokio::test]` for instance) there is nothing to spawn on, and that
    // is told by a panic. The fill is dropped with the task, as one that failed.
    if catch_unwind(AssertUnwindSafe(|| rt::spawn(task))).is_err() {
        tracing::warn!(
            target: "cache_page",
            "a stale page cannot be made anew in the background: this thread has no actix runtime"
        );
    }
}

/// Until it is done (true), or the time is over.
pub(crate) async fn within(mut task: Pin<&mut dyn Future<Output = ()>>, mut ends: Sleep) -> bool {
    poll_fn(|context| match task.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(true),
        Poll::Pending => ends.as_mut().poll(context).map(|()| false),
    })
    .await
}
