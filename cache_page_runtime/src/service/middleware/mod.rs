//! The middleware form of the cache.
//!
//! actix-web allows no reference to a request while services own it. What a fill needs of the request meanwhile is copied, and a
//! background refresh passes the request on only after the stale response was sent.

mod accept_encoding;
mod after_send;
mod held_requests;
mod inner;
mod keyed_request;
mod options;
mod unsafe_method;

use std::{
    fmt,
    future::{Future, Ready, ready},
    panic::Location,
    pin::{Pin, pin},
    rc::Rc,
};

use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE},
};
use xxhash_rust::xxh3::Xxh3;

pub use self::options::IntoTtl;
use self::{
    after_send::notify_on_send,
    held_requests::HeldRequests,
    inner::{InnerService, arrived_head},
    keyed_request::prepare,
    unsafe_method::purge_changed,
};
use crate::{
    cache::PageCache,
    fill::{Bypass, EntryPoint, Fill, spawn},
    http::method::is_safe,
    key::{HandlerType, KeyBuilder},
    outcome::Reason,
    policy::{HandlerPolicy, PageControl, Policy},
    purge::PurgeSeq,
    serve::{Lookup, RefreshMode, ServiceStep, resolve_for_service},
    time::Instant,
};

/// Adds the results of `vary_by`, `vary_by_header` and `normalize` to a key.
type VaryByFn = Rc<dyn Fn(&HttpRequest, &mut KeyBuilder<'_>)>;

/// A middleware that caches the responses of all handlers of an App, a scope or a resource.
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
/// It has the options of the attribute as methods. The cache is looked up before any service inside runs.
///
/// # What is cached
///
/// The compiler cannot check what the handlers inside read, so all pages are anonymous-only: requests with credentials (`Cookie`,
/// `Authorization` and others, see [`PageCacheBuilder::credential_header`](crate::PageCacheBuilder::credential_header)) bypass the
/// cache. Which cookies are credentials is up to [`PageCacheBuilder::session_cookies`](crate::PageCacheBuilder::session_cookies); those
/// of analytics, consent banners and CDNs are none. Services outside of the middleware run on every request, and services inside only on a miss: an access check that looks
/// at anything but credential headers belongs outside.
///
/// Routing inside does not run on a hit either, so the key contains what guards usually decide by: the URL, the host, and all headers
/// but those that browsers, proxies and content delivery networks send on their own. `guard::Acceptable`, `guard::Host` and
/// `guard::Header("x-api-version", "2")` choose the right page. A guard by one of these headers needs [`vary`](Self::vary), such as
/// `vary(&["user-agent"])`; a guard by anything else, such as the client's address or extensions, needs [`vary_by`](Self::vary_by). Or
/// the middleware wraps the scope or resource that the guard selects: each place has pages of its own.
///
/// Sessions belong inside: `.wrap(SessionMiddleware::new(…)).wrap(PageCacheMiddleware::new(…))`. The cache then sees the cookie of
/// a session that a handler begins, and the session is not loaded on a hit. In the other order, the feature `actix-session` keeps
/// responses that change the session out of the cache, and logs an error.
///
/// What is not in the key, services inside do not see: cookies that are no credentials and not in `vary_cookie`, and the query
/// parameters that `query` or `ignore_query` leave out, are removed from the request; with these two options, the other parameters are
/// sorted. Requests that bypass the cache are passed on as they are. Outer services find the changed request in the response. If one of
/// them holds the request, nothing can be removed from it, and it bypasses the cache (`request-held`) if it has such cookies or
/// parameters.
///
/// A request with a body bypasses the cache, whatever its method, and so does a WebSocket handshake.
///
/// A `HEAD` for which no page is stored runs the services inside as a `GET`, without `Range`, and stores their response: monitors
/// that poll with `HEAD` cost one run per TTL, and handlers for `GET` answer them. If it bypasses the cache, it stays a `HEAD`.
/// Services outside find a `GET` in the request that comes back with the response.
///
/// The services inside see one spelling of each set of codings in `Accept-Encoding`, such as `gzip, deflate, br, zstd`, so that one that
/// encodes its responses, such as actix-web's `Compress`, has one page per set. Weights and other codings are left out.
///
/// A handler inside with a `#[cache_page]` of its own stores its response itself. With `#[cache_page(uncached)]` or
/// [`PageControl::no_store`] its response is not stored at all. Of two nested middlewares, the inner one stores.
///
/// Each place in the program that creates a middleware has pages of its own, which all workers share. A function that creates
/// several middlewares for the same URLs gives each a [`key_prefix`](Self::key_prefix).
///
/// # Invalidation
///
/// A successful request (2xx, 3xx) with an unsafe method (RFC 9110 9.2.1) purges the pages of its path, and those of the same
/// origin that its response names in `Location` and `Content-Location` (RFC 9111 4.4): with any query and, as
/// [`purge_path`](PageCache::purge_path) does, on every host. If its client disconnects before the response is complete, nothing is
/// purged: anybody could start such a request, whether or not it would be permitted.
///
/// # Stale responses
///
/// A background refresh ([`stale_while_revalidate`](Self::stale_while_revalidate)) starts when the stale response is sent. It uses
/// the same request, which no outer service may hold longer than that; otherwise actix-web panics in the background task, and the
/// stale page stays. Where a stale response is served in place of an error, outer services see a request with its method, URL and
/// headers, and without its extensions.
///
/// # Memory
///
/// The options live as long as the process. Create a middleware where an App is created, not for each request.
#[derive(Clone)]
#[must_use = "wrap an App, a scope or a resource with it"]
#[doc(alias("UpdateCacheMiddleware", "FetchFromCacheMiddleware", "OutputCache", "site_cache"))]
pub struct PageCacheMiddleware {
    name: &'static str,
    policy: Policy,
    vary_by: Option<VaryByFn>,
    call_site: u64,
}

/// The options of the middleware on one worker.
#[derive(Clone)]
struct MiddlewareConfig {
    policy: &'static HandlerPolicy,
    vary_by: Option<VaryByFn>,
    /// Part of the key: each worker creates a middleware, and those of one call site share their pages.
    call_site: u64,
    held: HeldRequests,
}

/// Identifies a place in the program, in every process of that program.
fn call_site_id(place: &'static Location<'static>) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(place.file().as_bytes());
    hash.update(&place.line().to_le_bytes());
    hash.update(&place.column().to_le_bytes());
    hash.digest()
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
        // Pages and statistics refer to the policy. One is leaked per worker.
        let policy = Box::leak(Box::new(self.policy.for_handler(self.name)));
        let config = MiddlewareConfig {
            policy,
            vary_by: self.vary_by.clone(),
            call_site: self.call_site,
            held: HeldRequests::default(),
        };
        ready(Ok(PageCacheService { service: Rc::new(service), config }))
    }
}

