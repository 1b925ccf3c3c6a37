//! What browsers, proxies and CDNs are told by `Cache-Control` and `Vary`, where the handler says nothing.

mod cache_groups;
mod group_invalidation;
mod no_vary_search;
mod normalized;
mod pages;
mod tag_headers;
mod ttls;
mod unstored;
