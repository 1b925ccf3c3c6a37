//! Tags, selectors, and the purge log.

mod error;
pub(crate) mod group;
mod key;
mod log;
mod normal_form;
pub(crate) mod parse;
mod selector;
pub(crate) mod stable_id;
mod subject;
pub(crate) mod tag;

pub use self::error::PurgeError;
pub(crate) use self::{
    key::PurgeKey,
    log::{PurgeLog, PurgeSeq},
    selector::{LocalSelector, PurgeMode, PurgeSelector},
    subject::{HandlerSubject, PurgeKeys, RequestSubject, StableIds},
    tag::{Tag, TagError, Tags},
};
