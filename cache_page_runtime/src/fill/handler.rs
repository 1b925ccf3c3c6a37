//! The handler of a fill, and what it returns.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{HttpRequest, HttpResponse, Responder, http::StatusCode};

/// A handler that answers one request. It starts when it is first polled.
pub(crate) trait Handler {
    /// Polls the handler. `request` is `None` for a service inside the middleware, which owns the request while it runs.
    fn poll_response(
        self: Pin<&mut Self>,
        request: Option<&HttpRequest>,
        context: &mut Context<'_>,
    ) -> Poll<Handled>;
}

/// What a handler returned.
pub(crate) enum Handled {
    /// The response of a handler function, or of an error that it returned.
    Response(HttpResponse),
    /// The response of a service, with the request that the service owned while it ran.
    Service(HttpRequest, HttpResponse),
    /// The response that an error of a service renders as. The error itself is returned to the outer service.
    ServiceError(HttpResponse),
}

/// What a fill answers its client with.
pub(crate) enum Served {
    Response(HttpResponse),
    /// The inner service returned an error, which the middleware returns.
    ServiceError(HttpResponse),
}

impl<F: Future<Output: Responder>> Handler for F {
    fn poll_response(
        self: Pin<&mut Self>,
        request: Option<&HttpRequest>,
        context: &mut Context<'_>,
    ) -> Poll<Handled> {
        self.poll(context).map(|returned| {
            Handled::Response(match request {
                Some(request) => returned.respond_to(request).map_into_boxed_body(),
                // Only services run without a request at hand, and they are not futures of responders.
                None => HttpResponse::new(StatusCode::INTERNAL_SERVER_ERROR),
            })
        })
    }
}

impl Handled {
    pub(crate) fn response(&self) -> &HttpResponse {
        let (Self::Response(response) | Self::Service(_, response) | Self::ServiceError(response)) = self;
        response
    }

    pub(crate) fn into_response(self) -> HttpResponse {
        let (Self::Response(response) | Self::Service(_, response) | Self::ServiceError(response)) = self;
        response
    }

    /// Returns whether a stale response may be served instead (RFC 5861 4: a status of 500 and above).
    ///
    /// A client error is an answer, whether the handler returns it as `Err` or not: what is gone or forbidden now must not be
    /// served from an older response.
    pub(crate) fn is_failure(&self) -> bool {
        self.response().status().is_server_error()
    }
}

impl Served {
    pub(crate) fn new(response: HttpResponse, is_service_error: bool) -> Self {
        if is_service_error { Self::ServiceError(response) } else { Self::Response(response) }
    }

    pub(crate) fn into_response(self) -> HttpResponse {
        let (Self::Response(response) | Self::ServiceError(response)) = self;
        response
    }
}
