//! The cache of an App.

pub(crate) mod builder;
pub(crate) mod page_cache;
pub(crate) mod purge;
