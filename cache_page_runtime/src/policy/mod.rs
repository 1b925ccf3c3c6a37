//! The options of one handler.

pub(crate) mod control;
pub(crate) mod policy;
pub(crate) mod ttl;
