//! The binary formats of entries and purge messages.

mod entry;
mod frame;
mod purge_message;
mod wire;

pub(super) use self::frame::encode_encoded_body;
pub(crate) use self::frame::{DecodeError, Frame, decode, encode_page, encode_vary_names};
#[cfg(all(feature = "cli", any(feature = "disk", feature = "redis")))]
pub(super) use self::frame::{decode_any, is_page};
pub(super) use self::purge_message::PurgeMessage;
