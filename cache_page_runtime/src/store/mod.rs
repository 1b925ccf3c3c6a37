//! Entries in memory.

pub(crate) mod eviction;
pub(crate) mod local_copies;
pub(crate) mod node;
pub(crate) mod purge_index;
pub(crate) mod slot;
pub(crate) mod store;
