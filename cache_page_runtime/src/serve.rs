//! A request's way through the cache.

use std::{
    any::TypeId,
    fmt,
    future::Future,
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_web::{
    HttpRequest, HttpResponse, Responder,
    dev::ResponseHead,
    http::{
        Method,
        header::{
            CACHE_CONTROL, DATE, EXPIRES, HeaderMap, HeaderName, HeaderValue, HttpDate,
            TryIntoHeaderValue as _, VARY,
        },
    },
    web::Bytes,
};

use crate::{
    admit, app, body,
    cache::PageCache,
    freshness,
    input::{KeyInput, Varies},
    key::KeyBuilder,
    page::{Lifetime, Page},
    policy::Policy,
    status::{self, Forward, Outcome, Reason},
    vary,
};

/// A request on its way: what its key is made of so far, or why it has none.
pub struct Lookup<'r> {
    request: &'r HttpRequest,
    policy: &'static Policy,
    cache: &'r PageCache,
    key: KeyBuilder<'r>,
    open: bool,
    admitted: Result<(), Reason>,
}

impl<'r> Lookup<'r> {
    pub(crate) fn begin(request: &'r HttpRequest, policy: &'static Policy) -> Self {
        let own = PageCache::of(request);
        let mut key = KeyBuilder::new(request);
        let admitted = admit::method(request.method()).and_then(|()| match own {
            Some(_) => Ok(()),
            None => app::identify(request, &mut key),
        });
        let mut lookup = Self {
            request,
            policy,
            cache: own.unwrap_or_else(|| PageCache::process_wide()),
            key,
            open: false,
            admitted,
        };
        if lookup.admitted.is_ok() {
            lookup.key.target(policy.prefix());
        }
        lookup
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
            self.key.vary(value);
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
            let forwarded = match self.look_up(typeid::of::<F>()) {
                Ok(response) => return response,
                Err(forwarded) => forwarded,
            };
            let response = handler.await.respond_to(self.request).map_into_boxed_body();
            self.finish(forwarded, response)
        }
    }

    /// The page as a response, or why the handler has to run: the inner reason allows its page to be kept.
    ///
    /// Every handler has a type of its own, and every instantiation of a generic one: its pages are not another's.
    fn look_up(&mut self, handler: TypeId) -> Result<HttpResponse, Result<Forward, Reason>> {
        self.key.value(&handler);
        self.admitted.map_err(Err)?;
        if self.open {
            admit::open(self.request.headers(), self.cache.credentials(), self.key.headers()).map_err(Err)?;
        }
        let key = self.key.key().ok_or(Err(Reason::KeyTooLong))?;
        let now = self.cache.clock().now();
        let page = self.cache.store().get(key, now).map_err(Ok)?;
        let outcome = Outcome::Hit { ttl: page.ttl(now) };
        outcome.trace(self.policy.handler());
        Ok(page.thaw(now, outcome.header()))
    }

    /// The handler's response, kept if that is allowed, and told what became of the request.
    fn finish(&self, forwarded: Result<Forward, Reason>, response: HttpResponse) -> HttpResponse {
        let (mut response, outcome) = match forwarded {
            Err(reason) => (response, Outcome::Bypass(reason)),
            Ok(why) => match self.keep(response) {
                (response, Ok(ttl)) => (response, Outcome::Stored { why, ttl }),
                (response, Err(reason)) => (response, Outcome::NotKept { why, reason }),
            },
        };
        outcome.trace(self.policy.handler());
        if let Some(line) = outcome.header() {
            response.headers_mut().append(status::CACHE_STATUS, line);
        }
        response
    }

    /// The response, and for how long its page is kept or why it is not. One that is not kept comes back as it was.
    fn keep(&self, response: HttpResponse) -> (HttpResponse, Result<Option<Duration>, Reason>) {
        let date = self.cache.clock().date();
        let kept_for = match self.keep_for(&response, date) {
            Ok(kept_for) => kept_for,
            Err(reason) => return (response, Err(reason)),
        };
        let (mut response, body) = response.into_parts();
        match body::bytes(body) {
            Ok(body) => {
                let kept = self.put(response.head_mut(), body.clone(), kept_for, date);
                (response.set_body(body::whole(body)), kept.map(|()| kept_for))
            }
            Err(unfinished) => (response.set_body(unfinished), Err(Reason::Streamed)),
        }
    }

    fn put(
        &self,
        head: &mut ResponseHead,
        body: Option<Bytes>,
        kept_for: Option<Duration>,
        date: SystemTime,
    ) -> Result<(), Reason> {
        if body.as_ref().is_some_and(|bytes| bytes.len() > self.cache.max_body()) {
            return Err(Reason::TooLarge);
        }
        let initial_age = freshness::initial_age(&head.headers, date);
        let added = self.describe(&head.headers, date);
        let page = Page::freeze(
            head,
            &added,
            body,
            Lifetime { made_at: self.cache.clock().now(), initial_age, kept_for },
        );
        let key = self.key.key().ok_or(Reason::KeyTooLong)?;
        self.cache.store().put(key, Arc::new(page))?;
        for (name, value) in added {
            head.headers.append(name, value);
        }
        Ok(())
    }

    fn keep_for(&self, response: &HttpResponse, date: SystemTime) -> Result<Option<Duration>, Reason> {
        if *self.request.method() == Method::HEAD {
            return Err(Reason::Head);
        }
        let head = response.head();
        let response =
            admit::Response { status: head.status, headers: &head.headers, upgrade: head.upgrade() };
        response.keep_for(self.policy.ttl(), |name| self.tells_apart(name), date)
    }

    /// Whether requests that differ in this header never share a page.
    fn tells_apart(&self, name: &HeaderName) -> bool {
        // An open page is only seen by requests without credentials that the key does not cover.
        self.key.headers().contains(name) || (self.open && self.cache.credentials().contains(name))
    }

    /// What is added to tell caches further down, and the client's own, what they may do with the page.
    fn describe(&self, headers: &HeaderMap, date: SystemTime) -> Vec<(HeaderName, HeaderValue)> {
        let mut added = Vec::new();
        if !headers.contains_key(DATE) {
            added.extend(HttpDate::from(date).try_into_value().ok().map(|date| (DATE, date)));
        }
        if !headers.contains_key(CACHE_CONTROL) && !headers.contains_key(EXPIRES) {
            // A browser knows one page a URL: it must ask before it shows one visitor's to the next.
            let said = if self.key.varies() {
                Some(HeaderValue::from_static("private, no-cache"))
            } else {
                self.policy.max_age().ok().cloned()
            };
            added.extend(said.map(|said| (CACHE_CONTROL, said)));
        }
        let unnamed = self.key.headers().iter().filter(|name| !vary::names(headers, name));
        added.extend(unnamed.map(|name| (VARY, name.clone().into())));
        if self.open {
            added.extend(self.cache.credentials_list().map(|names| (VARY, names.clone())));
        }
        added
    }
}

impl fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("handler", &self.policy.handler()).finish_non_exhaustive()
    }
}
