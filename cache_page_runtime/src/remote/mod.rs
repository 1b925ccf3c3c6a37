//! Second-level (L2) stores behind the local memory (L1) of a process: Redis, Valkey, a folder on disk, or your own.
//!
//! [`PageCacheBuilder::redis`](crate::PageCacheBuilder::redis) configures Redis or Valkey, `PageCacheBuilder::disk` a folder, and
//! [`PageCacheBuilder::remote_store`](crate::PageCacheBuilder::remote_store) any other implementation of [`RemoteStore`],
//! the trait that defines the contract between the cache and a store. With any store, the cache works as follows.
//!
//! * **Lookup.** A request is answered from local memory if possible. Otherwise one request of the process looks the page
//!   up in the remote store. If it is not there either, one process runs the handler and stores its response for all; the
//!   others wait for it, unless
//!   [`coalesce_across_processes`](crate::PageCacheBuilder::coalesce_across_processes) is off.
//! * **Local copies.** A page is served from local memory for at most
//!   [`local_ttl`](crate::PageCacheBuilder::local_ttl). After that it is revalidated: the store confirms its
//!   [version](GetRequest::if_version), or sends a newer page.
//! * **Purges.** When a purge has been awaited and [confirmed](crate::RemotePurge::Confirmed), the remote store returns none
//!   of the purged pages. Other processes may serve them from local memory until they receive the purge, usually within a
//!   millisecond, and never for longer than [`max_purge_lag`](crate::PageCacheBuilder::max_purge_lag): a process that could
//!   not poll the store for that long only serves from local memory what it has made since.
//! * **One page for all.** A process that runs the handler keeps its page in local memory only if the remote store has
//!   accepted it, or cannot store it at all. So after a purge, processes do not keep different pages of one URL. They may
//!   have different ones for up to `local_ttl` if two of them run the handler at the same time: without coalescing across
//!   processes, or if the handler takes longer than `coalesce_timeout`.
//! * **Failures.** While the store is unavailable, a page is served from local memory for `max_purge_lag` after its handler was
//!   started, and purges wait until the store is available. A request waits for the store for at most
//!   [`remote_timeout`](crate::PageCacheBuilder::remote_timeout), and then runs its handler. After repeated failures the
//!   store is not called until it is available again.
//!
//! ```
//! use std::time::Duration;
//!
//! use cache_page::PageCache;
//!
//! # #[cfg(feature = "redis")]
//! let cache = PageCache::builder()
//!     .redis("redis://localhost:6379")
//!     .local_ttl(Duration::from_secs(10))
//!     .build();
//! # #[cfg(feature = "redis")]
//! # drop(cache);
//! ```

mod call_metrics;
mod client;
mod codec;
#[cfg(feature = "disk")]
mod disk;
mod encoding;
mod error;
mod lease;
#[cfg(all(feature = "cli", any(feature = "disk", feature = "redis")))]
mod listing;
mod local_cache;
mod messages;
mod namespace;
mod options;
mod private_folder;
mod purge_journal;
mod purge_queue;
#[cfg(feature = "redis")]
mod redis;
mod seen_purges;
mod state;
mod stats;
mod store;
mod subscriber;
mod tier;
mod versions;
mod waiters;

#[cfg(feature = "disk")]
pub use self::disk::DiskStore;
#[cfg(all(feature = "cli", feature = "disk"))]
#[doc(hidden)]
pub use self::disk::{DiskListing, DiskListingError};
#[cfg(all(feature = "cli", any(feature = "disk", feature = "redis")))]
#[doc(hidden)]
pub use self::listing::{PageDetails, PageHead, Selection, Visitor};
#[cfg(all(fuzzing, feature = "redis"))]
pub(crate) use self::redis::resp as redis_reply;
#[cfg(feature = "redis")]
pub use self::redis::{RedisStore, RedisUrlError};
pub(crate) use self::{
    codec::{DecodeError, Frame, decode, encode_page, encode_vary_names},
    encoding::{EncodingLookup, RemoteEncoding},
    lease::RemoteLease,
    local_cache::LocalCache,
    namespace::{entry_id, variant_key},
    options::RemoteOptions,
    purge_queue::PurgeAck,
    stats::RemoteError,
    tier::RemoteTier,
    waiters::Waiter,
};
pub use self::{
    error::StoreError,
    messages::{
        Change, ChangeBatch, Cursor, GetRequest, GetResponse, Lease, LeaseStatus, PurgeRequest, PurgeResult,
        PurgeScope, PutRequest, PutResult, ReleaseReason, RemoteEntry,
    },
    stats::RemoteStats,
    store::{BoxFuture, RemoteStore},
};
pub use crate::key::{Id, Version};
