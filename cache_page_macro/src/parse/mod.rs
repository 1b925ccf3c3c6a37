//! Parses what is inside the parentheses of the attributes.

mod args;
mod arguments;
mod duration;
mod options;
mod similar;
mod statuses;
mod template;
mod tokens;
mod value;
mod vary;

pub(crate) use self::{
    args::{Args, AttributeKind, CACHED_REQUEST, PURGING_REQUEST, UNCACHED_REQUEST, is_uncached},
    duration::Ttl,
    options::AttributeSpec,
    similar::similar,
    template::route_parameters,
    tokens::{respan, ungroup},
    value::string_literal,
};
