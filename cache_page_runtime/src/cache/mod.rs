//! The cache of an App: its parts, its options, and its purges.

mod build_site;
mod builder;
mod config;
mod credential_options;
#[cfg(feature = "disk")]
mod disk_options;
mod encoder;
mod entries;
mod extract;
mod host_options;
mod local_purges;
mod page_cache;
mod purge;
mod purge_future;
mod query_options;
mod refill;
mod remote_options;
mod shared_result;
mod shut_down;
mod tag_headers;
mod warm_up;

pub use self::{
    builder::PageCacheBuilder,
    entries::Entries,
    page_cache::PageCache,
    purge_future::{PurgeFuture, PurgeSummary, RemotePurge},
    refill::Refiller,
    shut_down::ShutDown,
    warm_up::{WarmUp, WarmUpFailure, WarmUpProgress, WarmUpSummary},
};
pub(crate) use self::{
    encoder::{Encoder, EncodingPermit},
    shared_result::{SharedResult, shared_result},
};
