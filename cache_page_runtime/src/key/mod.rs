//! Cache keys: what separates the responses to different requests.

mod anonymous;
mod app_id;
mod builder;
mod cache_key;
mod composite;
mod extractors;
mod foreign;
mod handler_id;
#[cfg(feature = "actix-web-httpauth")]
mod httpauth;
mod id;
#[cfg(feature = "actix-identity")]
mod identity;
mod input;
mod key_buf;
mod key_hash;
mod key_items;
mod keyed_url;
#[cfg(feature = "actix-web-lab")]
mod lab;
mod query_fields;
mod refused;
mod request;
#[cfg(feature = "actix-session")]
mod session;
mod value;
mod variant;

#[cfg(feature = "inspector")]
pub(crate) use self::cache_key::may_select_variant;
pub use self::{
    anonymous::AnonymousValue,
    builder::KeyBuilder,
    foreign::input_by,
    id::{Id, Version},
    input::{Argument, Classified, KeyInput},
    request::push_http_request,
    value::KeyValue,
};
pub(crate) use self::{
    app_id::{AppRetention, push_app_identity},
    builder::KeyOptions,
    cache_key::{CacheKey, KeyParts},
    handler_id::{HandlerKeyPart, HandlerType},
    key_buf::KeyBuf,
    key_hash::KeyHash,
    keyed_url::KeyedUrl,
    query_fields::push_query_read_by,
    request::{push_headers, push_request_without_query},
    variant::{NormalizedHeader, push_variant_values},
};
