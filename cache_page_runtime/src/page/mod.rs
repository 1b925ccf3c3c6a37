//! A stored response.

pub(crate) mod body;
pub(crate) mod lifetime;
pub(crate) mod page;
pub(crate) mod wire;
