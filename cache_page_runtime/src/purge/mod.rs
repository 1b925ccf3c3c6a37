//! Tags, selectors and the purge log.

pub(crate) mod log;
pub(crate) mod selector;
pub(crate) mod tag;
