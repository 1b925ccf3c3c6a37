// The links of `README.md`, into the same build instead of docs.rs: of two definitions, the first one counts.
//! [recipes]: guide::recipes
//! [options]: guide::getting_started#options
//! [configuration]: guide::getting_started#configuring-the-cache
//! [middleware]: guide::what_is_cached#middleware
//! [stored]: guide::what_is_cached#what-is-stored
//! [control]: guide::what_is_cached#per-response-control
//! [users]: guide::users
//! [per-user]: guide::users#one-page-per-user
//! [forms]: guide::forms
//! [keys]: guide::keys
//! [unseen]: guide::keys#what-the-check-cannot-see
//! [key-recipes]: guide::recipes#keys
//! [invalidation]: guide::invalidation
//! [shell]: guide::command_line
//! [stale]: guide::stale
//! [deploys]: guide::deploys
//! [processes]: guide::processes
//! [downstream]: guide::downstream
//! [nginx]: guide::downstream#nginx
//! [tags]: guide::downstream#tags-for-a-cdn
//! [compression]: guide::downstream#compression
//! [metrics]: guide::operating#metrics
//! [memory]: guide::operating#memory-and-eviction
//! [inspector]: guide::operating#inspector
//! [misses]: guide::operating#a-page-is-never-a-hit
//! [old-data]: guide::operating#users-see-old-data
//! [testing]: guide::testing
//! [coming-from]: guide::coming_from
//! [order]: guide::how_it_works#the-order-of-attributes
//! [performance]: guide::how_it_works#performance
#![doc = include_str!("../README.md")]
//!
//! ## API at a glance
//!
//! | | |
//! |---|---|
//! | [`#[cache_page]`](macro@cache_page), [`#[purge_page]`](macro@purge_page) | cache the responses of a handler; purge pages when a handler succeeds |
//! | [`PageCacheMiddleware`], [`Policy`] | cache an App, a scope or a resource; share options |
//! | [`PageCache`], [`PageCacheBuilder`] | purge, look up statistics, warm up; configure a cache |
//! | [`PageControl`] | decide about one response: its TTL, tags, or not to store it |
//! | [`KeyInput`], [`key_inputs!`] | say what an extractor reads, of your own or of another crate |
//! | [`testing`] | a manual clock, assertions, and checks of remote stores |
//! | [`guide`] | the guide, by chapter |
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
