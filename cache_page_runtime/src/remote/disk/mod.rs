//! A store in a folder of this machine, for one process.
//!
//! The pages are in a file of `redb`: a table of headers, one of bytes, the order of eviction, and the purges. One thread opens
//! and writes it; lookups run in tokio's pool for blocking work. An entry that was put is found in memory until the thread has
//! written it, with all others of a tenth of a second.
//!
//! **A page is returned only if no known purge matches it, and all purges of the file are known.** The purges are counted, and
//! their last number is kept in a second file. If one of them is missing or damaged, all pages are removed. So they are if a
//! purge cannot be written.

mod changes;
mod file;
mod folder;
mod guard;
mod header;
mod leases;
#[cfg(feature = "cli")]
mod listing;
mod purges;
mod reader;
mod shared;
mod writer;

use std::{
    fmt, io,
    path::Path,
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{
    sync::Semaphore,
    task::spawn_blocking,
    time::{Instant, timeout_at},
};
use xxhash_rust::xxh3::xxh3_128;

#[cfg(feature = "cli")]
pub use self::listing::{DiskListing, DiskListingError};
use self::{folder::Folder, shared::Shared};
use super::{
    BoxFuture, ChangeBatch, Cursor, GetRequest, GetResponse, PurgeRequest, PurgeResult, PutRequest,
    PutResult, ReleaseReason, RemoteStore, StoreError,
};
use crate::{key::Id, sync::lock};

/// The calls that read the file at a time.
const MAX_READS: usize = 16;

/// How long the first poll waits for the file, which may have to be repaired.
const MAX_OPEN_TIME: Duration = Duration::from_millis(250);

/// A second-level (L2) store in a folder on disk: pages survive a restart of the process, and may be more than fit in memory.
///
/// [`PageCacheBuilder::disk`](crate::PageCacheBuilder::disk) is a shorthand. It is a [`RemoteStore`] for one process.
///
/// * **One process.** A second process that opens the folder logs an error and works without the disk, until the first one has
///   ended. Several caches of one process share a folder.
/// * **Purges** are on the disk before they are confirmed. A page that was purged is not returned after a crash either.
/// * **Crashes.** Pages of the last tenth of a second may be missing, and no page is ever half written.
/// * **Damage.** A damaged page is a miss, and is replaced. If the file is damaged in other places, it is replaced by an empty one, and the log
///   says so.
/// * **Failures.** A disk that is full, read-only or broken costs hits and nothing else. A purge that cannot be written empties the
///   folder.
///
/// The folder is created for the current user only, since pages may be those of one visitor. No other files belong there.
#[derive(Clone)]
pub struct DiskStore {
    folder: Arc<Folder>,
    reads: Arc<Semaphore>,
    namespace: OnceLock<Id>,
}

impl DiskStore {
    /// Opens a store in a folder, which is created if need be, with up to `capacity` bytes of pages.
    ///
    /// The file is opened in the background. It may become larger than the capacity, and does not shrink. If this process has
    /// opened the folder before, the capacity remains the first one.
    ///
    /// # Errors
    ///
    /// If the current folder is unknown, or a thread cannot be started.
    pub fn open(folder: impl AsRef<Path>, capacity: u64) -> io::Result<Self> {
        Ok(Self {
            folder: Folder::open(folder.as_ref(), capacity)?,
            reads: Arc::new(Semaphore::new(MAX_READS)),
            namespace: OnceLock::new(),
        })
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.folder.shared
    }

    fn namespace(&self) -> Id {
        *self.namespace.get_or_init(|| namespace(""))
    }

    /// Runs a call that may read the file.
    async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.reads).acquire_owned().await.map_err(StoreError::unavailable)?;
        let shared = Arc::clone(self.shared());
        let result = spawn_blocking(move || {
            let result = call(&shared);
            drop(permit);
            result
        });
        result.await.unwrap_or_else(|error| Err(StoreError::rejected(error)))
    }
}

impl RemoteStore for DiskStore {
    fn set_namespace(&self, key_prefix: &str) {
        let _ = self.namespace.set(namespace(key_prefix));
    }

    fn get(&self, request: GetRequest) -> BoxFuture<'_, GetResponse> {
        let namespace = self.namespace();
        Box::pin(self.run(move |shared| shared.get(namespace, &request)))
    }

    fn put(&self, request: PutRequest) -> BoxFuture<'_, PutResult> {
        let namespace = self.namespace();
        Box::pin(self.run(move |shared| shared.put(namespace, request)))
    }

    fn release(&self, key: Id, owner: Id, reason: ReleaseReason) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let key = shared::entry_key(self.namespace(), key);
            lock(&self.shared().state).leases.release(key, owner, reason);
            Ok(())
        })
    }

    fn purge(&self, request: PurgeRequest) -> BoxFuture<'_, PurgeResult> {
        Box::pin(async move {
            let (sequence, saved) = self.shared().purge(self.namespace(), request);
            match saved.await {
                Ok(result) => result.map(|()| PurgeResult { sequence, is_namespace_used: true }),
                Err(_) => Err(StoreError::rejected("the writer of the cache on disk has ended")),
            }
        })
    }

    fn flush(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            match self.shared().flush().await {
                Ok(result) => result,
                Err(_) => Err(StoreError::rejected("the writer of the cache on disk has ended")),
            }
        })
    }

    fn poll_changes(&self, after: Option<Cursor>, wait: Duration) -> BoxFuture<'_, ChangeBatch> {
        Box::pin(async move {
            let shared = self.shared();
            let (poll_until, open_until) = (Instant::now() + wait, Instant::now() + MAX_OPEN_TIME);
            loop {
                let mut changed = pin!(shared.changed.notified());
                changed.as_mut().enable();
                let (batch, was_tried) = {
                    let state = lock(&shared.state);
                    let namespace = self.namespace();
                    let batch =
                        state.changes.after(after.as_ref(), namespace, shared.instance, state.sequence);
                    (batch, state.was_tried)
                };
                let is_done = !batch.complete || !batch.changes.is_empty();
                let until = match (was_tried, is_done) {
                    (false, _) => open_until,
                    (true, true) => return Ok(batch),
                    (true, false) => poll_until,
                };
                if timeout_at(until, changed).await.is_err() {
                    return Ok(batch);
                }
            }
        })
    }
}

impl fmt::Debug for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskStore").field("folder", &self.shared().folder).finish_non_exhaustive()
    }
}

fn namespace(key_prefix: &str) -> Id {
    Id(xxh3_128(key_prefix.as_bytes()).to_le_bytes())
}
