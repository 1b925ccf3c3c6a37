//! The handler behind a test application.

use std::{
    future::{Ready, ready},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, dev::Payload, web};
use cache_page::{KeyInput, PageControl, cache_page};

use super::gate::Gate;

/// The handler of a [`TestApp`](super::TestApp), as the argument of a handler function.
///
/// It counts the runs, waits while the handler is paused, and makes the response that the test chose. It adds nothing to the
/// key, whatever its [`Call`] reads of the request.
pub(crate) struct Origin {
    state: web::Data<OriginState>,
    request: HttpRequest,
}

/// One run of the handler.
pub(crate) struct Call {
    /// The number of the run, from 1.
    pub(crate) run: u64,
    pub(crate) request: HttpRequest,
    control: Option<PageControl>,
}

impl Call {
    /// Returns the values of a request header, in their order.
    pub(crate) fn header_values(&self, name: &str) -> Vec<String> {
        let lines = self.request.headers().get_all(name);
        lines.map(|line| line.to_str().expect("ASCII").to_owned()).collect()
    }

    /// Returns the `PageControl` of a handler that responds by [`Origin::respond_with`].
    pub(crate) fn control(&self) -> &PageControl {
        self.control.as_ref().expect("the handler takes a PageControl")
    }
}

/// What a test's handler may return.
pub(crate) trait Reply {
    fn into_result(self) -> Result<HttpResponse, Error>;
}

impl Reply for HttpResponse {
    fn into_result(self) -> Result<HttpResponse, Error> {
        Ok(self)
    }
}

impl Reply for Result<HttpResponse, Error> {
    fn into_result(self) -> Self {
        self
    }
}

type Handler = dyn Fn(&Call) -> Result<HttpResponse, Error> + Send + Sync;

pub(super) struct OriginState {
    runs: AtomicU64,
    pub(super) gate: Gate,
    handler: RwLock<Arc<Handler>>,
}

impl OriginState {
    pub(super) fn new() -> Self {
        let state = Self {
            runs: AtomicU64::new(0),
            gate: Gate::default(),
            handler: RwLock::new(Arc::new(|_| unreachable!("it is set below"))),
        };
        state.set_handler(|call: &Call| HttpResponse::Ok().body(format!("page {}", call.run)));
        state
    }

    pub(super) fn set_handler<R: Reply>(&self, handler: impl Fn(&Call) -> R + Send + Sync + 'static) {
        let handler: Arc<Handler> = Arc::new(move |call| handler(call).into_result());
        *self.handler.write().unwrap_or_else(PoisonError::into_inner) = handler;
    }

    pub(super) fn runs(&self) -> u64 {
        self.runs.load(Ordering::SeqCst)
    }
}

impl Origin {
    /// Counts a run and returns its number.
    pub(crate) fn count(&self) -> u64 {
        self.state.runs.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Counts a run and waits while the handler is paused.
    pub(crate) async fn pass(&self) -> u64 {
        let run = self.count();
        self.state.gate.pass(run).await;
        run
    }

    /// Counts a run, waits while the handler is paused, and makes the response that the test chose.
    pub(crate) async fn respond(&self) -> Result<HttpResponse, Error> {
        let run = self.pass().await;
        self.handle(run, None)
    }

    /// As [`respond`](Self::respond), for a test that needs the [`PageControl`] of the call.
    pub(crate) async fn respond_with(&self, control: &PageControl) -> Result<HttpResponse, Error> {
        let run = self.pass().await;
        self.handle(run, Some(control.clone()))
    }

    fn handle(&self, run: u64, control: Option<PageControl>) -> Result<HttpResponse, Error> {
        let handler = Arc::clone(&self.state.handler.read().unwrap_or_else(PoisonError::into_inner));
        handler(&Call { run, request: self.request.clone(), control })
    }
}

impl FromRequest for Origin {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let state = request.app_data::<web::Data<OriginState>>().expect("a TestApp").clone();
        ready(Ok(Self { state, request: request.clone() }))
    }
}

impl KeyInput for Origin {}

/// Returns a handler that sends 200 with these headers and the body `page`.
pub(crate) fn ok_with(headers: &[(&str, &str)]) -> impl Fn(&Call) -> HttpResponse + Send + Sync + use<> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let headers: Vec<(String, String)> = headers.iter().map(own).collect();
    move |_| {
        let mut response = HttpResponse::Ok();
        for (name, value) in &headers {
            response.append_header((name.as_str(), value.as_str()));
        }
        response.body("page")
    }
}

/// The default handler of a [`TestApp`](super::TestApp).
#[cache_page(60)]
pub(super) async fn cached(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}

/// The default handler of a [`TestApp`](super::TestApp) that is not cached by itself.
pub(super) async fn uncached(origin: Origin) -> Result<HttpResponse, Error> {
    origin.respond().await
}
