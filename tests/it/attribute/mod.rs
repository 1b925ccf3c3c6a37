//! What `#[cache_page]` does with a handler.

mod hello;
mod options;
mod outer_middleware;
mod signatures;
