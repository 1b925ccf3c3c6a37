//! The application that each process runs.

use std::{
    cell::{Cell, RefCell},
    ops::Deref,
    rc::Rc,
    time::Duration,
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    dev::{Service, ServiceResponse},
    http::{StatusCode, header::HeaderName},
    test::{TestRequest, init_service},
    web,
};
use cache_page::remote::RemoteStats;
use cache_page::{
    Outcome, PageCache, PageCacheBuilder, PageControl, Validators, cache_page, purge_page,
    testing::ManualClock,
};
use tokio::sync::Semaphore;

use super::{
    backend::{Backend, MemoryStore, Method},
    wait_until,
};
use crate::legacy::{Answer, Runs, get, send};

/// The targeted field of the caches.
pub(crate) const TARGETED_FIELD: &str = "acme-control";

/// What the handlers of one process do.
pub(crate) struct Site {
    pub(crate) name: &'static str,
    pub(crate) runs: Runs,
    pub(crate) status: Cell<u16>,
    pub(crate) headers: RefCell<Vec<(&'static str, &'static str)>>,
    pub(crate) tags: RefCell<Vec<String>>,
    pub(crate) no_store: Cell<bool>,
    pub(crate) panics: Cell<bool>,
    /// The time that a handler takes, by the manual clock.
    pub(crate) handler_time: Cell<Duration>,
    /// The `ETag` that the last handler got to compare with.
    pub(crate) validators: RefCell<Option<String>>,
    gate: Semaphore,
    clock: ManualClock,
}

impl Site {
    /// Blocks handlers that start from now on.
    pub(crate) fn block_handlers(&self) {
        self.gate.forget_permits(usize::MAX);
    }

    /// Unblocks all handlers.
    pub(crate) fn unblock_handlers(&self) {
        self.gate.add_permits(1000);
    }

    async fn respond(&self) -> HttpResponse {
        let run = self.runs.count();
        self.gate.acquire().await.unwrap().forget();
        assert!(!self.panics.get(), "the test wants the handler to panic");
        self.clock.advance(self.handler_time.get());
        let mut response = HttpResponse::build(StatusCode::from_u16(self.status.get()).unwrap());
        for header in &*self.headers.borrow() {
            response.append_header(*header);
        }
        response.body(format!("page {run} of {}", self.name))
    }

    fn apply_control(&self, control: &PageControl) {
        if self.no_store.get() {
            control.no_store();
        }
        for tag in &*self.tags.borrow() {
            control.tag(tag);
        }
    }
}

#[cache_page(60, name = "any")]
pub(crate) async fn any(site: web::Data<Site>, control: PageControl) -> HttpResponse {
    site.apply_control(&control);
    site.respond().await
}

#[cache_page(60, name = "posts", tags = ["posts", "post:{id}"])]
async fn post(id: web::Path<String>, site: web::Data<Site>, control: PageControl) -> HttpResponse {
    let _ = id;
    site.apply_control(&control);
    site.respond().await
}

#[cache_page(60, name = "paged", query = ["page"])]
async fn paged(site: web::Data<Site>) -> HttpResponse {
    site.respond().await
}

#[cache_page(60, name = "anonymous-only")]
async fn anonymous_only(request: HttpRequest, site: web::Data<Site>) -> HttpResponse {
    let _ = request;
    site.respond().await
}

#[cache_page(60, name = "stale-while-revalidate", stale_while_revalidate = 30, tags = ["refreshed"])]
async fn stale_while_revalidate(site: web::Data<Site>, control: PageControl) -> HttpResponse {
    site.apply_control(&control);
    let validators = control.validators();
    let etag = validators.as_ref().and_then(Validators::etag);
    *site.validators.borrow_mut() = etag.map(|etag| etag.to_str().unwrap().to_owned());
    site.respond().await
}

#[cache_page(60, name = "stale-if-error", stale_if_error = 300)]
async fn stale_if_error(site: web::Data<Site>, control: PageControl) -> HttpResponse {
    site.apply_control(&control);
    let validators = control.validators();
    let etag = validators.as_ref().and_then(Validators::etag);
    *site.validators.borrow_mut() = etag.map(|etag| etag.to_str().unwrap().to_owned());
    site.respond().await
}

/// Responds with 304 whenever it gets validators.
#[cache_page(60, name = "revalidated", stale_if_error = 300)]
async fn revalidated(site: web::Data<Site>, control: PageControl) -> HttpResponse {
    if control.validators().is_some() {
        site.runs.count();
        return HttpResponse::NotModified().finish();
    }
    site.apply_control(&control);
    site.respond().await
}

/// Varies by a header that only its response names.
#[cache_page(60, name = "varied")]
async fn varied(#[unkeyed] request: HttpRequest, site: web::Data<Site>) -> HttpResponse {
    let language = request.headers().get("accept-language").map(|line| line.to_str().unwrap().to_owned());
    let mut response = site.respond().await;
    response.headers_mut().append("vary".parse().unwrap(), "accept-language".parse().unwrap());
    response
        .headers_mut()
        .append("x-language".parse().unwrap(), language.unwrap_or_default().parse().unwrap());
    response
}

