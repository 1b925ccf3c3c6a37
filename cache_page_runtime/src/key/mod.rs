//! Cache keys: what separates the responses to different requests.

mod app_id;
mod builder;
mod cache_key;
mod handler_id;
mod id;
mod input;
mod key_buf;
mod variant;

pub(crate) use self::{
    app_id::{AppRetention, push_app_identity},
    builder::KeyOptions,
    cache_key::{CacheKey, KeyParts},
    handler_id::{HandlerKeyPart, HandlerType},
    key_buf::KeyBuf,
    variant::push_variant_values,
};
pub use self::{
    builder::KeyBuilder,
    id::{Id, Version},
    input::{KeyInput, VaryValue},
};
