//! What the key of a page consists of.

mod limits;
mod request;
