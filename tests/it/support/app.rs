//! A running test application.

use std::{
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_http::Request;
use actix_service::map_config;
use actix_web::{
    Error,
    dev::{AppConfig, Service as _, ServiceResponse},
    http::Method,
    rt::{task::yield_now, time::sleep},
    test::init_service,
};
use cache_page::{Outcome, PageCache, Refiller, WarmUp, WarmUpSummary, testing::ManualClock};
use futures_util::future::{FutureExt as _, LocalBoxFuture};

use super::{
    backend::MemoryStore,
    builder::{AppSpec, TestAppBuilder},
    origin::{Call, OriginState, Reply},
    request::TestRequest,
    socket::Server,
};

/// An application with its own cache, a clock that the test advances, and a handler that the test controls.
///
/// All paths that have no [`route`](TestAppBuilder::route) lead to that handler, which is cached for 60 seconds. Clones are
/// the same application.
#[derive(Clone)]
pub(crate) struct TestApp(Rc<Inner>);

struct Inner {
    transport: Transport,
    spec: AppSpec,
    clock: ManualClock,
}

pub(super) enum Transport {
    InProcess(Box<Service>),
    Socket(Server),
}

type Service = dyn Fn(Request) -> LocalBoxFuture<'static, Result<ServiceResponse, Error>>;

impl TestApp {
    /// Starts an application whose handler sends `page N` in its Nth run.
    pub(crate) async fn new() -> Self {
        Self::builder().start().await
    }

    /// Starts an application with this handler.
    pub(crate) async fn with_handler<R: Reply>(handler: impl Fn(&Call) -> R + Send + Sync + 'static) -> Self {
        Self::builder().handler(handler).start().await
    }

    pub(crate) fn builder() -> TestAppBuilder {
        TestAppBuilder::new()
    }

    pub(super) async fn in_process(spec: AppSpec, clock: ManualClock) -> Self {
        let server = spec.server.clone();
        let app = map_config(spec.app(), move |default: AppConfig| server.clone().unwrap_or(default));
        let service = init_service(app).await;
        let call = move |request| service.call(request).boxed_local();
        Self::over(Transport::InProcess(Box::new(call)), spec, clock)
    }

    pub(super) fn on_a_socket(spec: AppSpec, clock: ManualClock) -> Self {
        Self::over(Transport::Socket(Server::start(spec.clone())), spec, clock)
    }

    fn over(transport: Transport, spec: AppSpec, clock: ManualClock) -> Self {
        Self(Rc::new(Inner { transport, spec, clock }))
    }

    pub(crate) fn get(&self, uri: &str) -> TestRequest {
        self.request(Method::GET, uri)
    }

    pub(crate) fn head(&self, uri: &str) -> TestRequest {
        self.request(Method::HEAD, uri)
    }

    pub(crate) fn post(&self, uri: &str) -> TestRequest {
        self.request(Method::POST, uri)
    }

    pub(crate) fn request(&self, method: Method, uri: &str) -> TestRequest {
        TestRequest::new(self.clone(), method, uri)
    }

    pub(crate) fn cache(&self) -> &PageCache {
        self.0.spec.cache.as_ref().expect("the application has a cache of its own")
    }

    /// Returns the remote store of an application that [`remote`](TestAppBuilder::remote) connects with one.
    pub(crate) fn store(&self) -> &MemoryStore {
        self.0.spec.store.as_ref().expect("the application has a remote store")
    }

    /// Requests pages through this application as a warm-up.
    pub(crate) async fn warm_up(&self, warm_up: WarmUp) -> WarmUpSummary {
        warm_up.through(self.0.spec.app()).await
    }

    /// Refills purged pages through this application.
    pub(crate) async fn refill(&self, refiller: Refiller) {
        refiller.through(self.0.spec.app()).await;
    }

    pub(crate) fn clock(&self) -> &ManualClock {
        &self.0.clock
    }

    /// Advances the clock by whole seconds.
    pub(crate) fn advance(&self, seconds: u64) {
        self.advance_by(Duration::from_secs(seconds));
    }

    pub(crate) fn advance_by(&self, time: Duration) {
        self.0.clock.advance(time);
    }

    /// Returns how many requests had this outcome.
    pub(crate) fn count(&self, outcome: Outcome) -> u64 {
        self.cache().stats().count(outcome)
    }

    /// Returns how many pages are stored.
    pub(crate) fn pages(&self) -> usize {
        self.cache().stats().pages()
    }

    /// Returns how many bytes the cache counts.
    pub(crate) fn bytes(&self) -> usize {
        self.cache().stats().bytes()
    }

    /// Returns how many runs of the handler have started.
    pub(crate) fn runs(&self) -> u64 {
        self.0.spec.origin.runs()
    }

    /// Sets the response of the handler from its next run on.
    pub(crate) fn set_handler<R: Reply>(&self, handler: impl Fn(&Call) -> R + Send + Sync + 'static) {
        self.0.spec.origin.set_handler(handler);
    }

    /// Lets each further run of the handler wait until the test finishes it.
    pub(crate) fn pause(&self) {
        self.0.spec.origin.gate.close();
    }

    /// Lets all runs proceed, those that wait and those to come.
    pub(crate) async fn resume(&self) {
        self.0.spec.origin.gate.open();
        settle().await;
    }

    /// Lets the oldest runs proceed, as many as that. Where fewer wait, the next ones do not wait.
    pub(crate) async fn finish(&self, runs: usize) {
        self.0.spec.origin.gate.release(runs);
        settle().await;
    }

    /// Lets one run proceed.
    pub(crate) async fn finish_run(&self, run: u64) {
        self.0.spec.origin.gate.release_run(run);
        settle().await;
    }

    /// Returns the numbers of the runs that wait.
    pub(crate) fn waiting(&self) -> Vec<u64> {
        self.0.spec.origin.gate.waiting()
    }

    /// Returns the address of an application that [`serve`](TestAppBuilder::serve) started.
    pub(crate) fn address(&self) -> SocketAddr {
        match &self.0.transport {
            Transport::Socket(server) => server.address,
            Transport::InProcess(_) => panic!("the application has no socket"),
        }
    }

    pub(super) fn origin(&self) -> &Arc<OriginState> {
        &self.0.spec.origin
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.0.transport
    }
}

/// Waits for something that other threads do. Use [`settle`] where everything runs on the thread of the test.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    // No machine is so slow.
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition() {
        assert!(Instant::now() < deadline, "{what}: not within two minutes");
        sleep(Duration::from_millis(1)).await;
    }
}

/// Lets all tasks of this thread proceed to where they wait.
pub(crate) async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}
