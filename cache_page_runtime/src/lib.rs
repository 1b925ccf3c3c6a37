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

mod admit;
mod apart;
mod app;
mod asked;
mod body;
mod buffer;
mod builder;
mod cache;
mod clock;
mod conditional;
mod control;
mod cookies;
mod describe;
mod directives;
mod fence;
mod fill;
mod flight;
mod follow;
mod freshen;
mod freshness;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gather;
mod hot;
mod input;
mod keep;
mod key;
mod middleware;
mod origin;
mod outcome;
mod page;
mod policy;
#[cfg(test)]
mod properties;
mod purge;
mod purging;
mod query;
mod range;
#[cfg(feature = "redis")]
mod redis;
mod refresh;
mod repeated;
mod request;
mod retry;
mod serve;
pub mod shared;
mod stand_in;
mod stats;
mod status;
mod store;
mod sync;
mod tags;
mod target;
mod targeted;
pub mod testing;
mod vary;

#[cfg(feature = "redis")]
pub use crate::redis::{RedisStore, RedisUrlError};
pub use crate::{
    builder::PageCacheBuilder,
    cache::PageCache,
    control::{PageControl, Validators},
    input::KeyInput,
    key::KeyBuilder,
    middleware::{CachePage, CachePageService, TimeToLive},
    outcome::{Outcome, Reason},
    page::Page,
    policy::Policy,
    purge::{PurgeError, Purged, Purging},
    stats::{Counts, Stats},
    status::CacheStatus,
};

/// The door for generated code. Nothing in it is covered by semantic versioning.
#[doc(hidden)]
pub mod __private {
    pub use actix_web::HttpResponse;

    pub use crate::{
        input::Varies,
        policy::{Policy, Ttl, finite, seconds, seconds_and_nanos},
        purging::Purge,
        request::Request,
        serve::Lookup,
    };
}
