//! The requests and responses of a remote store.

use std::{fmt, time::Duration};

use actix_web::web::Bytes;

use crate::key::{Id, Version};

/// A lookup of one entry.
#[derive(Clone, Debug)]
pub struct GetRequest {
    /// The key of the entry.
    pub key: Id,
    /// The version that the caller has. If it is still valid, its bytes need not be sent again.
    pub if_version: Option<Version>,
    /// Purge keys that the entry is expected to have, the most useful ones first.
    ///
    /// This is a hint, so that a store can read them in the same round trip. It may be incomplete or wrong, and is usually
    /// empty if there is an `if_version`.
    pub purge_keys: Vec<Id>,
    /// The lease that the caller requests if the entry is missing, stale or soft-purged.
    pub lease: Option<Lease>,
}

/// A request for the lease on a key: its owner runs the handler for all processes.
#[derive(Clone, Copy, Debug)]
pub struct Lease {
    /// Identifies the fill that requests the lease.
    pub owner: Id,
    /// The time after which the lease expires unless it is renewed.
    pub ttl: Duration,
}

/// The result of a lookup.
#[derive(Clone, Debug)]
pub struct GetResponse {
    /// The entry, fresh or stale.
    pub entry: Option<RemoteEntry>,
    /// Whether the caller holds the lease. Of no meaning if no lease was requested, or if the entry is fresh.
    pub lease: LeaseStatus,
}

/// A stored entry.
#[derive(Clone, Debug)]
pub struct RemoteEntry {
    /// The bytes as they were put, or `None` if the request's [`if_version`](GetRequest::if_version) is still valid.
    pub bytes: Option<Bytes>,
    /// The version of the bytes, or `None` if the store has no versions.
    pub version: Option<Version>,
    /// The time since the entry was put.
    pub age: Duration,
    /// The time since the entry was soft-purged, or `None` if no soft purge after its
    /// [`purge_seq`](PutRequest::purge_seq) matches it.
    pub expired: Option<Duration>,
}

/// Who runs the handler for an entry that is missing, stale or soft-purged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseStatus {
    /// The caller holds the lease.
    Acquired,
    /// Another owner holds the lease. The caller waits for its entry.
    Held,
    /// The last response was [uncacheable](ReleaseReason::Uncacheable): every process runs the handler.
    Uncoalesced,
}

/// Why a lease ends without an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseReason {
    /// The fill failed or was cancelled. The next caller may acquire the lease.
    Retry,
    /// The response was uncacheable. For this time, lookups return [`LeaseStatus::Uncoalesced`].
    Uncacheable(Duration),
}

/// An entry to be stored.
#[derive(Clone, Debug)]
pub struct PutRequest {
    /// The key of the entry.
    pub key: Id,
    /// The bytes of the entry.
    pub bytes: Vec<u8>,
    /// The keys by which the entry is purged, at most 140, in any order.
    pub purge_keys: Vec<Id>,
    /// The path that [`PurgeScope::PathPrefix`] is compared with.
    pub path: String,
    /// The number of the last purge that the data of the entry reflects.
    pub purge_seq: u64,
    /// The time since the fill started. The entry does not replace a fresh one whose fill started later.
    pub started: Duration,
    /// How long the entry is fresh, or `None` if it does not become stale before it is removed.
    pub fresh_for: Option<Duration>,
    /// The time after which the entry is removed.
    pub ttl: Duration,
    /// The owner of the lease that ends with this request.
    pub owner: Option<Id>,
}

/// The result of a [`PutRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutResult {
    /// The entry was stored.
    Stored,
    /// The entry was rejected: a purge after its [`purge_seq`](PutRequest::purge_seq) matches it, or may match it.
    Purged,
    /// The entry was rejected: a fresh one is stored whose fill started later.
    Superseded,
}

/// A purge or soft purge.
#[derive(Clone, Debug)]
pub struct PurgeRequest {
    /// The greatest sequence number that the caller has seen. The number of this purge is greater.
    pub min_sequence: u64,
    /// Whether this is a soft purge, which keeps the entries but [expires](RemoteEntry::expired) them.
    pub expire: bool,
    /// The entries that the purge matches.
    pub scope: PurgeScope,
    /// The message that other processes receive with [`Change::Purged`].
    pub message: Vec<u8>,
}

/// The entries that a purge matches.
#[derive(Clone, Debug)]
pub enum PurgeScope {
    /// Entries with at least one of these purge keys.
    Keys(Vec<Id>),
    /// Entries whose [path](PutRequest::path) starts with this string.
    PathPrefix(String),
}

/// The result of a [`PurgeRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurgeResult {
    /// The sequence number of the purge.
    pub sequence: u64,
    /// Whether entries are or were stored in the namespace, as far as the store remembers. `true` if it does not record this.
    ///
    /// A program with a wrong `key_prefix` purges a namespace that no other process uses, which the result reports.
    pub is_namespace_used: bool,
}

/// A position in the log of changes, in a format of the store's choice.
#[derive(Clone, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// The changes after a cursor.
#[derive(Clone, Debug)]
pub struct ChangeBatch {
    /// Whether the batch contains every purge since the cursor of the request. If it does not, the cache drops its local
    /// memory.
    pub complete: bool,
    /// The changes in their order.
    pub changes: Vec<Change>,
    /// The cursor after the last change.
    pub cursor: Cursor,
    /// The sequence number of the last purge before the cursor, greater than 0. A fill that starts after the batch was
    /// applied has this [`purge_seq`](PutRequest::purge_seq).
    pub sequence: u64,
}

/// A change that other processes are notified of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A purge was executed. Contains the [message](PurgeRequest::message) of its request.
    Purged(Vec<u8>),
    /// The entry with this key was stored, or its lease released, while another process waited for it.
    ///
    /// A store may omit these changes: processes that wait also poll.
    Filled(Id),
}
