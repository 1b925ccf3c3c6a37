//! Applies the purges of other processes to local memory, and probes whether the store is available.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::{sleep, timeout};

use super::{
    codec::PurgeMessage,
    error::StoreError,
    local_cache::LocalCache,
    messages::{Change, ChangeBatch},
    state::RemoteState,
};
use crate::{
    purge::{LocalSelector, PurgeMode},
    time::Clock,
};

/// How long one poll waits for changes. It is shorter than any sensible `max_purge_lag`.
const POLL_WAIT: Duration = Duration::from_millis(100);

/// The pause after a failed poll.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// How much longer than asked a store may wait: servers check their timeouts only now and then.
const WAIT_TOLERANCE: Duration = Duration::from_millis(250);

/// The least time that a poll may take which has to connect first.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// Polls the store until the cache is dropped. A panic of the store's code counts as a failed poll.
pub(super) async fn run(state: &Arc<RemoteState>, cache: &Weak<dyn LocalCache>) {
    while cache.strong_count() > 0 {
        let (task_state, task_cache) = (Arc::clone(state), Weak::clone(cache));
        if tokio::spawn(async move { poll(&task_state, &task_cache).await }).await.is_err() {
            state.client.poll_failed(&StoreError::unavailable("the code of the store panicked"));
            sleep(RETRY_INTERVAL).await;
        }
    }
}

/// A batch contains every purge that was executed before the poll was sent. Local memory is therefore consistent for a
/// fixed time from then on, and a purge that this process does not receive takes effect after that time at the latest.
async fn poll(state: &Arc<RemoteState>, cache: &Weak<dyn LocalCache>) {
    let mut cursor = None;
    let poll_wait = POLL_WAIT.min(state.options.max_purge_lag / 4);
    let call_timeout = state.client.timeout();
    while cache.strong_count() > 0 {
        let sent_at = Clock::System.now();
        let (wait, deadline) = if state.client.is_connected() {
            (poll_wait, poll_wait + WAIT_TOLERANCE.max(call_timeout))
        } else {
            (Duration::ZERO, CONNECT_TIMEOUT.max(call_timeout * 10))
        };
        let result = timeout(deadline, state.client.poll_changes(cursor.clone(), wait)).await;
        let result = result
            .unwrap_or_else(|_| Err(StoreError::unavailable(format_args!("no answer within {deadline:?}"))));
        match result {
            Ok(batch) => {
                let Some(cache) = cache.upgrade() else { return };
                apply(state, &*cache, &batch);
                drop(cache);
                cursor = Some(batch.cursor);
                state.mark_consistent(sent_at);
                if state.purge_queue.resume() {
                    let state = Arc::clone(state);
                    tokio::spawn(async move { state.deliver_purges().await });
                }
            }
            Err(error) => {
                state.client.poll_failed(&error);
                state.client.reset_connections();
                if !error.is_unavailable() {
                    // The store may have rejected the cursor.
                    cursor = None;
                }
                sleep(RETRY_INTERVAL).await;
            }
        }
    }
}

fn apply(state: &RemoteState, cache: &dyn LocalCache, batch: &ChangeBatch) {
    let mut is_complete = batch.complete;
    for change in &batch.changes {
        match change {
            Change::Filled(key) => state.waiters.wake(*key),
            Change::Purged(message) => match PurgeMessage::decode(message) {
                // A process applies its own purges before it sends them.
                Some(message) if message.sender == state.process_id => {}
                Some(message) => cache.purge(message.mode, &message.selector.to_local()),
                None => is_complete = false,
            },
        }
    }
    if !is_complete {
        // A purge that is missing may match any entry.
        cache.purge(PurgeMode::Remove, &LocalSelector::All);
    }
    state.seen_purges.advance(batch.sequence);
}
