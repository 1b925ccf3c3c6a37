//! The annotated function, and every error in it.

mod arg_attributes;
mod handler;
mod route;
mod validate;

pub(crate) use self::{
    arg_attributes::ArgClass,
    handler::{Handler, MAX_ARGUMENTS},
    route::is_route,
    validate::{keeps_arg_attributes, validate},
};
