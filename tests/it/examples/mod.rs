//! The examples that are applications of their own, from the outside.

mod blog;
mod front_page;
mod proxy;
