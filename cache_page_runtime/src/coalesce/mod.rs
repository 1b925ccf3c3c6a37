//! Request coalescing.

pub(crate) mod flight;
pub(crate) mod uncacheable_keys;
