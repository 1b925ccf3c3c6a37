//! The annotated function, and every error in it.

mod arg_attributes;
mod handler;
mod route;
mod validate;

pub(crate) use self::{
    arg_attributes::ArgClass,
    handler::{Handler, MAX_ARGUMENTS},
    route::without_routes,
    validate::{keeps_arg_attributes, validate},
};
