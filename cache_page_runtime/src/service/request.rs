//! The argument that `#[cache_page]` puts in front of a handler's own.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::{
    policy::{PageControl, Policy},
    purge::PurgeSeq,
    serve::lookup::Lookup,
};

/// The request that a cached handler is called for. It leaves the body alone.
///
/// It is the first of the handler's arguments: what others read while they are extracted, they read after it has noted its
/// place among the purges.
#[derive(Clone)]
pub struct Request(HttpRequest, PurgeSeq);

impl Request {
    pub(crate) fn http(&self) -> &HttpRequest {
        &self.0
    }

    /// Starts the request's way through the cache.
    #[must_use]
    pub fn begin(&self, policy: &'static Policy) -> Lookup<'_> {
        PageControl::claim_inside(&self.0);
        Lookup::begin(&self.0, policy, self.1, false)
    }
}

impl FromRequest for Request {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.clone(), PurgeSeq::now())))
    }
}

/// One line, for attributes such as `#[instrument]` that log every argument.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.method(), self.0.path())
    }
}
