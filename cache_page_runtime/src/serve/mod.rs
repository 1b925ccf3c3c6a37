//! One request at the cache: look up, join a flight, look into the remote store, or start a fill.

mod copy_hit;
mod eligibility;
mod encoding;
mod hit;
mod join;
mod lookup;
mod request_key;
mod run;
mod serve;
mod step;

pub use self::lookup::Lookup;
pub(crate) use self::{
    serve::{RefreshMode, resolve_for_service},
    step::ServiceStep,
};
