//! What `#[cache_page]` does with a handler.

mod hello;
mod mistakes;
mod on_hit;
mod options;
mod original;
mod outer_middleware;
mod policies;
mod signatures;
