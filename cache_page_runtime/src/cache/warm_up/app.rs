//! Requests through an App of this process.

use std::{fmt::Debug, future::poll_fn, net::Ipv4Addr, pin::pin};

use actix_http::Request;
use actix_service::{IntoServiceFactory, ServiceFactory};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{AppConfig, Service, ServiceResponse},
    test::TestRequest,
};

use super::target::{PageRequest, PageResponse, Target};

/// An App of this process.
pub(in crate::cache) struct AppTarget<S>(Result<S, String>);

impl<S> AppTarget<S> {
    pub(in crate::cache) async fn new<A, F, B>(app: A) -> Self
    where
        A: IntoServiceFactory<F, Request>,
        F: ServiceFactory<
                Request,
                Config = AppConfig,
                Response = ServiceResponse<B>,
                Error = Error,
                Service = S,
            >,
        F::InitError: Debug,
        S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    {
        let service = app.into_factory().new_service(AppConfig::default()).await;
        Self(service.map_err(|error| format!("the App cannot be initialized: {error:?}")))
    }
}

impl<S, B> Target for AppTarget<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    async fn get(
        &self,
        PageRequest { path, headers }: PageRequest<'_>,
        on_body: &mut dyn FnMut(&[u8]),
    ) -> Result<PageResponse, String> {
        let service = self.0.as_ref().map_err(Clone::clone)?;
        // Rate limiters and access checks read the address of the client.
        let request = TestRequest::get().uri(path).peer_addr((Ipv4Addr::LOCALHOST, 0).into());
        let request = headers.iter().fold(request, |request, header| request.append_header(header.clone()));
        let response = service.call(request.to_request()).await.map_err(|error| error.to_string())?;
        let head = PageResponse { status: response.status(), headers: response.headers().clone() };
        let mut body = pin!(response.into_body());
        while let Some(part) = poll_fn(|context| body.as_mut().poll_next(context)).await {
            let part = part.map_err(|error| format!("the body is incomplete: {}", error.into()))?;
            on_body(&part);
        }
        Ok(head)
    }
}
