//! An immutable stored response.

pub(crate) mod body;
mod content;
mod encode;
mod encodings;
mod header;
mod packed;
mod page;
mod response;
mod shared_lines;

pub use self::page::Page;
pub(crate) use self::{
    encode::MAX_IN_PLACE,
    encodings::{EncodedBody, EncodingChoice, Encodings},
    header::weight_of_bytes,
    page::ResponseHead,
    shared_lines::{LinesOwner, SharedLines},
};
