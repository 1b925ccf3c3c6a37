#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use cache_page_macro::{cache_page, purge_page};
pub use cache_page_runtime::{
    CachePage, CachePageService, CacheStatus, Counts, KeyBuilder, KeyInput, Outcome, Page, PageCache,
    PageCacheBuilder, PageControl, Policy, PurgeError, Purged, Purging, Reason, Stats, TimeToLive,
    Validators, shared, testing,
};
#[cfg(feature = "redis")]
pub use cache_page_runtime::{RedisStore, RedisUrlError};

#[doc(hidden)]
pub use cache_page_runtime::__private;
