//! What is stored in the remote store, as bytes.

pub(crate) mod entry;
pub(crate) mod frame;
pub(crate) mod purge_message;
pub(crate) mod wire;
