//! The extractors of other crates, which features classify.

mod auth;
mod lab;
mod sessions;
