//! The service that a middleware is around, as the handler that makes a page.

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
    http::{Method, Uri, header::HeaderMap},
    test::TestRequest,
};

use crate::{fill::request_handle::RequestHandle, serve::lookup::Handler};

type ServiceFuture<B> = Pin<Box<dyn Future<Output = Result<ServiceResponse<B>, Error>>>>;

pub(super) struct InnerService<B> {
    /// As it came in.
    head: (Method, Uri, HeaderMap),
    called: ServiceFuture<B>,
    /// The request, once it is back.
    request: Option<HttpRequest>,
    /// Instead of a response.
    error: Option<Error>,
}

/// In the place of a response that was none: the error itself goes on.
#[derive(Clone, Copy)]
pub(crate) struct ErrorMarker;

impl<B: MessageBody + 'static> InnerService<B> {
    pub(super) fn new<S>(service: Rc<S>, request: ServiceRequest) -> Self
    where
        S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    {
        let head = (request.method().clone(), request.uri().clone(), request.headers().clone());
        // Nothing inside runs before it is polled.
        Self {
            head,
            called: Box::pin(async move { service.call(request).await }),
            request: None,
            error: None,
        }
    }

    pub(super) fn call(&mut self) -> InnerCall<'_, B> {
        InnerCall(self)
    }

    /// The response of the request, which an error inside took with it.
    pub(super) fn answer(self, response: HttpResponse) -> Result<ServiceResponse<BoxBody>, Error> {
        let is_error = response.extensions().contains::<ErrorMarker>();
        match (self.request, self.error) {
            (_, Some(error)) if is_error => Err(error),
            (Some(request), _) => Ok(ServiceResponse::new(request, response)),
            // An old page stands in for what came to nothing, and what is around wants to know of a request.
            (None, _) => {
                let (method, uri, headers) = self.head;
                let request = TestRequest::default().method(method).uri(&uri.to_string());
                let lines = headers.iter();
                let request = lines.fold(request, TestRequest::append_header).to_http_request();
                Ok(ServiceResponse::new(request, response))
            }
        }
    }
}

pub(super) struct InnerCall<'i, B>(&'i mut InnerService<B>);

impl<B: MessageBody + 'static> Handler for InnerCall<'_, B> {
    fn poll_response(
        mut self: Pin<&mut Self>,
        request: &mut RequestHandle,
        context: &mut Context<'_>,
    ) -> Poll<HttpResponse> {
        let inside = &mut *self.0;
        let Poll::Ready(returned) = inside.called.as_mut().poll(context) else { return Poll::Pending };
        Poll::Ready(match returned {
            Ok(returned) => {
                let (back, response) = returned.into_parts();
                request.come_back(back.clone());
                inside.request = Some(back);
                response.map_into_boxed_body()
            }
            Err(error) => {
                let mut response = error.error_response();
                response.extensions_mut().insert(ErrorMarker);
                inside.error = Some(error);
                response
            }
        })
    }
}
