//! The annotated function, and every error in it.

mod handler;
mod route;
mod validate;

pub(crate) use self::{
    handler::{Handler, MAX_ARGUMENTS},
    route::is_route,
    validate::{keeps_arg_attributes, validate},
};
