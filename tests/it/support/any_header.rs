//! An extractor that may read any header.

use std::future::{Ready, ready};

use actix_web::{Error, FromRequest, HttpRequest, dev::Payload};
use cache_page::KeyInput;

/// Holds the request, as an extractor of an application may. Its pages are anonymous-only.
pub(crate) struct AnyHeader(pub(crate) HttpRequest);

impl FromRequest for AnyHeader {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.clone())))
    }
}

impl KeyInput for AnyHeader {
    const READS_ANY_HEADER: bool = true;
}