#[purge_page(tags = ["posts", "post:{id}"])]
async fn edit(id: web::Path<String>, site: web::Data<Site>) -> HttpResponse {
    let _ = id;
    HttpResponse::new(StatusCode::from_u16(site.status.get()).unwrap())
}

/// A process.
pub(crate) struct Process<S> {
    pub(crate) app: Rc<S>,
    pub(crate) cache: PageCache,
    pub(crate) store: MemoryStore,
    pub(crate) clock: ManualClock,
    pub(crate) site: web::Data<Site>,
}

impl<S> Deref for Process<S> {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

/// Returns options whose timeouts do not elapse on a slow machine.
pub(crate) fn long_timeouts() -> PageCacheBuilder {
    PageCache::builder()
        .remote_timeout(Duration::from_secs(20))
        .max_purge_lag(Duration::from_secs(600))
        .targeted_cache_control(HeaderName::from_static(TARGETED_FIELD))
}

/// Starts a process and waits for its connection.
pub(crate) async fn process(
    name: &'static str,
    backend: &Backend,
    options: PageCacheBuilder,
) -> Process<impl Service<Request, Response = ServiceResponse, Error = Error> + use<>> {
    let process = start(name, backend.store(), options).await;
    process.wait_available(true).await;
    process
}

/// Starts a process.
pub(crate) async fn start(
    name: &'static str,
    store: MemoryStore,
    options: PageCacheBuilder,
) -> Process<impl Service<Request, Response = ServiceResponse, Error = Error> + use<>> {
    let clock = ManualClock::new();
    let cache = options.clock(clock.clone()).remote_store(store.clone()).build();
    let site = web::Data::new(Site {
        name,
        runs: Runs::default(),
        status: Cell::new(200),
        headers: RefCell::default(),
        tags: RefCell::default(),
        no_store: Cell::new(false),
        panics: Cell::new(false),
        handler_time: Cell::default(),
        validators: RefCell::default(),
        gate: Semaphore::new(1000),
        clock: clock.clone(),
    });
    let app = App::new()
        .app_data(cache.clone())
        .app_data(site.clone())
        .route("/posts/{id}", web::post().to(edit))
        .route("/posts/{id}", web::route().to(post))
        .route("/paged", web::route().to(paged))
        .route("/anonymous-only", web::route().to(anonymous_only))
        .route("/stale-while-revalidate", web::route().to(stale_while_revalidate))
        .route("/stale-if-error", web::route().to(stale_if_error))
        .route("/revalidated", web::route().to(revalidated))
        .route("/varied", web::route().to(varied))
        .default_service(web::route().to(any));
    Process { app: Rc::new(init_service(app).await), cache, store, clock, site }
}

impl<S: Service<Request, Response = ServiceResponse, Error = Error>> Process<S> {
    pub(crate) async fn get(&self, uri: &str) -> Answer {
        get(&*self.app, uri).await
    }

    pub(crate) async fn send(&self, request: TestRequest) -> Answer {
        send(&*self.app, request).await
    }

    /// Generates a page, and waits until it is stored in the backend.
    pub(crate) async fn fill(&self, uri: &str) -> Answer {
        let before = self.remote_stats().stored;
        let answer = self.get(uri).await;
        assert!(answer.is_stored(), "{uri} of {}: {}", self.name, answer.outcome());
        self.wait_stored(before + 1).await;
        answer
    }

    /// Waits until this number of pages of this process were stored in the backend.
    pub(crate) async fn wait_stored(&self, pages: u64) {
        wait_until("the backend stores a page", || self.remote_stats().stored >= pages).await;
    }

    /// Sends requests until the body changes.
    pub(crate) async fn get_until_changed(&self, uri: &str, old: &Answer) -> Answer {
        for _ in 0..15_000 {
            let answer = self.get(uri).await;
            if answer.body != old.body {
                return answer;
            }
            actix_web::rt::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{} still sends {:?}", self.name, old.text());
    }

    /// Waits until all changes so far have been received and applied.
    pub(crate) async fn wait_polled(&self) {
        let asked = self.store.calls(Method::PollChanges);
        // The poll in flight may have read the log before. The second one starts after its changes were applied.
        wait_until("a process polls twice", || self.store.calls(Method::PollChanges) >= asked + 2).await;
    }

    pub(crate) async fn wait_available(&self, is_up: bool) {
        wait_until("the availability of the store changes", || self.remote_stats().is_available == is_up)
            .await;
    }

    pub(crate) fn remote_stats(&self) -> RemoteStats {
        *self.cache.stats().remote().expect("no remote store")
    }

    pub(crate) fn count(&self, outcome: Outcome) -> u64 {
        self.cache.stats().count(outcome)
    }

    /// Returns the number of lookups.
    pub(crate) fn lookups(&self) -> u64 {
        self.store.calls(Method::Get)
    }
}

pub(crate) fn is_remote_hit(answer: &Answer) -> bool {
    let outcome = answer.outcome();
    outcome.starts_with("cache_page; hit; ttl=") && outcome.ends_with("; detail=remote")
}

/// Advances the clocks of the backend and of these processes.
pub(crate) fn advance<S>(backend: &Backend, processes: &[&Process<S>], seconds: u64) {
    let time = Duration::from_secs(seconds);
    backend.advance(time);
    processes.iter().for_each(|process| process.clock.advance(time));
}
