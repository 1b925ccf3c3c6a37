//! Entries in memory.

mod entry;
mod eviction;
mod lifetime;
pub(crate) mod local_copies;
mod miss;
mod node;
mod purge_index;
mod slot;
#[allow(clippy::module_inception)]
mod store;
mod stream_budget;
mod weights;

pub(crate) use {
    entry::{Entry, Lifetime, RemoteRef},
    lifetime::Freshness,
    miss::Miss,
    store::Store,
    stream_budget::{StreamBudget, StreamCopy},
};
