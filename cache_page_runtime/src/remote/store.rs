//! The contract of a remote store.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use super::{
    error::StoreError,
    messages::{
        ChangeBatch, Cursor, GetRequest, GetResponse, PurgeRequest, PurgeResult, PutRequest, PutResult,
        ReleaseReason,
    },
};
use crate::key::Id;

/// The future that the methods of a [`RemoteStore`] return.
///
/// The cache drops it when the [timeout](crate::PageCacheBuilder::remote_timeout) has elapsed, so an implementation must
/// be cancel safe: after a drop at any `.await`, later calls work as if the call had been executed or had never been made.
pub type BoxFuture<'s, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 's>>;

/// A key-value store with purge keys and leases, in which several processes share their cached responses.
///
/// [`RedisStore`](crate::RedisStore) implements it for Redis and Valkey. Implement it for any other system that all
/// processes can reach, and test the implementation with [`testing::conformance`](crate::testing::conformance).
///
/// A store does not need to know HTTP. Entries are opaque bytes under a 128-bit key; they contain a checksum and the whole
/// cache key, which the cache verifies. A store that loses entries, or returns the bytes of another entry, costs time but
/// never correctness. **A store must never return an entry that was purged.** All of the contract follows from that.
///
/// # Contract
///
/// 1. **Purges are numbered.** Each purge gets a sequence number. It is greater than the numbers of all earlier purges and
///    than the request's [`min_sequence`](PurgeRequest::min_sequence), even if the store has lost all other data. A clock
///    in microseconds, incremented where it would not increase, meets this. 0 is not a sequence number.
/// 2. **[`put`](Self::put) rejects outdated entries.** An entry has purge keys and a
///    [`purge_seq`](PutRequest::purge_seq), the last purge that its data reflects. It is stored only if no purge with a
///    greater number matches it, soft purges included. If this is unknown, for instance because the store was emptied
///    or has evicted its record of purges, it rejects the entry.
/// 3. **[`get`](Self::get) returns no purged entry.** No entry is returned that a purge with a number greater than its
///    `purge_seq` matches, or for which this is unknown. `get`, `put` and `purge` are atomic with respect to one
///    another: once `purge` has returned, no `get` that starts later returns an entry that it matches.
/// 4. **[`poll_changes`](Self::poll_changes) leaves out no purge** between the cursor that it is given and the cursor that
///    it returns, or it reports the batch as [incomplete](ChangeBatch::complete). A store that may be restored from a
///    snapshot or fail over to a replica must detect the loss, both for this rule and for rule 3.
/// 5. **Everything expires.** Entries, purge records and leases are removed after their TTL, whether or not they are
///    accessed again.
///
/// # Runtime
///
/// `get`, `put`, `release` and `purge` are called from the threads of actix-web's workers and from a thread that each cache
/// runs for its remote store. That thread has a tokio runtime with timers and I/O. `poll_changes` is called only there, in a
/// loop, so connections that it opens are driven there for as long as the cache exists.
pub trait RemoteStore: fmt::Debug + Send + Sync + 'static {
    /// Sets the namespace of this instance: it neither reads nor changes what instances with another `key_prefix` have
    /// stored, and does not receive their changes.
    ///
    /// The cache calls it once, before all other methods. The default implementation does nothing.
    fn set_namespace(&self, key_prefix: &str) {
        let _ = key_prefix;
    }

    /// Returns the entry under the key, fresh or stale, unless it was purged.
    ///
    /// If the request has a [`lease`](GetRequest::lease) and the entry is missing, stale or soft-purged, the caller also
    /// tries to acquire the lease on the key; the result is the response's [`lease`](GetResponse::lease). A lease lasts
    /// until an entry is [put](Self::put) by the same owner, until it is [released](Self::release), or until its TTL has
    /// elapsed. The owner of a lease acquires it again, for the whole TTL: that is how the cache renews it.
    ///
    /// If the request has an [`if_version`](GetRequest::if_version) that is the version of the entry, and the entry is
    /// fresh and not soft-purged, the response may omit its bytes. A store without [versions](super::RemoteEntry::version) always
    /// sends them.
    fn get(&self, request: GetRequest) -> BoxFuture<'_, GetResponse>;

    /// Stores an entry or rejects it. Either way, the lease of its [`owner`](PutRequest::owner) ends.
    fn put(&self, request: PutRequest) -> BoxFuture<'_, PutResult>;

    /// Releases the lease of `owner` on `key` without an entry. A lease of another owner is not affected.
    fn release(&self, key: Id, owner: Id, reason: ReleaseReason) -> BoxFuture<'_, ()>;

    /// Purges or soft-purges all entries that match, and appends the purge to the log that
    /// [`poll_changes`](Self::poll_changes) reads.
    ///
    /// All purges with a smaller number than that of the [result](PurgeResult::sequence) have been executed by then.
    fn purge(&self, request: PurgeRequest) -> BoxFuture<'_, PurgeResult>;

    /// Returns the changes after a cursor. If there are none, waits for at most `wait`.
    ///
    /// Without a cursor, returns the present cursor at once, as an incomplete batch.
    ///
    /// This method also establishes the connection, and re-establishes it after a failure. While it fails, the cache calls
    /// no other method.
    fn poll_changes(&self, after: Option<Cursor>, wait: Duration) -> BoxFuture<'_, ChangeBatch>;

    /// Waits until the entries that were [put](Self::put) are as durable as this store makes them. The cache calls it before its process
    /// ends ([`PageCache::shut_down`](crate::PageCache::shut_down)).
    ///
    /// The default implementation does nothing.
    fn flush(&self) -> BoxFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Discards connections that may be dead: several calls in a row have timed out or failed.
    ///
    /// The default implementation does nothing.
    fn reset_connections(&self) {}
}
