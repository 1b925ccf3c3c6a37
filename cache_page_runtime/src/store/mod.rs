//! Entries in memory.

mod active_purges;
mod chunks;
#[cfg(test)]
mod consistency;
mod copy_charge;
#[cfg(test)]
mod copy_tests;
mod encoded;
mod entry;
mod entry_info;
#[cfg(feature = "inspector")]
mod entry_view;
mod eviction;
#[cfg(test)]
mod fixtures;
mod freed;
mod ghosts;
mod handler_totals;
#[cfg(all(test, target_os = "linux"))]
mod held;
#[cfg(all(test, target_os = "linux"))]
mod hold_times;
mod lifetime;
mod listing;
pub(crate) mod local_copies;
mod locking;
mod map;
mod miss;
mod node;
mod purge;
mod purge_index;
#[cfg(test)]
mod purge_tests;
#[cfg(test)]
mod put_rates;
mod queue;
mod removal;
mod room;
#[cfg(test)]
mod scheduled_tests;
mod sent_lines;
mod slot;
mod state;
mod store;
mod stream_budget;
mod sweep;
mod sweeper;
mod variants;
mod weights;
mod writer;

pub use self::{entry_info::EntryInfo, removal::RemovalCause};

pub(crate) use self::{
    active_purges::Purge,
    entry::{Entry, Lifetime, RemoteRef},
    handler_totals::HandlerTotal,
    lifetime::Freshness,
    listing::Listing,
    miss::Miss,
    removal::Removals,
    sent_lines::SentLines,
    store::{Sizes, Store},
    stream_budget::{StreamBudget, StreamCopy},
};
#[cfg(feature = "inspector")]
pub(crate) use self::{entry_info::EntryId, entry_view::EntryView, listing::ListingPosition};
