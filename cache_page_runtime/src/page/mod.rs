//! An immutable stored response.

pub(crate) mod body;
mod header;
mod page;

pub use self::page::Page;
pub(crate) use self::{header::weight_of_bytes, page::ResponseHead};
