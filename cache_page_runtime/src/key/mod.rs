//! The cache key.

pub(crate) mod app_id;
pub(crate) mod builder;
pub(crate) mod input;
pub(crate) mod key_buf;
pub(crate) mod variant;
