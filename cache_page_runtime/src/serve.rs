//! A request's way through the cache.

use std::{any::TypeId, fmt, future::Future, hash::Hash, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    http::{Method, StatusCode},
};

use crate::{
    admit::{self, Wishes},
    app,
    cache::PageCache,
    clock::Moment,
    conditional::{self, Extent},
    fill::Fill,
    input::{KeyInput, Varies},
    key::KeyBuilder,
    outcome::{Forward, Outcome, Reason},
    page::Page,
    policy::Policy,
    status::Report,
};

/// A request on its way: what its key is made of so far, or why it has none.
pub struct Lookup<'r> {
    pub(crate) request: &'r HttpRequest,
    pub(crate) policy: &'static Policy,
    pub(crate) cache: &'r PageCache,
    pub(crate) key: KeyBuilder<'r>,
    pub(crate) open: bool,
    admitted: Result<(), Reason>,
}

/// What comes of looking up: an answer, or why the handler has to run. The inner reason allows its page to be kept.
type Found = Result<HttpResponse, Result<Forward, Reason>>;

impl<'r> Lookup<'r> {
    pub(crate) fn begin(request: &'r HttpRequest, policy: &'static Policy) -> Self {
        let own = PageCache::of(request);
        let mut key = KeyBuilder::new(request);
        let admitted = admit::method(request.method())
            .and_then(|()| if policy.admits(request) { Ok(()) } else { Err(Reason::When) })
            .and_then(|()| match own {
                Some(_) => Ok(()),
                None => app::identify(request, &mut key),
            });
        if admitted.is_ok() {
            key.policy(policy);
        }
        let cache = own.unwrap_or_else(|| PageCache::process_wide());
        Self { request, policy, cache, key, open: false, admitted }
    }

    /// One argument, covered by what its type says it reads.
    pub fn reads<T: KeyInput>(&mut self) {
        if self.admitted.is_ok() {
            T::key(self.request, &mut self.key);
            self.open |= T::OPEN;
        }
    }

    /// One argument, covered by its value.
    pub fn vary<T: Varies + ?Sized>(&mut self, value: &T) {
        if self.admitted.is_ok() {
            self.key.value(value);
        }
    }

    /// What the attribute's `vary_by` makes of the request.
    pub fn vary_by<T: Hash>(&mut self, by: impl FnOnce(&'r HttpRequest) -> T) {
        if self.admitted.is_ok() {
            self.key.value(&by(self.request));
        }
    }

    /// Answers from the kept page, or runs the handler and keeps its page if that is allowed.
    // Not an `async fn`: a handler that returns no `Responder` is then one error, not one here and one at the `await`.
    #[allow(clippy::manual_async_fn)]
    pub fn serve<F>(&mut self, handler: F) -> impl Future<Output = HttpResponse>
    where
        F: Future,
        F::Output: Responder,
    {
        async move {
            let fill = match self.look_up(typeid::of::<F>()) {
                Ok(response) => return response,
                Err(forwarded) => Fill::start(self, forwarded),
            };
            let response = handler.await.respond_to(fill.request()).map_into_boxed_body();
            fill.finish(response)
        }
    }

    /// The page, or why there is none for this request; a client that only takes what is kept is told so.
    fn look_up(&mut self, handler: TypeId) -> Found {
        let obeys = self.cache.obeys_clients() && self.admitted != Err(Reason::Method);
        let wishes = obeys.then(|| Wishes::of(self.request.headers()));
        match self.find(handler, wishes.as_ref()) {
            Err(_) if wishes.is_some_and(|wishes| wishes.only_if_cached()) => Ok(self.only_if_cached()),
            found => found,
        }
    }

    fn find(&mut self, handler: TypeId, wishes: Option<&Wishes>) -> Found {
        // Every handler has a type of its own, and every instantiation of a generic one: its pages are not another's.
        self.key.record(&handler);
        self.admitted.map_err(Err)?;
        let headers = self.request.headers();
        if self.open {
            admit::open(headers, self.cache.credentials(), |name| self.key.covers(name)).map_err(Err)?;
        }
        if wishes.is_some_and(Wishes::no_store) {
            return Err(Err(Reason::RequestNoStore));
        }
        let key = self.key.key().ok_or(Err(Reason::KeyTooLong))?;
        let now = self.cache.clock().now();
        let page = self.cache.store().get(key, headers, now).map_err(Ok)?;
        if wishes.is_none_or(|wishes| wishes.take(page.age(now), page.ttl(now))) {
            Ok(self.answer(&page, now))
        } else {
            Err(Ok(Forward::Request))
        }
    }

    fn answer(&self, page: &Arc<Page>, now: Moment) -> HttpResponse {
        let extent = self.extent(page);
        let mut response = page.thaw(&extent, now);
        let outcome = if extent == Extent::NotModified { Outcome::Revalidated } else { Outcome::Hit };
        let report = Report { ttl: page.ttl(now), age: Some(page.age(now)), ..Report::of(outcome) };
        report.tell(self.cache, self.policy, response.headers_mut());
        response
    }

    /// How much of a page answers this request.
    pub(crate) fn extent(&self, page: &Page) -> Extent {
        let headers = self.request.headers();
        if !conditional::asks_for_less(headers) {
            return Extent::Whole;
        }
        page.validators().extent(self.request.method(), headers)
    }

    /// RFC 9111 5.2.1.7.
    fn only_if_cached(&self) -> HttpResponse {
        let mut response = HttpResponse::new(StatusCode::GATEWAY_TIMEOUT);
        Report::of(Outcome::Bypass(Reason::OnlyIfCached)).tell(
            self.cache,
            self.policy,
            response.headers_mut(),
        );
        response
    }

    pub(crate) fn is_head(&self) -> bool {
        *self.request.method() == Method::HEAD
    }
}

impl fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("handler", &self.policy.handler()).finish_non_exhaustive()
    }
}
