//! The shared tier: one cache for many processes, behind the memory of each.
//!
//! Give a cache one by [`PageCacheBuilder::redis`](crate::PageCacheBuilder::redis), or any other engine by
//! [`PageCacheBuilder::shared`](crate::PageCacheBuilder::shared): [`SharedStore`] is the contract. What follows holds whatever
//! the engine is.
//!
//! * Memory first. What is not there is asked for in the shared tier by one request of the process, and what is not there either
//!   is made by one process, for which the others wait.
//! * A page is sent from memory for [`memory_ttl`](crate::PageCacheBuilder::memory_ttl) at most. After that, the shared tier says that it
//!   is as it was ([`Wanted::have`]), or sends another one.
//! * When a purge was awaited, the shared tier has no such page any more. Other processes may send copies from their memory until
//!   they hear of it, which usually takes less than a millisecond, and never longer than
//!   [`purge_delay`](crate::PageCacheBuilder::purge_delay): one that has not heard anything for so long does not trust its memory.
//! * The store is waited for no longer than [`shared_deadline`](crate::PageCacheBuilder::shared_deadline). When it is out of
//!   reach, it is not asked; requests are answered by their handlers.

mod ask;
mod faults;
pub(crate) mod frame;
mod give;
mod identity;
mod known;
mod line;
mod purges;
mod store;
mod tier;
mod told;
mod waits;
pub(crate) mod wire;

use std::time::Duration;

pub(crate) use self::{
    ask::Asking,
    faults::Fault,
    give::Claimed,
    tier::{Terms, Tier},
    told::name,
};
pub use self::{
    faults::Shared,
    store::{
        Change, Changes, Claim, Found, Id, Kept, Left, Offered, Pending, Position, Purge, PurgeOf,
        SharedStore, StoreError, Taken, Turn, Version, Wanted,
    },
};

/// How long after the end of a process another one makes the page that it was making.
const CLAIM: Duration = Duration::from_secs(1);

/// How often a claim is made anew while the page is made.
const RENEWED: Duration = Duration::from_millis(300);
