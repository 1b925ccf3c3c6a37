//! A remote store in Redis or Valkey.
//!
//! # Keys
//!
//! All keys start with `cp1:{…}:`. The braces contain the `key_prefix` of the cache and, in a cluster, the number of a
//! shard, so that all keys of a script are in one hash slot. What follows is:
//!
//! | key | value |
//! |---|---|
//! | `p` and an id | a page: its header, twice, and its frame (see [`encoding`]) |
//! | `s` and an id | the stamp of a purge key: when it was created, and when its pages were last soft-purged |
//! | `x` | the stamp of all pages, which also has the number of the last rule |
//! | `xs` | the rules: prefixes and handlers that were purged, by number |
//! | `r` | the recent purges by number, which distinguish a purge key that was purged from a new one |
//! | `c` and an id | the owner of the lease on a page; with the suffix `w`, whether another process waits |
//! | `i` | the run id of the server that this data is from |
//! | `n`, `t`, `l` | the number of the last purge; that of the last purge in the log; the log |
//! | `u` | a mark that a page was ever stored, without which a purge reports that it probably has the wrong prefix |
//!
//! Each of them may be overwritten by accident, with a value of another type or with garbage. The scripts delete such a value
//! when they find it, and go on as after an eviction.
//!
//! # Purges
//!
//! **A page is returned only if the stamps of all its purge keys exist and are older than the page.** To purge a key is to
//! delete its stamp. The server may therefore evict any key: that may purge a page too many, but never a page too few.
//! Sets of the pages of each tag would have to be complete, and eviction makes them incomplete without notice. Deleting a
//! stamp takes the same time for any number of pages, and works in a full server that rejects writes.
//!
//! Handlers, prefixes and the purge of everything share the global stamp and the list of rules: they are rarely purged, and
//! each additional stamp makes each hit slower.
//!
//! A purge key without a stamp was purged, or is new, as for a page that is stored for the first time. The list of the last
//! 4,096 purged keys distinguishes the two. Without it, any purge during a fill would keep a new page from being stored, and
//! on a site that purges all the time, new pages would never be stored. The list also has the number up to which it is
//! incomplete, so that it is lost as a whole or not at all.
//!
//! The number of a purge is the time of the server in microseconds, or one more than the last number if that is greater, and
//! always more than any number that the caller has seen. After a loss of all data, numbers continue above the earlier ones.

mod connection;
mod encoding;
mod error;
mod get;
mod key_hints;
mod keys;
#[cfg(feature = "cli")]
mod listing;
mod log;
mod purge;
mod put;
mod reply;
pub(crate) mod resp;
mod scripts;
mod server_clock;
mod watch;
mod worker_connection;
mod worker_connections;

use std::{
    fmt,
    sync::{Mutex, OnceLock, atomic::AtomicBool},
    time::Duration,
};

pub use self::connection::RedisUrlError;
use self::{
    connection::{Connection, Endpoint},
    key_hints::KeyHints,
    keys::ShardKeys,
    scripts::Scripts,
    server_clock::ServerClock,
    worker_connections::WorkerConnections,
};
use super::{
    BoxFuture, ChangeBatch, Cursor, GetRequest, GetResponse, PurgeRequest, PurgeResult, PutRequest,
    PutResult, ReleaseReason, RemoteStore, StoreError,
};
use crate::{key::Id, sync::lock};

/// The shards of a cluster, which spread the keys over its nodes.
#[cfg(feature = "redis-cluster")]
const SHARDS: u8 = 16;

/// A [remote store](crate::remote) in Redis or Valkey.
///
/// [`PageCacheBuilder::redis`](crate::PageCacheBuilder::redis) is a shorthand for a single server.
///
/// # Server
///
/// It needs Redis 6.2 or later, or any version of Valkey, and is tested with Redis 7.0. All keys have a TTL; set `maxmemory`
/// with any eviction policy. A restricted user needs the commands `EVAL`, `EVALSHA`, `GETRANGE`, `INFO`, `MGET`, `PING`,
/// `XREAD` and those that the scripts call, for the keys `cp1:*`.
///
/// # Connections
///
/// Each cache has two connections, and one more for each worker, over which the worker looks up pages. Lookups over
/// TLS, in a cluster and with sentinels share one of the two.
pub struct RedisStore {
    endpoint: Endpoint,
    shards: OnceLock<Box<[ShardKeys]>>,
    shard_count: u8,
    scripts: Scripts,
    request_connection: Mutex<Option<Connection>>,
    worker_connections: WorkerConnections,
    log_connection: tokio::sync::Mutex<Option<Connection>>,
    /// Whether a shard has lost its sequence.
    sequence_lost: AtomicBool,
    clock: ServerClock,
    hints: KeyHints,
}

