//! The same as the attribute for all handlers of an App, a scope or a resource, as a middleware.
//!
//! actix-web lets nobody hold a request while services hand it on, so nothing here does: what is needed of it meanwhile is
//! copied (`asked`), and to make a page anew in the background, the request is only handed on when the response that was sent
//! instead is on its way (`sent`).

mod after_send;
mod inner;
mod options;

pub(crate) use crate::service::middleware::inner::ErrorMarker;

use std::{
    fmt,
    future::{Future, Ready, ready},
    hash::Hash,
    panic::Location,
    pin::{Pin, pin},
    rc::Rc,
};

use actix_web::{
    Error, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{Payload, Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::{
        Method,
        header::{
            CONTENT_LENGTH, CONTENT_LOCATION, HeaderMap, HeaderValue, LOCATION, TRANSFER_ENCODING, UPGRADE,
        },
    },
};

use xxhash_rust::xxh3::Xxh3;

use crate::service::middleware::inner::InnerService;
pub use crate::service::middleware::options::IntoTtl;
use crate::{
    cache::page_cache::PageCache,
    fill::{background, fill::Fill},
    http::RequestOrigin,
    key::{HandlerType, KeyBuilder},
    outcome::Reason,
    policy::{PageControl, Policy},
    purge::{
        PurgeMode, PurgeSeq,
        parse::{referred_to, to_path},
    },
    serve::lookup::{Lookup, Step},
};

/// What `vary_by` adds to a key.
type VaryByFn = Rc<dyn Fn(&HttpRequest, &mut KeyBuilder<'_>)>;

/// The attribute's cache as a middleware, for all handlers of an App, a scope or a resource.
///
/// ```
/// use actix_web::{App, web};
/// use cache_page::PageCacheMiddleware;
///
/// let app = App::new()
///     .service(web::scope("/docs").wrap(PageCacheMiddleware::new(60).tags(&["docs"])))
///     .wrap(PageCacheMiddleware::new(10));
/// # drop(app);
/// ```
///
/// It has every option of the attribute, and looks up before anything inside it runs. What it cannot do is to ask the compiler
/// what handlers read, so all its pages are *open*: requests that carry credentials (`Cookie`, `Authorization` and their like,
/// [`PageCacheBuilder::credential_header`](crate::PageCacheBuilder::credential_header)) pass it by, and are neither answered
/// from a page nor kept as one. Whatever wraps it runs on every request; what it wraps does not, so an access check that looks
/// at something else than these headers belongs around it.
///
/// A handler inside that has a `#[cache_page]` of its own keeps its page itself, and one that says `#[cache_page(uncached)]` or
/// [`PageControl::no_store`](crate::PageControl::no_store) has none. Of two middlewares, the inner one keeps.
///
/// A request with a method that is not safe (RFC 9110 9.2.1) and that succeeds (2xx, 3xx) purges the pages of its own path, and of those
/// that its response names in `Location` and `Content-Location` on the same origin (RFC 9111 4.4): with any query and, as
/// [`purge_path`](PageCache::purge_path) does, on every host. One whose client goes away before it came to an end does not: anybody could
/// begin such a request, whether or not it would have been let through.
///
/// Each place in the program that makes one has pages of its own, which all workers share. Where one line makes several (in a function of
/// yours), and the same URL comes through two of them, give them a [`key_prefix`](Self::key_prefix) each.
///
/// A request with a body passes it by, whatever its method, as does a WebSocket handshake. In the background
/// ([`stale_while_revalidate`](Self::stale_while_revalidate)) a page is made anew when the stale one was sent: by the same request,
/// which nothing around may hold any longer than that. Where something does, actix-web panics in the background task, and the old
/// page stays. Where an old page stands in for an error, what is around gets a request with its method, URL and headers, and
/// without what was put into its extensions.
///
/// What it is told lives as long as the process does: make one where an App is made, not for each request.
#[derive(Clone)]
#[must_use = "wrap an App, a scope or a resource in it"]
pub struct PageCacheMiddleware {
    policy: Policy,
    by: Option<VaryByFn>,
    place: u64,
}

/// What it was told.
#[derive(Clone)]
struct MiddlewareConfig {
    policy: &'static Policy,
    by: Option<VaryByFn>,
    /// Where in the program it was made: there is one for each worker, and they share their pages.
    place: u64,
}

/// What a place in the program is known by, in every process of that program. Nobody who sends requests chooses places.
fn number(place: &'static Location<'static>) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(place.file().as_bytes());
    hash.update(&place.line().to_le_bytes());
    hash.update(&place.column().to_le_bytes());
    hash.digest()
}

impl PageCacheMiddleware {
    /// Tells apart what the key has of the request by what this makes of it, as the attribute's `vary_by`.
    pub fn vary_by<T: Hash + 'static>(mut self, by: fn(&HttpRequest) -> T) -> Self {
        self.by = Some(Rc::new(move |request, key| key.value(&by(request))));
        self
    }
}

impl fmt::Debug for PageCacheMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageCacheMiddleware").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl<S, B> Transform<S, ServiceRequest> for PageCacheMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = PageCacheService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        PageControl::mark_middleware_present();
        // Pages and counts refer to it. There is one for each worker.
        let policy = Box::leak(Box::new(self.policy.clone()));
        let told = MiddlewareConfig { policy, by: self.by.clone(), place: self.place };
        ready(Ok(PageCacheService { service: Rc::new(service), told }))
    }
}

