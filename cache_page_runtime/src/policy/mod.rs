//! The options of a handler: those of its attribute, and those that it sets for a single response.

mod control;
#[cfg(feature = "inspector")]
mod description;
mod downstream;
mod generic_policy;
mod handler_id;
mod handler_policy;
mod overrides;
mod policy;
mod ttl;
mod validation;

pub use self::{
    control::{PageControl, Validators},
    generic_policy::GenericPolicy,
    handler_policy::HandlerPolicy,
    policy::{Policy, policy},
    ttl::{Ttl, finite, seconds, seconds_and_nanos},
};
pub(crate) use self::{
    handler_id::HandlerId,
    overrides::Overrides,
    validation::{assert_has_encoder, assert_header_name},
};
