//! The program that each of the processes runs.

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
    memory::{Engine, MemoryStore, Op},
    until,
};
use crate::legacy::{Answer, Runs, get, send};

/// By which handlers speak to their cache.
pub(crate) const CONTROL: &str = "acme-control";

/// What handlers of one process do.
pub(crate) struct Site {
    pub(crate) name: &'static str,
    pub(crate) runs: Runs,
    pub(crate) status: Cell<u16>,
    pub(crate) headers: RefCell<Vec<(&'static str, &'static str)>>,
    pub(crate) tags: RefCell<Vec<String>>,
    pub(crate) no_store: Cell<bool>,
    pub(crate) panics: Cell<bool>,
    /// What a handler takes of the clock.
    pub(crate) takes: Cell<Duration>,
    /// What it had to compare its page with, the last time.
    pub(crate) validators: RefCell<Option<String>>,
    gate: Semaphore,
    clock: ManualClock,
}

impl Site {
    /// Handlers that begin from here on wait.
    pub(crate) fn hold(&self) {
        self.gate.forget_permits(usize::MAX);
    }

    /// They all go on, and nobody waits any more.
    pub(crate) fn let_go(&self) {
        self.gate.add_permits(1000);
    }

    async fn make(&self) -> HttpResponse {
        let run = self.runs.count();
        self.gate.acquire().await.unwrap().forget();
        assert!(!self.panics.get(), "the handler panics, as the test wants it to");
        self.clock.advance(self.takes.get());
        let mut response = HttpResponse::build(StatusCode::from_u16(self.status.get()).unwrap());
        for header in &*self.headers.borrow() {
            response.append_header(*header);
        }
        response.body(format!("page {run} of {}", self.name))
    }

    fn say(&self, control: &PageControl) {
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
    site.say(&control);
    site.make().await
}

#[cache_page(60, name = "posts", tags = ["posts", "post:{id}"])]
async fn post(id: web::Path<String>, site: web::Data<Site>, control: PageControl) -> HttpResponse {
    let _ = id;
    site.say(&control);
    site.make().await
}

#[cache_page(60, name = "paged", query = ["page"])]
async fn paged(site: web::Data<Site>) -> HttpResponse {
    site.make().await
}

#[cache_page(60, name = "open")]
async fn open(request: HttpRequest, site: web::Data<Site>) -> HttpResponse {
    let _ = request;
    site.make().await
}

#[cache_page(60, name = "refreshed", stale_while_revalidate = 30, tags = ["refreshed"])]
async fn refreshed(site: web::Data<Site>, control: PageControl) -> HttpResponse {
    site.say(&control);
    let validators = control.validators();
    let etag = validators.as_ref().and_then(Validators::etag);
    *site.validators.borrow_mut() = etag.map(|etag| etag.to_str().unwrap().to_owned());
    site.make().await
}

#[cache_page(60, name = "sturdy", stale_if_error = 300)]
async fn sturdy(site: web::Data<Site>, control: PageControl) -> HttpResponse {
    site.say(&control);
    let validators = control.validators();
    let etag = validators.as_ref().and_then(Validators::etag);
    *site.validators.borrow_mut() = etag.map(|etag| etag.to_str().unwrap().to_owned());
    site.make().await
}

/// One that knows its page to be as it was wherever there is something to compare it with.
#[cache_page(60, name = "compared", stale_if_error = 300)]
async fn compared(site: web::Data<Site>, control: PageControl) -> HttpResponse {
    if control.validators().is_some() {
        site.runs.count();
        return HttpResponse::NotModified().finish();
    }
    site.say(&control);
    site.make().await
}

/// A page for each language, which only its response tells.
#[cache_page(60, name = "varied")]
async fn varied(#[unkeyed] request: HttpRequest, site: web::Data<Site>) -> HttpResponse {
    let language = request.headers().get("accept-language").map(|line| line.to_str().unwrap().to_owned());
    let mut response = site.make().await;
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

/// One process.
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

/// What all tests have in common: nothing is given up because the machine is slow.
pub(crate) fn patient() -> PageCacheBuilder {
    PageCache::builder()
        .remote_timeout(Duration::from_secs(20))
        .max_purge_lag(Duration::from_secs(600))
        .targeted_cache_control(HeaderName::from_static(CONTROL))
}

/// One that has reached the engine.
pub(crate) async fn process(
    name: &'static str,
    engine: &Engine,
    options: PageCacheBuilder,
) -> Process<impl Service<Request, Response = ServiceResponse, Error = Error> + use<>> {
    let process = start(name, engine.store(), options).await;
    process.is_up(true).await;
    process
}

/// One that may not have.
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
        takes: Cell::default(),
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
        .route("/open", web::route().to(open))
        .route("/refreshed", web::route().to(refreshed))
        .route("/sturdy", web::route().to(sturdy))
        .route("/compared", web::route().to(compared))
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

    /// Makes a page, which is in the engine from then on.
    pub(crate) async fn make(&self, uri: &str) -> Answer {
        let before = self.remote_stats().stored;
        let answer = self.get(uri).await;
        assert!(answer.is_stored(), "{uri} is made by {}: {}", self.name, answer.outcome());
        self.gives(before + 1).await;
        answer
    }

    /// Until so many pages of this process were taken by the engine.
    pub(crate) async fn gives(&self, pages: u64) {
        until("the engine takes a page", || self.remote_stats().stored >= pages).await;
    }

    /// Asks until it is answered with something else.
    pub(crate) async fn get_until_not(&self, uri: &str, old: &Answer) -> Answer {
        for _ in 0..15_000 {
            let answer = self.get(uri).await;
            if answer.body != old.body {
                return answer;
            }
            actix_web::rt::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("{} still sends {:?}", self.name, old.text());
    }

    /// Until everything that was told so far was heard, and done.
    pub(crate) async fn hears(&self) {
        let asked = self.store.count(Op::PollChanges);
        // The one that is under way may have looked before; the next is only asked for when that one was done.
        until("a process hears what was told", || self.store.count(Op::PollChanges) >= asked + 2).await;
    }

    pub(crate) async fn is_up(&self, is_up: bool) {
        until("a process finds out whether it reaches the engine", || {
            self.remote_stats().is_available == is_up
        })
        .await;
    }

    pub(crate) fn remote_stats(&self) -> RemoteStats {
        *self.cache.stats().remote().expect("there is a shared tier")
    }

    pub(crate) fn of(&self, outcome: Outcome) -> u64 {
        self.cache.stats().count(outcome)
    }

    /// How often the engine was asked for a page.
    pub(crate) fn asked(&self) -> u64 {
        self.store.count(Op::Get)
    }
}

pub(crate) fn is_remote_hit(answer: &Answer) -> bool {
    let outcome = answer.outcome();
    outcome.starts_with("cache_page; hit; ttl=") && outcome.ends_with("; detail=remote")
}

/// Time passes in all of these and in the engine.
pub(crate) fn advance<S>(engine: &Engine, processes: &[&Process<S>], seconds: u64) {
    let time = Duration::from_secs(seconds);
    engine.advance(time);
    processes.iter().for_each(|process| process.clock.advance(time));
}
