#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(doc)]
pub mod guide;
mod key_inputs;

pub use cache_page_macro::{cache_page, purge_page};
#[cfg(feature = "disk")]
pub use cache_page_runtime::DiskStore;
#[cfg(feature = "inspector")]
pub use cache_page_runtime::Inspector;
pub use cache_page_runtime::{
    CacheStatusHeader, Entries, EntryInfo, HandlerStats, IntoTtl, KeyBuilder, KeyInput, Outcome, Page,
    PageCache, PageCacheBuilder, PageCacheMiddleware, PageCacheService, PageControl, ParseOutcomeError,
    Policy, PurgeError, PurgeFuture, PurgeSummary, Reason, Refiller, RemotePurge, RemovalCause, ShutDown,
    Stats, TagHeader, Validators, WarmUp, WarmUpFailure, WarmUpProgress, WarmUpSummary, normalize, remote,
    testing,
};
#[cfg(feature = "redis")]
pub use cache_page_runtime::{RedisStore, RedisUrlError};

#[doc(hidden)]
pub use cache_page_runtime::__private;