/// The service that [`PageCacheMiddleware`] makes of another.
pub struct PageCacheService<S> {
    service: Rc<S>,
    told: MiddlewareConfig,
}

impl<S> fmt::Debug for PageCacheService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageCacheService").field("policy", self.told.policy).finish_non_exhaustive()
    }
}

impl<S, B> Service<ServiceRequest> for PageCacheService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>>>>;

    forward_ready!(service);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        // Before anything inside reads what may be purged meanwhile.
        let since = PurgeSeq::now();
        let (service, told) = (Rc::clone(&self.service), self.told.clone());
        if is_safe(request.method()) {
            Box::pin(async move { answer(service, told, since, request).await })
        } else {
            Box::pin(async move { change(service, told, since, request).await })
        }
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
        || matches!(method.as_str(), "QUERY" | "PROPFIND" | "REPORT" | "SEARCH")
}

async fn answer<S, B>(
    service: Rc<S>,
    told: MiddlewareConfig,
    since: PurgeSeq,
    mut request: ServiceRequest,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    match look_up(request.request(), told, since).await {
        Step::Answered(response) => Ok(request.into_response(response)),
        Step::Behind(response, fill) => {
            request.set_payload(Payload::None);
            let (answered, sent) = (request.request().clone(), after_send::ResponseSent::default());
            let response = response.map_body(|_, body| sent.when_sent(body));
            let run = async move {
                sent.await;
                let mut inside = InnerService::new(service, request);
                fill.run_in_background(pin!(inside.call())).await;
            };
            background::spawn_boxed(Box::pin(run));
            Ok(ServiceResponse::new(answered, response))
        }
        Step::Run(fill) => run(fill, service, request).await,
        // `look_up` has waited.
        Step::Wait(_) => Ok(service.call(request).await?.map_into_boxed_body()),
    }
}

async fn look_up(request: &HttpRequest, told: MiddlewareConfig, since: PurgeSeq) -> Step {
    let MiddlewareConfig { policy, by, place } = told;
    PageControl::claim_inside(request);
    let mut lookup = Lookup::begin(request, policy, since, true);
    if let Err(reason) = has_no_body(request.headers()) {
        lookup.refuse(reason);
    }
    // It may read all that a handler does which takes the request. The same URL may come through several of them, side by side
    // or one in another, with other things in between.
    lookup.reads::<HttpRequest>();
    let depth = PageControl::get(request).map_or(0, |around| around.inner_claims());
    lookup.adds(|_, key| key.parts.push_hashed(&(place, depth)));
    if let Some(by) = by {
        lookup.adds(|request, key| by(request, key));
    }
    match lookup.look_up_everywhere(HandlerType::of::<PageCacheMiddleware>(), true).await {
        Step::Wait(waiting) => match lookup.wait(waiting).await {
            Ok(response) => Step::Answered(response),
            Err(fill) => lookup.ask_boxed(Step::Run(fill), true).await,
        },
        way => way,
    }
}

async fn run<S, B>(
    fill: Box<Fill>,
    service: Rc<S>,
    mut request: ServiceRequest,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    if fill.forwarded.is_ok() {
        // Whatever a client sends there, no page is made of it.
        request.set_payload(Payload::None);
    }
    let mut inside = InnerService::new(service, request);
    let response = fill.run(pin!(inside.call())).await;
    inside.answer(response)
}

/// A request that may change something: what was changed is made anew for whoever asks next.
async fn change<S, B>(
    service: Rc<S>,
    told: MiddlewareConfig,
    since: PurgeSeq,
    request: ServiceRequest,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let own = PageCache::of(request.request()).unwrap_or_else(|| PageCache::process_wide()).clone();
    let path = request.uri().path().to_owned();
    let response = answer(service, told, since, request).await?;
    if response.status().is_success() || response.status().is_redirection() {
        let (head, headers) = (response.request().head(), response.headers());
        let origin = RequestOrigin::new(head, head.headers.get("host"), response.request().app_config());
        let named =
            [LOCATION, CONTENT_LOCATION].into_iter().filter_map(|name| headers.get(name)?.to_str().ok());
        let named = named.filter_map(|reference| referred_to(reference, &path, &origin));
        // That of a scope inside may be another one.
        let inner = PageCache::of(response.request()).filter(|inner| inner.as_ptr() != own.as_ptr());
        // A path that is none has no pages.
        let mut purgings = Vec::new();
        for text in named.chain(to_path(&path).ok()) {
            let purge = |cache: &PageCache| cache.purge(PurgeMode::Remove, &text);
            purgings.extend(inner.into_iter().chain([&own]).map(purge));
        }
        for purging in purgings {
            // Told in the log: what was changed is changed.
            let _ = purging.await;
        }
    }
    Ok(response)
}

/// A body is covered by no key, and a handshake is no request for a page.
fn has_no_body(headers: &HeaderMap) -> Result<(), Reason> {
    let is_empty = |length: &HeaderValue| length.as_bytes().trim_ascii() == b"0";
    let is_handshake =
        |line: &HeaderValue| line.as_bytes().to_ascii_lowercase().windows(9).any(|word| word == b"websocket");
    if headers.contains_key(TRANSFER_ENCODING) || !headers.get_all(CONTENT_LENGTH).all(is_empty) {
        Err(Reason::Body)
    } else if headers.get_all(UPGRADE).any(is_handshake) {
        Err(Reason::Upgrade)
    } else {
        Ok(())
    }
}
