//! What actix-web calls.

pub(crate) mod middleware;
pub(crate) mod purge_page;
pub(crate) mod request;
