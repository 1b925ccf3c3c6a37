//! An immutable stored response.

pub(crate) mod body;
mod encode;
mod encodings;
mod header;
mod page;

pub use self::page::Page;
pub(crate) use self::{
    encode::MAX_IN_PLACE,
    encodings::{EncodedBody, EncodingChoice, Encodings},
    header::weight_of_bytes,
    page::ResponseHead,
};