impl RedisStore {
    /// Creates a store in the server with this URL: `redis://[user][:password@]host[:port][/database]`, `rediss://…` for
    /// TLS (feature `redis-tls`), or `redis+unix:///path`. The schemes `valkey`, `valkeys` and `valkey+unix` are the same.
    ///
    /// It does not connect yet.
    ///
    /// # Errors
    ///
    /// If the URL is invalid.
    pub fn open(url: impl AsRef<str>) -> Result<Self, RedisUrlError> {
        Ok(Self::new(Endpoint::server(url.as_ref())?, 1))
    }

    /// Creates a store in the cluster that has nodes with these URLs (feature `redis-cluster`). They need not be all of
    /// its nodes.
    ///
    /// # Errors
    ///
    /// If a URL is invalid.
    #[cfg(feature = "redis-cluster")]
    pub fn cluster<U: AsRef<str>>(nodes: impl IntoIterator<Item = U>) -> Result<Self, RedisUrlError> {
        Ok(Self::new(Endpoint::cluster(nodes)?, SHARDS))
    }

    /// Creates a store in the master `master` that the sentinels with these URLs monitor (feature `redis-sentinel`).
    ///
    /// The user, password and database of the master are those of the URL `server`, whose host is not used:
    /// `redis://user:password@any/0`.
    ///
    /// # Errors
    ///
    /// If a URL is invalid.
    #[cfg(feature = "redis-sentinel")]
    pub fn sentinel<U: AsRef<str>>(
        sentinels: impl IntoIterator<Item = U>,
        master: &str,
        server: &str,
    ) -> Result<Self, RedisUrlError> {
        Ok(Self::new(Endpoint::sentinel(sentinels, master, server)?, 1))
    }

    fn new(endpoint: Endpoint, shard_count: u8) -> Self {
        Self {
            endpoint,
            shards: OnceLock::new(),
            shard_count,
            scripts: Scripts::new(),
            request_connection: Mutex::new(None),
            worker_connections: WorkerConnections::default(),
            log_connection: tokio::sync::Mutex::new(None),
            sequence_lost: AtomicBool::new(false),
            clock: ServerClock::default(),
            hints: KeyHints::new(),
        }
    }

    fn shards(&self) -> &[ShardKeys] {
        self.shards.get_or_init(|| ShardKeys::shards("", self.shard_count))
    }

    /// Returns the keys of the shard that a page is in.
    fn shard(&self, page: Id) -> &ShardKeys {
        &self.shards()[usize::from(page.0[0] % self.shard_count)]
    }

    /// Returns the keys of the shard that assigns sequence numbers and contains the log.
    fn first_shard(&self) -> &ShardKeys {
        &self.shards()[0]
    }

    fn is_cluster(&self) -> bool {
        self.shard_count > 1
    }

    /// Returns the connection for requests.
    fn connection(&self) -> Result<Connection, StoreError> {
        lock(&self.request_connection).clone().ok_or_else(|| StoreError::unavailable("not connected"))
    }
}

impl RemoteStore for RedisStore {
    fn set_namespace(&self, key_prefix: &str) {
        // Two caches may share one store. The first one sets the namespace.
        let _ = self.shards.set(ShardKeys::shards(key_prefix, self.shard_count));
    }

    fn get(&self, request: GetRequest) -> BoxFuture<'_, GetResponse> {
        Box::pin(self.get_page(request))
    }

    fn put(&self, request: PutRequest) -> BoxFuture<'_, PutResult> {
        Box::pin(self.put_page(request))
    }

    fn release(&self, key: Id, owner: Id, reason: ReleaseReason) -> BoxFuture<'_, ()> {
        Box::pin(self.release_lease(key, owner, reason))
    }

    fn purge(&self, request: PurgeRequest) -> BoxFuture<'_, PurgeResult> {
        Box::pin(self.execute_purge(request))
    }

    fn poll_changes(&self, after: Option<Cursor>, wait: Duration) -> BoxFuture<'_, ChangeBatch> {
        Box::pin(self.poll_log(after, wait))
    }

    fn reset_connections(&self) {
        *lock(&self.request_connection) = None;
        self.worker_connections.close();
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
