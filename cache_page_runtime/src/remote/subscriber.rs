//! Listening to what other processes do, and finding out whether the store can be reached.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::{sleep, timeout};

use crate::remote::{
    codec::purge_message::PurgeMessage,
    store::{Change, ChangeBatch, StoreError},
    tier::RemoteClient,
};
use crate::{
    cache::page_cache::Inner,
    purge::{LocalSelector, PurgeMode},
    time::clock::Clock,
};

/// How long the store is let wait for news. Shorter than anybody trusts what was heard last.
const POLL_WAIT: Duration = Duration::from_millis(100);

/// Between two tries to reach it.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// By how much a store may exceed the wait: engines look at their clock now and then only.
const WAIT_TOLERANCE: Duration = Duration::from_millis(250);

/// How long making a connection may take, where the deadline is not far longer.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// Until the cache is gone, whatever a store does.
pub(crate) async fn run(link: &Arc<RemoteClient>, cache: &Weak<Inner>) {
    while cache.strong_count() > 0 {
        let (link, cache) = (Arc::clone(link), Weak::clone(cache));
        let of_task = Arc::clone(&link);
        if tokio::spawn(async move { poll(&of_task, &cache).await }).await.is_err() {
            link.mark_unavailable(&StoreError::unavailable("its code panicked"));
            sleep(RETRY_INTERVAL).await;
        }
    }
}

/// What was heard is as new as the moment when it was asked for: whatever was purged before the store answered is in the answer.
/// So memory is trusted for a fixed time from then, and a purge that this process does not hear of is sent for no longer than that.
async fn poll(link: &Arc<RemoteClient>, cache: &Weak<Inner>) {
    let mut after = None;
    let wait = POLL_WAIT.min(link.options.max_purge_lag / 4);
    while cache.strong_count() > 0 {
        let sent = Clock::System.now();
        // One that is just being reached has more to do than to answer.
        let (wait, patience) = if link.is_available() {
            (wait, wait + WAIT_TOLERANCE.max(link.options.timeout))
        } else {
            (Duration::ZERO, CONNECT_TIMEOUT.max(link.options.timeout * 10))
        };
        let heard = timeout(patience, link.store.poll_changes(after.clone(), wait)).await;
        let heard = heard
            .unwrap_or_else(|_| Err(StoreError::unavailable(format_args!("no answer within {patience:?}"))));
        match heard {
            Ok(changes) => {
                let Some(inner) = cache.upgrade() else { return };
                apply(link, &inner, &changes);
                drop(inner);
                after = Some(changes.cursor);
                link.mark_available(sent);
                if link.purge_queue.resume() {
                    let link = Arc::clone(link);
                    tokio::spawn(async move { link.deliver_purges().await });
                }
            }
            Err(why) => {
                link.mark_unavailable(&why);
                link.store.reset_connections();
                if !why.is_unavailable() {
                    // It may be the position that it cannot do anything with.
                    after = None;
                }
                sleep(RETRY_INTERVAL).await;
            }
        }
    }
}

fn apply(link: &RemoteClient, cache: &Inner, heard: &ChangeBatch) {
    let now = cache.clock.now();
    let mut is_complete = heard.complete;
    for change in &heard.changes {
        match change {
            Change::Filled(page) => link.waiters.wake(*page),
            Change::Purged(told) => match PurgeMessage::decode(told) {
                // Done here before it was told.
                Some(told) if told.sender == link.process_id => {}
                Some(told) => drop(cache.store.purge(told.mode, &told.selector.to_local(), now)),
                None => is_complete = false,
            },
        }
    }
    if !is_complete {
        // What was missed may have been about anything.
        cache.store.purge(PurgeMode::Remove, &LocalSelector::All, now);
    }
    link.seen_purges.advance(heard.sequence);
}
