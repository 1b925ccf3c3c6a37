//! What actix-web calls: the argument that the attribute adds, the middleware, and handlers that purge.

mod group_invalidation;
mod middleware;
mod purge_page;
mod request;

pub use self::{
    middleware::{IntoTtl, PageCacheMiddleware, PageCacheService},
    purge_page::PurgePolicy,
    request::{CachedRequest, PurgingRequest, UncachedRequest},
};
