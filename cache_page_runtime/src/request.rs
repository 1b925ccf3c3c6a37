//! The argument that `#[cache_page]` puts in front of a handler's own.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::{policy::Policy, serve::Lookup};

/// The request that a cached handler is called for. It leaves the body alone.
#[derive(Clone)]
pub struct Request(HttpRequest);

impl Request {
    /// Starts the request's way through the cache.
    #[must_use]
    pub fn begin(&self, policy: &'static Policy) -> Lookup<'_> {
        Lookup::begin(&self.0, policy)
    }
}

impl FromRequest for Request {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.clone())))
    }
}

/// One line, for attributes such as `#[instrument]` that log every argument.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.method(), self.0.path())
    }
}
