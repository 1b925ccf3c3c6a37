//! Waiting for a leader, with the timers that limit it.

use std::{future::poll_fn, task::Poll, time::Duration};

use super::flight::{Follower, Wakeup};
use crate::time::{
    clock::{Clock, Sleep},
    instant::Instant,
};

/// Waits until the follower is woken. Returns `None` at the deadline.
///
/// A leader that has been running for longer than `fill_timeout` is replaced by a follower. The followers watch this deadline,
/// because a leader without followers cannot be replaced, and so needs no timer.
pub(crate) async fn wait<T: Clone>(
    follower: &mut Follower<T>,
    clock: &Clock,
    deadline: Instant,
    fill_timeout: Duration,
) -> Option<Wakeup<T>> {
    let mut timer: Option<(Instant, Sleep)> = None;
    poll_fn(|context| {
        loop {
            let now = clock.now();
            if let Poll::Ready(wakeup) = follower.poll(context, now.since_start(), fill_timeout) {
                return Poll::Ready(Some(wakeup));
            }
            if now >= deadline {
                return Poll::Ready(None);
            }
            let next_poll = follower.next_poll(now.since_start(), fill_timeout);
            let due = next_poll.map_or(deadline, |next_poll| deadline.min(Instant::new(next_poll)));
            let (_, sleep) = match timer.take() {
                Some(set) if set.0 == due => timer.insert(set),
                _ => timer.insert((due, clock.sleep_until(due))),
            };
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            timer = None;
        }
    })
    .await
}
