//! The generated function.

mod expand;
mod policy;
mod return_type;

pub(crate) use self::expand::expand;
