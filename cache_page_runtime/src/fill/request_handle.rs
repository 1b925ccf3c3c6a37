//! The request of a fill, as far as it is at hand while its handler runs.

use std::rc::Rc;

use actix_web::{
    HttpRequest,
    http::{Method, Uri, header::HeaderMap},
};

/// The request that a fill answers.
#[derive(Clone)]
pub(crate) enum RequestHandle {
    /// A handler function runs: the request is shared with it.
    Held(HttpRequest),
    /// A service owns the request while it runs, and actix-web allows no other reference to it.
    Lent(Rc<RequestHead>),
    /// The service has returned the request. Its head is the one that the key was made from: the service may have changed it.
    Returned(Rc<RequestHead>, HttpRequest),
}

/// A copy of what a fill reads of a lent request.
pub(crate) struct RequestHead {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

/// What admission reads of a request.
#[derive(Clone, Copy)]
pub(crate) struct RequestRef<'r> {
    pub(crate) method: &'r Method,
    pub(crate) uri: &'r Uri,
    /// `None` while the request is lent to a service.
    pub(crate) request: Option<&'r HttpRequest>,
}

impl<'r> From<&'r HttpRequest> for RequestRef<'r> {
    fn from(request: &'r HttpRequest) -> Self {
        Self { method: request.method(), uri: request.uri(), request: Some(request) }
    }
}

impl<'r> From<&'r RequestHandle> for RequestRef<'r> {
    fn from(handle: &'r RequestHandle) -> Self {
        Self { method: handle.method(), uri: handle.uri(), request: handle.request() }
    }
}

impl RequestHandle {
    pub(crate) fn lent(request: &HttpRequest) -> Self {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        Self::Lent(Rc::new(RequestHead { method, uri, headers: request.headers().clone() }))
    }

    /// Takes a lent request back.
    pub(crate) fn give_back(&mut self, request: HttpRequest) {
        *self = match self {
            Self::Lent(head) | Self::Returned(head, _) => Self::Returned(Rc::clone(head), request),
            Self::Held(_) => Self::Held(request),
        };
    }

    pub(crate) fn method(&self) -> &Method {
        match self {
            Self::Held(request) => request.method(),
            Self::Lent(head) | Self::Returned(head, _) => &head.method,
        }
    }

    pub(crate) fn uri(&self) -> &Uri {
        match self {
            Self::Held(request) => request.uri(),
            Self::Lent(head) | Self::Returned(head, _) => &head.uri,
        }
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        match self {
            Self::Held(request) => request.headers(),
            Self::Lent(head) | Self::Returned(head, _) => &head.headers,
        }
    }

    /// Returns the request, unless it is lent to a service.
    pub(crate) fn request(&self) -> Option<&HttpRequest> {
        match self {
            Self::Held(request) | Self::Returned(_, request) => Some(request),
            Self::Lent(_) => None,
        }
    }
}
