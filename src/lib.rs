#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub use cache_page_macro::cache_page;
pub use cache_page_runtime::{
    CacheStatus, Counts, KeyBuilder, KeyInput, Outcome, Page, PageCache, PageCacheBuilder, Policy, Reason,
    Stats, testing,
};

#[doc(hidden)]
pub use cache_page_runtime::__private;
