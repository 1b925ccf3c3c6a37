//! What the workers of a cache share with the thread of its [subscriber](super::subscriber).

use std::{
    path::PathBuf,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::task::spawn_blocking;

use super::{
    client::RemoteClient,
    codec::PurgeMessage,
    local_cache::LocalCache,
    messages::PurgeResult,
    namespace::random_id,
    options::RemoteOptions,
    purge_journal::PurgeJournal,
    purge_queue::{PendingPurge, PurgeQueue},
    seen_purges::SeenPurges,
    waiters::Waiters,
};
use crate::{
    key::Id,
    time::{Clock, Instant},
};

pub(super) struct RemoteState {
    pub(super) client: Arc<RemoteClient>,
    pub(super) options: RemoteOptions,
    /// Identifies this cache among all that use the store.
    pub(super) process_id: Id,
    pub(super) seen_purges: SeenPurges,
    pub(super) purge_queue: PurgeQueue,
    /// Where purges are written that could not be delivered.
    pub(super) journal: Option<PurgeJournal>,
    pub(super) waiters: Waiters,
    /// The local memory that the store backs.
    pub(super) cache: OnceLock<Weak<dyn LocalCache>>,
    /// Nanoseconds of the system clock. Until then, local memory lags behind the purge log by at most `max_purge_lag`.
    consistent_until: AtomicU64,
}

impl RemoteState {
    /// The folder of the journal has the purges of this `key_prefix`.
    pub(super) fn new(
        client: Arc<RemoteClient>,
        options: RemoteOptions,
        journal: Option<(PathBuf, &str)>,
    ) -> Self {
        let process_id = Id(random_id());
        Self {
            client,
            options,
            process_id,
            seen_purges: SeenPurges::default(),
            purge_queue: PurgeQueue::default(),
            journal: journal.map(|(folder, key_prefix)| PurgeJournal::new(folder, key_prefix, process_id)),
            waiters: Waiters::default(),
            cache: OnceLock::new(),
            consistent_until: AtomicU64::new(0),
        }
    }

    /// Records that all purges up to `polled_at` have been applied to local memory.
    pub(super) fn mark_consistent(&self, polled_at: Instant) {
        let until = (polled_at + self.options.max_purge_lag).as_nanos();
        self.consistent_until.fetch_max(until, Ordering::AcqRel);
        self.client.mark_connected();
    }

    /// Returns whether local memory may be served at `now`, which is a time of `clock`.
    pub(super) fn is_consistent(&self, clock: &Clock, now: Instant) -> bool {
        let now = match clock {
            Clock::System => now,
            Clock::Manual(_) => Clock::System.now(),
        };
        now.as_nanos() < self.consistent_until.load(Ordering::Acquire)
    }

    /// Delivers the queued purges in their order, until none is left or one fails.
    pub(super) async fn deliver_purges(self: &Arc<Self>) {
        while let Some(mut purge) = self.purge_queue.start_next() {
            let request = || purge.request(self.seen_purges.max_sequence());
            let result = self.client.purge(request).await;
            let Ok(PurgeResult { sequence, .. }) = result else {
                purge.reply(&result);
                // The subscriber resumes the delivery once the store is available.
                self.purge_queue.requeue(purge, || PendingPurge::all(self.process_id));
                return self.save_pending();
            };
            self.seen_purges.advance_own(sequence);
            if self.purge_queue.complete()
                && let Some(cache) = self.cache.get().and_then(Weak::upgrade)
            {
                // The others will have another page in the place of one that was stored after the purge was requested.
                cache.purge(purge.mode(), purge.selector());
            }
            purge.reply(&result);
        }
        self.save_pending();
    }

    /// Writes the purges that wait into the journal, in the background.
    fn save_pending(self: &Arc<Self>) {
        if self.journal.as_ref().is_some_and(|journal| journal.request_save(self.purge_queue.len())) {
            let state = Arc::clone(self);
            drop(spawn_blocking(move || {
                if let Some(journal) = &state.journal {
                    journal.save(|| state.purge_queue.pending_messages());
                }
            }));
        }
    }

    /// Queues the purges that processes before this one have left in the journal. Reads files, so it blocks.
    pub(super) fn adopt_purges(&self) {
        let Some(journal) = &self.journal else { return };
        journal.adopt(|messages| {
            for message in messages {
                let purge = match PurgeMessage::decode(&message) {
                    Some(purge) => PendingPurge::new(self.process_id, purge.mode, &purge.selector),
                    // What cannot be read may match any page.
                    None => PendingPurge::all(self.process_id),
                };
                // The subscriber begins the delivery.
                self.purge_queue.add(purge);
            }
            self.purge_queue.pending_messages()
        });
    }
}
