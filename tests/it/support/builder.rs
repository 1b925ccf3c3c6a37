//! Options of a test application.

use std::{sync::Arc, time::Duration};

use actix_service::boxed::BoxService;
use actix_web::{
    App, Error, FromRequest, Handler, Responder,
    body::{BoxBody, MessageBody},
    dev::{AppConfig, ServiceFactory, ServiceRequest, ServiceResponse, Transform},
    web::{self, ServiceConfig},
};
use cache_page::{PageCache, PageCacheBuilder, testing::ManualClock};

use super::{
    app::TestApp,
    backend::{Backend, MemoryStore},
    layers::Layers,
    origin::{self, Call, OriginState, Reply},
};

type Configure = dyn Fn(&mut ServiceConfig) + Send + Sync;

/// Options of a [`TestApp`]; made by [`TestApp::builder`].
pub(crate) struct TestAppBuilder {
    clock: ManualClock,
    cache: Cache,
    spec: AppSpec,
}

enum Cache {
    New(Box<PageCacheBuilder>),
    Given(PageCache),
    None,
}

/// What each instance of the application consists of; a server makes one for each worker.
#[derive(Clone)]
pub(super) struct AppSpec {
    pub(super) cache: Option<PageCache>,
    pub(super) store: Option<MemoryStore>,
    pub(super) origin: Arc<OriginState>,
    configure: Vec<Arc<Configure>>,
    layers: Layers,
    is_cached: bool,
    pub(super) server: Option<AppConfig>,
}

impl TestAppBuilder {
    pub(super) fn new() -> Self {
        let spec = AppSpec {
            cache: None,
            store: None,
            origin: Arc::new(OriginState::new()),
            configure: Vec::new(),
            layers: Layers::default(),
            is_cached: true,
            server: None,
        };
        Self { clock: ManualClock::new(), cache: Cache::New(Box::default()), spec }
    }

    /// Sets options of the cache.
    pub(crate) fn cache(mut self, options: impl FnOnce(PageCacheBuilder) -> PageCacheBuilder) -> Self {
        self.cache = match self.cache {
            Cache::New(builder) => Cache::New(Box::new(options(*builder))),
            Cache::Given(_) | Cache::None => panic!("the cache is not made by this builder"),
        };
        self
    }

    /// Makes the application a process of its own, which shares pages with the others of the backend.
    ///
    /// The timeouts do not elapse, however slow the machine is; a test whose subject is one of them sets it afterwards.
    pub(crate) fn remote(mut self, backend: &Backend) -> Self {
        let store = backend.store();
        self.spec.store = Some(store.clone());
        self.cache(|cache| {
            cache
                .remote_store(store)
                .remote_timeout(Duration::from_secs(600))
                .max_purge_lag(Duration::from_secs(600))
                .coalesce_timeout(Duration::from_secs(3600))
        })
    }

    /// Returns the remote store of [`remote`](Self::remote).
    pub(crate) fn store(&self) -> &MemoryStore {
        self.spec.store.as_ref().expect("the application has a remote store")
    }

    /// Uses the cache and the clock of another application.
    pub(crate) fn share_cache(mut self, other: &TestApp) -> Self {
        self.clock = other.clock().clone();
        self.cache = Cache::Given(other.cache().clone());
        self
    }

    /// Uses the handler of another application: its response, its run counter, and whether it is paused.
    pub(crate) fn share_handler(mut self, other: &TestApp) -> Self {
        self.spec.origin = Arc::clone(other.origin());
        self
    }

    /// Uses a cache that the test made, on [`clock`](Self::clock) if it has a manual clock.
    pub(crate) fn page_cache(mut self, cache: PageCache) -> Self {
        self.cache = Cache::Given(cache);
        self
    }

    /// Gives the application no cache: its handlers use the global one.
    pub(crate) fn without_cache(mut self) -> Self {
        self.cache = Cache::None;
        self
    }

    /// Uses a clock that the test made.
    pub(crate) fn clock(mut self, clock: &ManualClock) -> Self {
        self.clock = clock.clone();
        self
    }

    /// Sets the response of the handler; `page N` in its Nth run by default.
    pub(crate) fn handler<R: Reply>(self, handler: impl Fn(&Call) -> R + Send + Sync + 'static) -> Self {
        self.spec.origin.set_handler(handler);
        self
    }

    /// Lets each run of the handler wait until the test finishes it.
    pub(crate) fn paused(self) -> Self {
        self.spec.origin.gate.close();
        self
    }

    /// Adds a handler for all methods of a path.
    pub(crate) fn route<F, Args>(self, path: &str, handler: F) -> Self
    where
        F: Handler<Args, Output: Responder + 'static> + Send + Sync,
        Args: FromRequest + 'static,
    {
        let path = path.to_owned();
        self.configure(move |config| {
            config.route(&path, web::to(handler.clone()));
        })
    }

    /// Adds services, scopes and data.
    pub(crate) fn configure(
        mut self,
        configure: impl Fn(&mut ServiceConfig) + Send + Sync + 'static,
    ) -> Self {
        self.spec.configure.push(Arc::new(configure));
        self
    }

    /// Adds a middleware around everything that is there.
    pub(crate) fn wrap<M, B>(mut self, middleware: impl Fn() -> M + Send + Sync + 'static) -> Self
    where
        M: Transform<
                BoxService<ServiceRequest, ServiceResponse<BoxBody>, Error>,
                ServiceRequest,
                Response = ServiceResponse<B>,
                Error = Error,
                InitError = (),
            > + 'static,
        B: MessageBody + 'static,
    {
        self.spec.layers.push(middleware);
        self
    }

    /// Leaves the handler of all other paths without a `#[cache_page]`, for a middleware to cache.
    pub(crate) fn uncached(mut self) -> Self {
        self.spec.is_cached = false;
        self
    }

    /// Sets what an application in this thread knows of its server.
    pub(crate) fn server(mut self, config: &AppConfig) -> Self {
        self.spec.server = Some(config.clone());
        self
    }

    /// Starts the application in this thread.
    pub(crate) async fn start(self) -> TestApp {
        let (spec, clock) = self.finish();
        TestApp::in_process(spec, clock).await
    }

    /// Starts the application on a real socket, with two workers.
    pub(crate) fn serve(self) -> TestApp {
        let (spec, clock) = self.finish();
        TestApp::on_a_socket(spec, clock)
    }

    fn finish(mut self) -> (AppSpec, ManualClock) {
        self.spec.cache = match self.cache {
            Cache::New(builder) => Some(builder.clock(self.clock.clone()).build()),
            Cache::Given(cache) => Some(cache),
            Cache::None => None,
        };
        (self.spec, self.clock)
    }
}

impl AppSpec {
    pub(super) fn app(
        &self,
    ) -> App<
        impl ServiceFactory<
            ServiceRequest,
            Config = (),
            Response = ServiceResponse<BoxBody>,
            Error = Error,
            InitError = (),
        > + use<>,
    > {
        let spec = self.clone();
        App::new().configure(move |config| spec.configure(config)).wrap(self.layers.clone())
    }

    fn configure(&self, config: &mut ServiceConfig) {
        if let Some(cache) = &self.cache {
            config.app_data(cache.clone());
        }
        config.app_data(web::Data::from(Arc::clone(&self.origin)));
        config.default_service(if self.is_cached {
            web::to(origin::cached)
        } else {
            web::to(origin::uncached)
        });
        self.configure.iter().for_each(|configure| configure(config));
    }
}
