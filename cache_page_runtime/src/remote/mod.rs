//! The shared tier: one cache for many processes, behind the memory of each.
//!
//! Give a cache one by [`PageCacheBuilder::redis`](crate::PageCacheBuilder::redis), or any other engine by
//! [`PageCacheBuilder::shared`](crate::PageCacheBuilder::shared): [`RemoteStore`] is the contract. What follows holds whatever
//! the engine is.
//!
//! * Memory first. What is not there is asked for in the shared tier by one request of the process, and what is not there either
//!   is made by one process, for which the others wait.
//! * A page is sent from memory for [`local_ttl`](crate::PageCacheBuilder::local_ttl) at most. After that, the shared tier says that it
//!   is as it was ([`GetRequest::have`]), or sends another one.
//! * When a purge was awaited, the shared tier has no such page any more. Other processes may send copies from their memory until
//!   they hear of it, which usually takes less than a millisecond, and never longer than
//!   [`max_purge_lag`](crate::PageCacheBuilder::max_purge_lag): one that has not heard anything for so long does not trust its memory.
//! * The store is waited for no longer than [`remote_timeout`](crate::PageCacheBuilder::remote_timeout). When it is out of
//!   reach, it is not asked; requests are answered by their handlers.

pub(crate) mod codec;
pub(crate) mod identity;
pub(crate) mod purge_queue;
#[cfg(feature = "redis")]
pub(crate) mod redis;
pub(crate) mod seen_purges;
pub(crate) mod stats;
pub(crate) mod store;
pub(crate) mod subscriber;
pub(crate) mod tier;
pub(crate) mod waiters;

use std::time::Duration;

pub(crate) use crate::{
    fill::{publish::RemoteLease, remote_fetch::RemoteFetch},
    remote::{
        stats::RemoteError,
        tier::{RemoteOptions, RemoteTier},
    },
};
pub use crate::{
    key::{Id, Version},
    remote::{
        stats::RemoteStats,
        store::{
            BoxFuture, Change, ChangeBatch, Cursor, GetRequest, GetResponse, Lease, LeaseStatus,
            PurgeRequest, PurgeScope, PutRequest, PutResult, ReleaseReason, RemoteEntry, RemoteStore,
            StoreError,
        },
    },
};

/// How long after the end of a process another one makes the page that it was making.
const LEASE_TTL: Duration = Duration::from_secs(1);

/// How often a claim is made anew while the page is made.
const LEASE_RENEWAL: Duration = Duration::from_millis(300);
