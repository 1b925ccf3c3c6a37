//! Middlewares of any type around an application.

use std::{rc::Rc, sync::Arc};

use actix_service::{ServiceExt as _, boxed};
use actix_web::{
    Error,
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform},
};
use futures_util::future::{FutureExt as _, LocalBoxFuture};

type BoxedService = boxed::BoxService<ServiceRequest, ServiceResponse<BoxBody>, Error>;

type Layer = dyn Fn(BoxedService) -> LocalBoxFuture<'static, Result<BoxedService, ()>> + Send + Sync;

/// A stack of middlewares as one; the last one that was pushed is the outermost.
#[derive(Clone, Default)]
pub(super) struct Layers(Vec<Arc<Layer>>);

impl Layers {
    pub(super) fn push<M, B>(&mut self, middleware: impl Fn() -> M + Send + Sync + 'static)
    where
        M: Transform<
                BoxedService,
                ServiceRequest,
                Response = ServiceResponse<B>,
                Error = Error,
                InitError = (),
            > + 'static,
        B: MessageBody + 'static,
    {
        let middleware = Arc::new(middleware);
        self.0.push(Arc::new(move |inner| {
            let middleware = middleware();
            async move { Ok(boxed(middleware.new_transform(inner).await?)) }.boxed_local()
        }));
    }
}

impl<S, B> Transform<S, ServiceRequest> for Layers
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = BoxedService;
    type InitError = ();
    type Future = LocalBoxFuture<'static, Result<BoxedService, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        let layers = Rc::new(self.clone());
        async move {
            let mut service = boxed(service);
            for layer in &layers.0 {
                service = layer(service).await?;
            }
            Ok(service)
        }
        .boxed_local()
    }
}

fn boxed<S, B>(service: S) -> BoxedService
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    boxed::service(service.map(ServiceResponse::map_into_boxed_body))
}
