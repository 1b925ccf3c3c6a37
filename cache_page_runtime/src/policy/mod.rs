//! The options of one handler.

pub(crate) mod control;
pub(crate) mod handler_id;
pub(crate) mod policy;
pub(crate) mod ttl;
