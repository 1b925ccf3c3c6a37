//! The same as the attribute for all handlers of an App, a scope or a resource, as a middleware.
//!
//! actix-web lets nobody hold a request while services hand it on, so nothing here does: what is needed of it meanwhile is
//! copied (`asked`), and to make a page anew in the background, the request is only handed on when the response that was sent
//! instead is on its way (`sent`).

mod inside;
mod options;
mod sent;

use std::{
    any::TypeId,
    fmt,
    future::{Future, Ready, ready},
    hash::Hash,
    pin::{Pin, pin},
    rc::Rc,
};

use actix_web::{
    Error, HttpRequest,
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::{
        Method,
        header::{CONTENT_LOCATION, LOCATION},
    },
};

use self::inside::Inside;
pub use self::options::TimeToLive;
use crate::{
    cache::PageCache,
    control::PageControl,
    fence::Since,
    fill::Fill,
    key::KeyBuilder,
    origin::Origin,
    policy::Policy,
    purge::{to_path, to_url_path},
    refresh,
    serve::{Lookup, Way},
    store::Verb,
};

/// What `vary_by` adds to a key.
type By = Rc<dyn Fn(&HttpRequest, &mut KeyBuilder<'_>)>;

/// The attribute's cache as a middleware, for all handlers of an App, a scope or a resource.
///
/// ```
/// use actix_web::{App, web};
/// use cache_page::CachePage;
///
/// let app = App::new()
///     .service(web::scope("/docs").wrap(CachePage::new(60).tags(&["docs"])))
///     .wrap(CachePage::new(10));
/// # drop(app);
/// ```
///
/// It has every option of the attribute, and looks up before anything inside it runs. What it cannot do is to ask the compiler
/// what handlers read, so all its pages are *open*: requests that carry credentials (`Cookie`, `Authorization` and their like,
/// [`PageCacheBuilder::credential_header`](crate::PageCacheBuilder::credential_header)) pass it by, and are neither answered
/// from a page nor kept as one. Whatever wraps it runs on every request; what it wraps does not, so an access check that looks
/// at something else than these headers belongs around it.
///
/// A handler inside that has a `#[cache_page]` of its own keeps its page itself, and one that says `#[cache_page(off)]` or
/// [`PageControl::no_store`](crate::PageControl::no_store) has none. Of two middlewares, the inner one keeps.
///
/// A request with a method that is not safe (RFC 9110 9.2.1) and that succeeds (2xx, 3xx) purges the pages of its own path, and
/// of those that its response names in `Location` and `Content-Location` on the same origin (RFC 9111 4.4).
///
/// What it is told lives as long as the process does: make one where an App is made, not for each request.
#[derive(Clone)]
#[must_use = "wrap an App, a scope or a resource in it"]
pub struct CachePage {
    policy: Policy,
    by: Option<By>,
}

impl CachePage {
    /// Tells apart what the key has of the request by what this makes of it, as the attribute's `vary_by`.
    pub fn vary_by<T: Hash + 'static>(mut self, by: fn(&HttpRequest) -> T) -> Self {
        self.by = Some(Rc::new(move |request, key| key.value(&by(request))));
        self
    }
}

impl fmt::Debug for CachePage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachePage").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl<S, B> Transform<S, ServiceRequest> for CachePage
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<BoxBody>;
    type Error = Error;
    type Transform = CachePageService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        PageControl::surround();
        // Pages and counts refer to it. There is one for each worker.
        let policy = Box::leak(Box::new(self.policy.clone()));
        ready(Ok(CachePageService { service: Rc::new(service), policy, by: self.by.clone() }))
    }
}

/// The service that [`CachePage`] makes of another.
pub struct CachePageService<S> {
    service: Rc<S>,
    policy: &'static Policy,
    by: Option<By>,
}

impl<S> fmt::Debug for CachePageService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachePageService").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl<S, B> Service<ServiceRequest> for CachePageService<S>
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
        let since = Since::now();
        let (service, policy, by) = (Rc::clone(&self.service), self.policy, self.by.clone());
        if is_safe(request.method()) {
            Box::pin(async move { answer(service, policy, by, since, request).await })
        } else {
            Box::pin(async move { change(service, policy, by, since, request).await })
        }
    }
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

async fn answer<S, B>(
    service: Rc<S>,
    policy: &'static Policy,
    by: Option<By>,
    since: Since,
    request: ServiceRequest,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    match look_up(request.request(), policy, by, since).await {
        Way::Answered(response) => Ok(request.into_response(response)),
        Way::Behind(response, fill) => {
            let (answered, sent) = (request.request().clone(), sent::Sent::default());
            let response = response.map_body(|_, body| sent.when_sent(body));
            let run = async move {
                sent.await;
                let mut inside = Inside::new(request.uri().clone(), service, request);
                fill.run_in_background(pin!(inside.call())).await;
            };
            refresh::spawn_boxed(Box::pin(run));
            Ok(ServiceResponse::new(answered, response))
        }
        Way::Run(fill) => run(fill, service, request).await,
        // `look_up` has waited.
        Way::Wait(_) => Ok(service.call(request).await?.map_into_boxed_body()),
    }
}

async fn look_up(request: &HttpRequest, policy: &'static Policy, by: Option<By>, since: Since) -> Way {
    PageControl::take_over(request);
    let mut lookup = Lookup::begin(request, policy, since, true);
    // It may read all that a handler does which takes the request.
    lookup.reads::<HttpRequest>();
    if let Some(by) = by {
        lookup.adds(|request, key| by(request, key));
    }
    match lookup.look_up(TypeId::of::<CachePage>(), true) {
        Way::Wait(waiting) => match lookup.wait(waiting).await {
            Ok(response) => Way::Answered(response),
            Err(fill) => Way::Run(fill),
        },
        way => way,
    }
}

async fn run<S, B>(
    fill: Box<Fill>,
    service: Rc<S>,
    request: ServiceRequest,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let mut inside = Inside::new(request.uri().clone(), service, request);
    let response = fill.run(pin!(inside.call())).await;
    inside.answer(response)
}

/// A request that may change something: what was changed is made anew for whoever asks next.
async fn change<S, B>(
    service: Rc<S>,
    policy: &'static Policy,
    by: Option<By>,
    since: Since,
    request: ServiceRequest,
) -> Result<ServiceResponse<BoxBody>, Error>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    let own = request.uri().path().to_owned();
    let cache =
        policy.choose(PageCache::of(request.request()).unwrap_or_else(|| PageCache::process_wide())).0;
    let cache = cache.clone();
    let response = answer(service, policy, by, since, request).await?;
    if response.status().is_success() || response.status().is_redirection() {
        let (head, headers) = (response.request().head(), response.headers());
        let origin = Origin::of(head, head.headers.get("host"), response.request().app_config());
        let named =
            [LOCATION, CONTENT_LOCATION].into_iter().filter_map(|name| headers.get(name)?.to_str().ok());
        let named = named.filter_map(|reference| to_url_path(reference, &own, origin.scheme, origin.host));
        // One that is no path has no pages.
        for target in named.chain(to_path(&own).ok()) {
            cache.purge(Verb::Purge, &target);
        }
    }
    Ok(response)
}
