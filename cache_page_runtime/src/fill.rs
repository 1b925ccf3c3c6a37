//! One run of a handler for the cache: from the miss to the page that is kept, or not.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_web::{
    HttpRequest, HttpResponse,
    dev::ResponseHead,
    http::header::{
        CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderMap, HeaderName, HeaderValue, HttpDate,
        TryIntoHeaderValue as _, VARY,
    },
    web::Bytes,
};
use smallvec::SmallVec;

use crate::{
    admit::{self, Ttl},
    body,
    clock::Moment,
    conditional::Extent,
    freshness,
    outcome::{Forward, Outcome, Reason},
    page::{self, Lifetime, Page},
    serve::Lookup,
    status::Report,
    vary::{self, Names},
};

pub(crate) struct Fill<'l, 'r> {
    lookup: &'l Lookup<'r>,
    /// Why the handler runs; an error says why its page may not be kept.
    forwarded: Result<Forward, Reason>,
    started: Moment,
    finished: bool,
}

/// A response whose page may be kept.
struct Admitted {
    /// `None` is for ever.
    kept_for: Option<Duration>,
    /// The request headers outside the key that it depends on.
    names: Names,
    date: SystemTime,
}

impl<'l, 'r> Fill<'l, 'r> {
    pub(crate) fn start(lookup: &'l Lookup<'r>, forwarded: Result<Forward, Reason>) -> Self {
        Self { lookup, forwarded, started: lookup.cache.clock().now(), finished: false }
    }

    pub(crate) fn request(&self) -> &'r HttpRequest {
        self.lookup.request
    }

    /// What is sent: the handler's response, or what the client wants of its page.
    pub(crate) fn finish(mut self, response: HttpResponse) -> HttpResponse {
        self.finished = true;
        let now = self.lookup.cache.clock().now();
        let (mut response, mut report) = match self.forwarded {
            Err(reason) => (response, Report::of(Outcome::Bypass(reason))),
            Ok(_) => match self.keep(response) {
                (response, Ok(page)) => (
                    self.cut(response, &page, now),
                    Report { ttl: page.ttl(now), ..Report::of(Outcome::Stored) },
                ),
                (response, Err(reason)) => (response, Report::of(Outcome::NotKept(reason))),
            },
        };
        report.forward = self.forwarded.ok();
        report.fill = Some(now.since(self.started));
        report.tell(self.lookup.cache, self.lookup.policy, response.headers_mut());
        response
    }

    /// Clients that know the page already need not be sent it again. What middleware may look for in the response stays.
    fn cut(&self, mut response: HttpResponse, page: &Page, now: Moment) -> HttpResponse {
        if response.error().is_some() {
            return response;
        }
        match self.lookup.extent(page) {
            Extent::Whole => response,
            less => {
                let mut cut = page.thaw(&less, now);
                cut.extensions_mut().extend(std::mem::take(&mut *response.extensions_mut()));
                cut
            }
        }
    }

    /// The response, and its page or why there is none. Without a page, it comes back as it was.
    fn keep(&self, response: HttpResponse) -> (HttpResponse, Result<Arc<Page>, Reason>) {
        let admitted = match self.admit(&response) {
            Ok(admitted) => admitted,
            Err(reason) => return (response, Err(reason)),
        };
        let (mut response, body) = response.into_parts();
        let body = match body::bytes(body) {
            Ok(body) => body,
            Err(unfinished) => return (response.set_body(unfinished), Err(Reason::Streamed)),
        };
        if body.as_ref().is_some_and(|bytes| bytes.len() > self.longest_body()) {
            return (response.set_body(body::whole(body)), Err(Reason::TooLarge));
        }
        let body = body.map(body::compact);
        let page = self.put(response.head_mut(), body.clone(), admitted);
        (response.set_body(body::whole(body)), page)
    }

    fn longest_body(&self) -> usize {
        self.lookup.policy.longest_body(self.lookup.cache.max_body())
    }

    fn admit(&self, response: &HttpResponse) -> Result<Admitted, Reason> {
        if self.lookup.is_head() {
            return Err(Reason::Head);
        }
        let (head, failed, policy) = (response.head(), response.error().is_some(), self.lookup.policy);
        let response =
            admit::Response { status: head.status, headers: &head.headers, upgrade: head.upgrade() };
        // A handler that fails has not said how long that may be kept, whatever status it fails with.
        let ttl = (!failed && policy.applies_to(head.status)).then_some(Ttl(policy.ttl()));
        let date = self.lookup.cache.clock().date();
        let kept_for = response.keep_for(ttl, date)?;
        let names = vary::uncovered(&head.headers, |name| self.tells_apart(name)).ok_or(Reason::Vary)?;
        Ok(Admitted { kept_for, names, date })
    }

    /// Whether requests that differ in this header never share a page.
    fn tells_apart(&self, name: &HeaderName) -> bool {
        let Lookup { key, cache, open, .. } = self.lookup;
        // An open page is only seen by requests without credentials that the key does not cover.
        key.covers(name) || (*open && cache.credentials().contains(name))
    }

    fn put(
        &self,
        head: &mut ResponseHead,
        body: Option<Bytes>,
        admitted: Admitted,
    ) -> Result<Arc<Page>, Reason> {
        let Lookup { cache, policy, key, request, .. } = self.lookup;
        let added = self.describe(head, body.as_deref(), admitted.date);
        let lifetime = Lifetime {
            made_at: cache.clock().now(),
            initial_age: freshness::initial_age(&head.headers, admitted.date),
            kept_for: admitted.kept_for,
        };
        let page = Arc::new(Page::freeze(head, &added, body, lifetime));
        if policy.refuses(&page) {
            return Err(Reason::Unless);
        }
        let key = key.key().ok_or(Reason::KeyTooLong)?;
        cache.store().put(key, admitted.names, request.headers(), Arc::clone(&page))?;
        for (name, value) in added {
            head.headers.insert(name, value);
        }
        Ok(page)
    }

    /// What is added to tell caches further down, and the client's own, what they may do with the page.
    fn describe(
        &self,
        head: &ResponseHead,
        body: Option<&[u8]>,
        date: SystemTime,
    ) -> Vec<(HeaderName, HeaderValue)> {
        let Lookup { cache, policy, key, open, .. } = self.lookup;
        let headers = &head.headers;
        let mut added = Vec::new();
        if !headers.contains_key(DATE) {
            added.extend(HttpDate::from(date).try_into_value().ok().map(|date| (DATE, date)));
        }
        if !headers.contains_key(CACHE_CONTROL) {
            // Caches further down, browsers among them, know one page a URL. What is in the key beside the URL is unknown to
            // them: they must ask before they show one visitor's page to the next.
            let said = match (key.varies(), headers.contains_key(EXPIRES)) {
                (true, false) => Some(HeaderValue::from_static("private, no-cache")),
                (true, true) => Some(HeaderValue::from_static("private")),
                (false, false) => policy.max_age().cloned(),
                (false, true) => None,
            };
            added.extend(said.map(|said| (CACHE_CONTROL, said)));
        }
        if !headers.contains_key(ETAG) && head.status.is_success() {
            added.extend(body.and_then(page::etag).map(|etag| (ETAG, etag)));
        }
        let credentials = if *open { cache.credentials() } else { &[] };
        added.extend(vary_line(headers, key.told().chain(credentials)));
        added
    }
}

