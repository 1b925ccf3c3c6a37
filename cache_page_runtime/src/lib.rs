//! What the [`cache_page`](https://docs.rs/cache_page) crate does during a request. Depend on `cache_page`, not on this
//! crate.
//!
//! # A request's way
//!
//! One module a step, in the order a request meets them; `serve` is the whole way on one screen.
//!
//! | step | module |
//! |---|---|
//! | what the attribute said | `policy`, `query` |
//! | the request comes in, with its cache and its App | `request`, `middleware`, `cache`, `builder`, `app` |
//! | what the arguments read | `input`, `key`, `buffer`, `origin`, `cookies` |
//! | may this request use the cache | `admit` |
//! | look up | `hot`, `store` |
//! | answer from the page | `page`, `conditional`, `range` |
//! | one fill a key | `flight`, `follow`, `apart` |
//! | run the handler | `serve`, `fill`, `asked`, `control`; in the background `refresh`, `retry`; where it fails `stand_in` |
//! | may this response be kept, and how long | `admit`, `directives`, `freshness`, `vary`, `targeted`, `tags`, `freshen` |
//! | keep it | `keep`, `body`, `gather`, `describe`, `page`, `store` |
//! | purge it | `purge`, `purging`, `target`, `fence`, `store` |
//! | ask other processes, and tell them | `shared`, `redis` |
//! | tell | `outcome`, `status`, `repeated`, `stats` |
//!
//! `admit`, `conditional`, `cookies`, `directives`, `freshness`, `origin`, `query`, `range`, `targeted` and `vary` take values and
//! return values: no clock, no I/O, no global. `clock` is the only source of now.

mod cache;
mod coalesce;
mod fill;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod http;
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

#[cfg(feature = "redis")]
pub use crate::remote::redis::{RedisStore, RedisUrlError};
pub use crate::{
    cache::{
        builder::PageCacheBuilder,
        page_cache::PageCache,
        purge::{PurgeError, PurgeFuture, PurgeSummary},
    },
    key::{builder::KeyBuilder, input::KeyInput},
    observe::{CacheStatusHeader, HandlerStats, Stats},
    outcome::{Outcome, Reason},
    page::page::Page,
    policy::{
        control::{PageControl, Validators},
        policy::Policy,
    },
    service::middleware::{IntoTtl, PageCacheMiddleware, PageCacheService},
};

/// The door for generated code. Nothing in it is covered by semantic versioning.
#[doc(hidden)]
pub mod __private {
    pub use actix_web::HttpResponse;

    pub use crate::{
        key::input::VaryValue,
        policy::policy::{Policy, Ttl, finite, seconds, seconds_and_nanos},
        serve::lookup::Lookup,
        service::{purge_page::PurgePolicy, request::Request},
    };
}
