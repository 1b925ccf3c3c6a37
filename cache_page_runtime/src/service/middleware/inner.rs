//! The inner service of the middleware, as the handler of a fill.

use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, Uri, header::HeaderMap},
    test::TestRequest,
};

use crate::fill::{Handled, Handler, Served};

type ServiceFuture<B> = Pin<Box<dyn Future<Output = Result<ServiceResponse<B>, Error>>>>;

/// The head of a request as it arrived.
pub(super) type ArrivedHead = (Method, Uri, HeaderMap);

/// Copies the head of a request.
pub(super) fn arrived_head(request: &ServiceRequest) -> ArrivedHead {
    (request.method().clone(), request.uri().clone(), request.headers().clone())
}

/// A call of the inner service, which owns the request until it responds.
pub(super) struct InnerService<B> {
    head: ArrivedHead,
    call: ServiceFuture<B>,
    /// The request, once the service has returned it.
    request: Option<HttpRequest>,
    error: Option<Error>,
}

/// The call as a [`Handler`].
pub(super) struct InnerCall<'i, B>(&'i mut InnerService<B>);

impl<B: MessageBody + 'static> InnerService<B> {
    /// `head` is that of the request as it arrived.
    pub(super) fn new<S>(service: Rc<S>, request: ServiceRequest, head: ArrivedHead) -> Self
    where
        S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    {
        // The service is called when the future is first polled.
        let call = Box::pin(async move { service.call(request).await });
        Self { head, call, request: None, error: None }
    }

    pub(super) fn call(&mut self) -> InnerCall<'_, B> {
        InnerCall(self)
    }

    /// Returns what the middleware responds with: the response, or the error of the inner service.
    pub(super) fn respond(self, served: Served) -> Result<ServiceResponse<BoxBody>, Error> {
        match (served, self.request, self.error) {
            (Served::ServiceError(_), _, Some(error)) => Err(error),
            (served, Some(request), _) => Ok(ServiceResponse::new(request, served.into_response())),
            // A stale response is served in place of an error, which took the request with it.
            (served, None, _) => {
                let (method, uri, headers) = self.head;
                let request = TestRequest::default().method(method).uri(&uri.to_string());
                let request = headers.iter().fold(request, TestRequest::append_header).to_http_request();
                Ok(ServiceResponse::new(request, served.into_response()))
            }
        }
    }
}

impl<B: MessageBody + 'static> Handler for InnerCall<'_, B> {
    fn poll_response(
        mut self: Pin<&mut Self>,
        _: Option<&HttpRequest>,
        context: &mut Context<'_>,
    ) -> Poll<Handled> {
        let inner = &mut *self.0;
        inner.call.as_mut().poll(context).map(|returned| match returned {
            Ok(returned) => {
                let (request, response) = returned.into_parts();
                inner.request = Some(request.clone());
                Handled::Service(request, response.map_into_boxed_body())
            }
            Err(error) => {
                let response = response_with_status(&error);
                inner.error = Some(error);
                Handled::ServiceError(response)
            }
        })
    }
}

/// Returns a response with the status of an error, which an outer service renders.
///
/// `InternalError::from_response` can be rendered only once. So an error is rendered here only if its status is the default of
/// `ResponseError`, which types that define their response alone do not override.
fn response_with_status(error: &Error) -> HttpResponse {
    match error.as_response_error().status_code() {
        StatusCode::INTERNAL_SERVER_ERROR => error.error_response(),
        status => HttpResponse::new(status),
    }
}
