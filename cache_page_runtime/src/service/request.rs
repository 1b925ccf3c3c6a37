//! The argument that `#[cache_page]` and `#[purge_page]` put before a handler's own.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use crate::{
    fill::EntryPoint,
    policy::{HandlerPolicy, PageControl},
    purge::PurgeSeq,
    serve::Lookup,
};

/// The first argument of a cached handler.
pub type CachedRequest = UseUncachedToCallThis;

/// The first argument of an uncached handler.
///
/// The attributes tell by these names which one of them was expanded before.
pub type UncachedRequest = UseUncachedToCallThis;

/// The first argument of a handler that purges.
pub type PurgingRequest = UseUncachedToCallThis;

type Request = UseUncachedToCallThis;

/// The request that a handler is called for. Extracting it does not touch the body.
///
/// It is the first argument, so that it records the purge sequence before other arguments read anything that a purge may change.
///
/// rustc reports it under this name as the missing argument of a call. `#[cache_page(60, uncached = name)]` generates a function that
/// can be called.
#[derive(Clone)]
pub struct UseUncachedToCallThis(HttpRequest, PurgeSeq);

impl Request {
    pub(crate) fn http(&self) -> &HttpRequest {
        &self.0
    }

    /// Starts the lookup of the request.
    #[must_use]
    #[inline]
    pub fn lookup(&self, policy: &'static HandlerPolicy) -> Lookup<'_> {
        PageControl::claim_inside(&self.0);
        Lookup::new(&self.0, policy, self.1, EntryPoint::Attribute)
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
