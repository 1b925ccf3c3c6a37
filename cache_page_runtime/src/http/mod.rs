//! HTTP rules as pure functions: no clock, no I/O and no state, except for the thread-local values of [`header_cache`].

pub(crate) mod accept_encoding;
pub(crate) mod cache_control;
pub(crate) mod cache_groups;
pub(crate) mod compressible;
pub(crate) mod conditional;
pub(crate) mod content_coding;
mod cookie_rule;
pub(crate) mod cookies;
mod credential_names;
mod credential_words;
pub(crate) mod credentials;
pub(crate) mod downstream;
pub(crate) mod etag;
pub(crate) mod freshness;
pub(crate) mod header_cache;
pub(crate) mod header_class;
pub(crate) mod hosts;
mod ignored_cookies;
pub(crate) mod list;
pub(crate) mod live_stream;
pub(crate) mod media_type;
pub(crate) mod method;
mod names;
pub(crate) mod no_vary_search;
pub mod normalize;
pub(crate) mod ordinary_headers;
pub(crate) mod origin;
pub(crate) mod per_request;
pub(crate) mod query;
pub(crate) mod range;
pub(crate) mod redirect;
pub(crate) mod request_directives;
pub(crate) mod storability;
pub(crate) mod structured_fields;
pub(crate) mod syntax;
pub(crate) mod tag_header;
pub(crate) mod targeted;
mod tracking_parameters;
pub(crate) mod vary;

pub use self::tag_header::TagHeader;
pub(crate) use self::{
    accept_encoding::{Coding, PreferredCodings},
    conditional::Representation,
    cookie_rule::CookieRule,
    credentials::CredentialHeaders,
    freshness::StaleWindows,
    hosts::AllowedHosts,
    origin::RequestOrigin,
    query::{IgnoredQuery, QueryRule},
    range::Selection,
    request_directives::RequestDirectives,
    storability::{CachingHeaders, ResponseView, StorageDecision, Ttl},
    targeted::TargetedCacheControl,
    vary::VaryNames,
};