/// The service that actix-web creates from a [`PageCacheMiddleware`].
pub struct PageCacheService<S> {
    service: Rc<S>,
    config: MiddlewareConfig,
}

impl<S> fmt::Debug for PageCacheService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageCacheService").field("policy", self.config.policy).finish_non_exhaustive()
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
        // Recorded before a service inside reads anything that a purge may change.
        let purge_seq = PurgeSeq::now();
        let (service, config) = (Rc::clone(&self.service), self.config.clone());
        Box::pin(async move {
            if is_safe(request.method()) {
                return respond(service, config, purge_seq, request).await;
            }
            let app_cache = PageCache::of(request.request()).unwrap_or_else(|| PageCache::global()).clone();
            let path = request.uri().path().to_owned();
            let response = respond(service, config, purge_seq, request).await?;
            purge_changed(&app_cache, &path, &response).await;
            Ok(response)
        })
    }
}

async fn respond<S, B>(
    service: Rc<S>,
    config: MiddlewareConfig,
    purge_seq: PurgeSeq,
    mut request: ServiceRequest,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let policy = config.policy;
    let held = config.held.clone();
    accept_encoding::normalize(&mut request, &held);
    match look_up(request.request(), config, purge_seq).await {
        ServiceStep::Respond(response) => Ok(request.into_response(response)),
        ServiceStep::RespondAndRefresh(response, fill) => {
            Ok(refresh_after_send(service, request, response, fill, held))
        }
        ServiceStep::Fill(fill) => {
            let head = arrived_head(&request);
            if prepare(&mut request, &fill.keyed_parts(), &held).is_err() {
                log_held_request(policy, fill.now());
                let bypass = fill.into_bypass(request.request(), Reason::RequestHeld);
                return run_bypass(service, request, bypass).await;
            }
            let mut inner = InnerService::new(service, request, head);
            let served = fill.run(pin!(inner.call())).await;
            inner.respond(served)
        }
        ServiceStep::Bypass(bypass) => run_bypass(service, request, bypass).await,
    }
}

