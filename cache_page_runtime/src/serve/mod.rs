//! One request at the cache.

pub(crate) mod join;
pub(crate) mod lookup;
