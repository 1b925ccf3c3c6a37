//! The runtime of the [`cache_page`](https://docs.rs/cache_page) crate: everything that happens during a request.
//!
//! Depend on `cache_page`, not on this crate. What follows is for contributors.
//!
//! # Layers
//!
//! A folder imports only from lower layers, and no two folders import each other. `cargo xtask layers`
//! checks it.
//!
//! | layer | folder | owns |
//! |---|---|---|
//! | 11 | `testing` | what tests of applications and of remote stores use |
//! | 10 | `service` | what actix-web calls: the entry point of the attribute, the middleware, `purge_page` |
//! | 10 | `inspector` | pages and an API that show what a cache does, and purge |
//! | 9 | `serve` | one request: looks up, responds, joins a flight, or starts a fill |
//! | 8 | `fill` | one run of a handler: its response, admission, storing and publishing; background refresh; stale on error |
//! | 7 | `cache` | `PageCache`, its builder and configuration; the purge methods |
//! | 6 | `observe` | statistics, metrics, tracing events and the `Cache-Status` header |
//! | 5 | `store` | entries in memory: map, eviction, byte budget, purge index, per-worker copies |
//! | 5 | `remote` | the second level (L2): the `RemoteStore` trait, its client, the codec, Redis, the disk |
//! | 5 | `coalesce` | single flight within the process, and keys known to be uncacheable (hit-for-miss) |
//! | 5 | `policy` | the options of one handler, and `PageControl` |
//! | 4 | `purge` | tags, selectors, and the purge log that running fills are checked against |
//! | 3 | `key`, `page` | the cache key and its inputs; an immutable stored response |
//! | 2 | `http`, `cache_name` | the rules of the RFCs, as functions of their arguments; the names of caches |
//! | 1 | `time`, `outcome`, `sync` | clock, backoff, outcomes of requests, locks |
//!
//! # Rules
//!
//! * A function takes what it needs, such as a store or a clock, and not the `PageCache` handle.
//! * The methods of a type live with the type, and the type lives in the lowest layer that names it.
//! * `http`, `key` and `policy` take values and return values: no clock, no I/O, and no state that changes a result.
//! * `time` is the only source of the time that ages, lifetimes and backoff depend on.

mod cache;
mod cache_name;
mod coalesce;
mod fill;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod http;
#[cfg(feature = "inspector")]
mod inspector;
mod key;
mod observe;
mod outcome;
mod page;
mod policy;
#[cfg(test)]
mod properties;
mod purge;
pub mod remote;
mod serve;
mod service;
mod store;
mod sync;
pub mod testing;
mod time;

#[cfg(feature = "inspector")]
pub use crate::inspector::Inspector;
#[cfg(feature = "disk")]
pub use crate::remote::DiskStore;
#[cfg(feature = "redis")]
pub use crate::remote::{RedisStore, RedisUrlError};
pub use crate::{
    cache::{
        Entries, PageCache, PageCacheBuilder, PurgeFuture, PurgeSummary, Refiller, RemotePurge, ShutDown,
        WarmUp, WarmUpFailure, WarmUpProgress, WarmUpSummary,
    },
    http::{TagHeader, normalize},
    key::{KeyBuilder, KeyInput},
    observe::{CacheStatusHeader, HandlerStats, Stats},
    outcome::{Outcome, ParseOutcomeError, Reason},
    page::Page,
    policy::{PageControl, Policy, Validators},
    purge::PurgeError,
    service::{IntoTtl, PageCacheMiddleware, PageCacheService},
    store::{EntryInfo, RemovalCause},
};

/// The items that generated code uses. They are exempt from semantic versioning.
#[doc(hidden)]
pub mod __private {
    pub use actix_web::HttpResponse;

    pub use crate::{
        key::{AnonymousValue, Argument, Classified, KeyValue, input_by, push_http_request},
        policy::{GenericPolicy, HandlerPolicy, Policy, Ttl, finite, policy, seconds, seconds_and_nanos},
        serve::Lookup,
        service::{CachedRequest, PurgePolicy, PurgingRequest, UncachedRequest},
    };
}