#[cold]
fn log_held_request(policy: &HandlerPolicy, now: Instant) {
    policy.log_error(
        now,
        format_args!(
            "a service outside of the cache holds the request, which cannot be changed then: requests with cookies or query \
             parameters that are not in the key, and `HEAD`, bypass the cache"
        ),
    );
}

async fn run_bypass<S, B>(
    service: Rc<S>,
    request: ServiceRequest,
    bypass: Box<Bypass>,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let head = arrived_head(&request);
    let mut inner = InnerService::new(service, request, head);
    let served = bypass.run(pin!(inner.call())).await;
    inner.respond(served)
}

/// Sends a stored response, and passes the request on when it is sent.
fn refresh_after_send<S, B>(
    service: Rc<S>,
    mut request: ServiceRequest,
    response: HttpResponse,
    fill: Box<Fill>,
    held: HeldRequests,
) -> ServiceResponse<BoxBody>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let answered = request.request().clone();
    let (head, body) = response.into_parts();
    let (body, sent) = notify_on_send(body);
    spawn(Box::pin(async move {
        // The sender is dropped when the response is sent, which is no error.
        let _ = sent.await;
        let head = arrived_head(&request);
        if prepare(&mut request, &fill.keyed_parts(), &held).is_err() {
            return fill.discard();
        }
        let mut inner = InnerService::new(service, request, head);
        fill.run_in_background(pin!(inner.call())).await;
    }));
    ServiceResponse::new(answered, head.set_body(body))
}

async fn look_up(request: &HttpRequest, config: MiddlewareConfig, purge_seq: PurgeSeq) -> ServiceStep {
    let MiddlewareConfig { policy, vary_by, call_site, .. } = config;
    PageControl::claim_inside(request);
    let mut lookup = Lookup::new(request, policy, purge_seq, EntryPoint::Middleware);
    if let Err(reason) = check_request(request.headers()) {
        lookup.reject(reason);
    }
    // The handlers inside may read what a handler with an `HttpRequest` reads.
    lookup.key_from_service_request();
    // The same URL may pass through several middlewares, beside each other or nested, with other services between them.
    let depth = PageControl::get(request).map_or(0, |control| control.inner_claims());
    lookup.push_with(|_, key| key.parts.push_hashed(&(call_site, depth)));
    if let Some(vary_by) = vary_by {
        lookup.push_with(|request, key| vary_by(request, key));
    }
    resolve_for_service(lookup, HandlerType::of::<PageCacheMiddleware>(), RefreshMode::Background).await
}

/// Checks that a request has no body, which no key covers, and is not a WebSocket handshake.
fn check_request(headers: &HeaderMap) -> Result<(), Reason> {
    let is_zero = |length: &HeaderValue| length.as_bytes().trim_ascii() == b"0";
    let is_websocket = |value: &HeaderValue| {
        value.as_bytes().to_ascii_lowercase().windows(9).any(|token| token == b"websocket")
    };
    if headers.contains_key(TRANSFER_ENCODING) || !headers.get_all(CONTENT_LENGTH).all(is_zero) {
        Err(Reason::Body)
    } else if headers.get_all(UPGRADE).any(is_websocket) {
        Err(Reason::Upgrade)
    } else {
        Ok(())
    }
}
