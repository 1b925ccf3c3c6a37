//! An immutable stored response.

pub(crate) mod body;
mod header;
#[allow(clippy::module_inception)]
mod page;

pub use page::Page;
pub(crate) use {header::weight_of_bytes, page::ResponseHead};
