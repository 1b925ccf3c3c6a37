//! The request that a page is made for, as far as it is at hand while it is made.

use std::rc::Rc;

use actix_web::{
    HttpRequest,
    http::{Method, header::HeaderMap},
};

#[derive(Clone)]
pub(crate) enum RequestHandle {
    Request(HttpRequest),
    /// It went on to the service that a middleware is around. actix-web does not let anybody else hold it meanwhile.
    Away(Rc<LentRequest>),
    /// It is back from there, where it may have been changed: the next one is looked up by what it says when it comes.
    Back(Rc<LentRequest>, HttpRequest),
}

/// What is known of it until it comes back.
pub(crate) struct LentRequest {
    method: Method,
    headers: HeaderMap,
}

impl RequestHandle {
    /// Where no page is kept, its headers do not matter.
    pub(crate) fn away(request: &HttpRequest, is_kept: bool) -> Self {
        let headers = if is_kept { request.headers().clone() } else { HeaderMap::new() };
        Self::Away(Rc::new(LentRequest { method: request.method().clone(), headers }))
    }

    /// The same, when it is back.
    pub(crate) fn come_back(&mut self, request: HttpRequest) {
        *self = match self {
            Self::Away(away) | Self::Back(away, _) => Self::Back(Rc::clone(away), request),
            Self::Request(_) => Self::Request(request),
        };
    }

    pub(crate) fn method(&self) -> &Method {
        match self {
            Self::Request(request) => request.method(),
            Self::Away(away) | Self::Back(away, _) => &away.method,
        }
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        match self {
            Self::Request(request) => request.headers(),
            Self::Away(away) | Self::Back(away, _) => &away.headers,
        }
    }

    pub(crate) fn request(&self) -> Option<&HttpRequest> {
        match self {
            Self::Request(request) | Self::Back(_, request) => Some(request),
            Self::Away(_) => None,
        }
    }
}