/// `Vary` with the names that it does not have yet, if there are any.
///
/// On one line with what the handler said: middleware that adds to `Vary` may know the first line only, and drop the others.
fn vary_line<'n>(
    headers: &HeaderMap,
    names: impl Iterator<Item = &'n HeaderName>,
) -> Option<(HeaderName, HeaderValue)> {
    let mut added: SmallVec<[&HeaderName; 16]> = SmallVec::new();
    for name in names {
        if !vary::names(headers, name) && !added.contains(&name) {
            added.push(name);
        }
    }
    if added.is_empty() && headers.get_all(VARY).count() <= 1 {
        return None;
    }
    let said = headers.get_all(VARY).map(HeaderValue::as_bytes).filter(|line| !line.is_empty());
    let line: Vec<&[u8]> = said.chain(added.iter().map(|name| name.as_str().as_bytes())).collect();
    Some((VARY, HeaderValue::from_bytes(&line.join(&b", "[..])).ok()?))
}

/// A handler that panics, or whose client goes away, comes to no end; its request has an outcome all the same.
impl Drop for Fill<'_, '_> {
    fn drop(&mut self) {
        if !self.finished {
            let outcome = match self.forwarded {
                Ok(_) => Outcome::NotKept(Reason::Abandoned),
                Err(reason) => Outcome::Bypass(reason),
            };
            Report { forward: self.forwarded.ok(), ..Report::of(outcome) }
                .log(self.lookup.cache, self.lookup.policy);
        }
    }
}
