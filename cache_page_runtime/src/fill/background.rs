//! Running a refresh after its request was answered.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::Poll,
};

use actix_web::rt;

use crate::time::clock::Sleep;

/// Spawns a refresh on this worker.
///
/// Without an actix runtime (under `#[tokio::test]`, for example) the task is dropped, and its fill counts as failed.
pub(crate) fn spawn(task: Pin<Box<dyn Future<Output = ()>>>) {
    // `rt::spawn` panics where it has no runtime, and has no other way to report that.
    if catch_unwind(AssertUnwindSafe(|| rt::spawn(task))).is_err() {
        tracing::warn!(
            target: "cache_page",
            "a stale response is not refreshed in the background: this thread has no actix runtime"
        );
    }
}

/// Runs a task until it completes or reaches the deadline. Returns whether it completed.
pub(crate) async fn run_until(mut task: Pin<&mut dyn Future<Output = ()>>, mut deadline: Sleep) -> bool {
    poll_fn(|context| match task.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(true),
        Poll::Pending => deadline.as_mut().poll(context).map(|()| false),
    })
    .await
}
