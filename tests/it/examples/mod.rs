//! The examples that are applications of their own, from the outside.

mod api;
mod blog;
mod docs;
mod front_page;
mod hello;
mod proxy;
#[cfg(feature = "redis")]
mod redis;
