//! One run of a handler for the cache: from the miss to the page that is kept, or not.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::BoxBody,
    http::{Method, header::HeaderMap},
    web::Bytes,
};
use http::header::HeaderName;

use crate::{
    admit::{self, Kept, Said, Ttl},
    body,
    cache::PageCache,
    clock::Moment,
    conditional::Extent,
    describe::{Added, describe},
    flight::Leader,
    follow::Landed,
    gather::Gather,
    key::Cover,
    outcome::{Forward, Outcome, Reason},
    page::{Head, Lifetime, Page},
    policy::Policy,
    refresh,
    serve::{Lookup, Missing, extent},
    stand_in::{self, Failure},
    status::{Refresh, Report},
    vary::{self, Names},
};

/// Everything that is needed to keep the page, without the request's way that led here: a body may come to its end, and a
/// handler that runs in the background too, when that is long over.
pub(crate) struct Fill {
    pub(crate) request: HttpRequest,
    pub(crate) cache: PageCache,
    pub(crate) policy: &'static Policy,
    cover: Cover,
    open: bool,
    /// Why the handler runs; an error says why its page may not be kept.
    forwarded: Result<Forward, Reason>,
    /// The page that was there before.
    old: Option<Arc<Page>>,
    /// Whoever else waits for the page.
    leader: Option<Leader<Landed>>,
    started: Moment,
    /// Nobody waits for the response: the request was answered by the old page.
    in_background: bool,
    finished: bool,
}

/// A response whose page may be kept.
pub(crate) struct Admitted {
    kept: Kept,
    said: Said,
    /// The request headers outside the key that it depends on.
    names: Names,
    date: SystemTime,
    /// How long the handler took.
    pub(crate) fill: Duration,
}

/// The handler's response, finished or with a body that is still to come.
pub(crate) enum Finished {
    Whole(HttpResponse),
    Streamed(HttpResponse<()>, Gather),
}

impl Fill {
    /// Takes over from the lookup, which has no key any more.
    pub(crate) fn start(
        lookup: &mut Lookup<'_>,
        forwarded: Result<Missing, Reason>,
        leader: Option<Leader<Landed>>,
        now: Moment,
    ) -> Box<Self> {
        let (forwarded, old) = match forwarded {
            Ok(Missing { forward, old }) => (Ok(forward), old),
            Err(reason) => (Err(reason), None),
        };
        // It is passed on from hand to hand, and is not small.
        Box::new(Self {
            request: lookup.request.clone(),
            cache: lookup.cache.clone(),
            policy: lookup.policy,
            cover: lookup.key.cover.take(),
            open: lookup.open,
            forwarded,
            old,
            leader,
            started: now,
            in_background: false,
            finished: false,
        })
    }

    fn now(&self) -> Moment {
        self.cache.clock().now()
    }

    /// Runs the handler for the client that waits for it.
    pub(crate) async fn run(
        self: Box<Self>,
        mut handler: Pin<&mut dyn Future<Output = HttpResponse>>,
    ) -> HttpResponse {
        if self.stand_in().is_none() {
            let response = handler.await;
            return self.finish(response).into_response();
        }
        let deadline = self.started + self.cache.times().fill_deadline;
        let failure = match stand_in::guard(handler.as_mut(), self.cache.clock().sleep_until(deadline)).await
        {
            Ok(response) if !stand_in::is_failure(&response) => {
                return self.finish(response).into_response();
            }
            Ok(response) => Failure::Answered(Box::new(response)),
            Err(failure) => failure,
        };
        // Its time may have come to an end meanwhile.
        match (self.stand_in(), failure) {
            (Some(page), failure) => self.stand_in_for(&page, &failure),
            (None, Failure::Answered(response)) => self.finish(*response).into_response(),
            (None, Failure::Panicked(panic)) => std::panic::resume_unwind(panic),
            (None, Failure::Overdue) => {
                let response = handler.await;
                self.finish(response).into_response()
            }
        }
    }

    /// Runs the handler for those who come later.
    pub(crate) async fn run_in_background(
        mut self: Box<Self>,
        handler: Pin<&mut dyn Future<Output = HttpResponse>>,
    ) {
        self.in_background = true;
        let (cache, deadline) = (self.cache.clone(), self.started + self.cache.times().fill_deadline);
        let ends = cache.clock().sleep_until(deadline);
        let run = async {
            let response = handler.await;
            if stand_in::is_failure(&response) {
                return self.give_up(&Failure::Answered(Box::new(response)));
            }
            if let Finished::Streamed(_, gather) = self.finish(response) {
                gather.drain().await;
            }
        };
        // Dropped at the deadline, it counts as failed.
        refresh::within(std::pin::pin!(run), ends).await;
    }

    /// The old page, if it may be sent where the handler fails.
    fn stand_in(&self) -> Option<Arc<Page>> {
        let old = self.old.as_ref()?;
        old.may_stand_in(self.now()).then(|| Arc::clone(old))
    }

    fn stand_in_for(mut self: Box<Self>, page: &Arc<Page>, failure: &Failure) -> HttpResponse {
        let now = self.now();
        self.failed(page, failure);
        let is_fresh = page.is_fresh(now);
        let outcome = if is_fresh { Outcome::Hit } else { Outcome::Stale(Reason::StaleIfError) };
        if let Some(leader) = self.leader.take() {
            let landed = |key| Landed::new(Arc::clone(page), Names::new(), &self.cache, key, &self.request);
            leader.land_with(|| self.cover.key().map(landed).map(|landed| landed.told_as(outcome)));
        }
        let mut response = page.thaw(&extent(page, &self.request), now);
        let report = Report {
            forward: self.forwarded.ok(),
            answered: failure.status().filter(|_| !is_fresh),
            fill: Some(now.since(self.started)),
            ..Report::of_page(outcome, page, now)
        };
        self.tell(report, Some(response.headers_mut()));
        response
    }

    /// The handler failed in the background, and the old page stays.
    fn give_up(mut self: Box<Self>, failure: &Failure) {
        if let Some(page) = self.old.clone() {
            self.failed(&page, failure);
        }
        let fill = self.now().since(self.started);
        self.tell(Report { fill: Some(fill), ..Report::of(Outcome::NotKept(Reason::Status)) }, None);
        if let Some(leader) = self.leader.take() {
            leader.land_with(|| None);
        }
    }

    fn failed(&self, page: &Page, failure: &Failure) {
        page.retry().failed(self.now(), self.cache.times().retry_interval);
        failure.log(self.policy);
    }

    /// What is sent: the handler's response, or what the client wants of its page.
    pub(crate) fn finish(self: Box<Self>, response: HttpResponse) -> Finished {
        let now = self.now();
        let admitted = match self.forwarded.and_then(|_| self.admit(&response, now)) {
            Ok(admitted) => admitted,
            Err(reason) => return Finished::Whole(self.refuse(response, reason, now)),
        };
        let (response, body) = response.into_parts();
        match body::bytes(body) {
            Ok(body) => Finished::Whole(self.finish_whole(response, body, admitted, now)),
            Err(stream) => self.finish_stream(response, stream, admitted),
        }
    }

    fn admit(&self, response: &HttpResponse, now: Moment) -> Result<Admitted, Reason> {
        if self.request.method() == Method::HEAD {
            return Err(Reason::Head);
        }
        let (head, failed, policy) = (response.head(), response.error().is_some(), self.policy);
        let said = Said::by(&head.headers);
        let response = admit::Response {
            status: head.status,
            headers: &head.headers,
            said: &said,
            upgrade: head.upgrade(),
        };
        // A handler that fails has not said how long that may be kept, whatever status it fails with.
        let ttl = (!failed && policy.applies_to(head.status)).then_some(Ttl(policy.ttl()));
        let date = self.cache.clock().date();
        let mut kept = response.keep_for(ttl, policy.stale(), date)?;
        if !policy.refreshes() {
            // Nobody would make the page anew.
            kept.stale.while_revalidate = Duration::ZERO;
        }
        let names = match said.vary {
            true => vary::uncovered(&head.headers, |name| self.tells_apart(name)).ok_or(Reason::Vary)?,
            false => Names::new(),
        };
        Ok(Admitted { kept, said, names, date, fill: now.since(self.started) })
    }

    /// Whether requests that differ in this header never share a page.
    fn tells_apart(&self, name: &HeaderName) -> bool {
        // An open page is only seen by requests without credentials that the key does not cover.
        self.cover.covers(name) || self.credentials().contains(name)
    }

    fn credentials(&self) -> &[HeaderName] {
        if self.open { self.cache.credentials() } else { &[] }
    }

    pub(crate) fn longest_body(&self) -> usize {
        self.policy.longest_body(self.cache.max_body())
    }

    fn finish_whole(
        mut self: Box<Self>,
        mut response: HttpResponse<()>,
        body: Option<Bytes>,
        admitted: Admitted,
        now: Moment,
    ) -> HttpResponse {
        let fill = admitted.fill;
        let head = response.head();
        let names_own = admitted.said.connection;
        let head = Head { status: head.status, reason: head.reason, headers: &head.headers, names_own };
        let body = if self.is_short(body.as_ref()) { body.map(body::compact) } else { body };
        match self.keep(head, body.as_ref(), admitted, now) {
            Ok((page, added)) => {
                response.headers_mut().reserve(added.len() + 1);
                for (name, value) in added {
                    response.headers_mut().insert(name, value);
                }
                let mut response = self.cut(response.set_body(body::whole(body)), &page, now);
                let report = Report {
                    forward: self.forwarded.ok(),
                    ttl: page.ttl(now),
                    fill: Some(fill),
                    ..Report::of(Outcome::Stored)
                };
                self.tell(report, Some(response.headers_mut()));
                response
            }
            Err(reason) => self.refuse(response.set_body(body::whole(body)), reason, now),
        }
    }

    /// The head goes out now, and with it that the rest is still to come.
    fn finish_stream(
        self: Box<Self>,
        mut response: HttpResponse<()>,
        stream: BoxBody,
        admitted: Admitted,
    ) -> Finished {
        let report =
            Report { forward: self.forwarded.ok(), ..Report::of(Outcome::NotKept(Reason::Streamed)) };
        let cache = self.cache.clone();
        let gather = Gather::start(self, response.head(), stream, admitted);
        report.show(&cache, response.headers_mut());
        Finished::Streamed(response, gather)
    }

    /// Keeps a page, and gives it to those that wait for it.
    ///
    /// One that there is no room for is theirs all the same: they asked for it while it was made.
    pub(crate) fn keep(
        &mut self,
        head: Head<'_>,
        body: Option<&Bytes>,
        admitted: Admitted,
        now: Moment,
    ) -> Result<(Arc<Page>, Added), Reason> {
        let Admitted { kept: Kept { fresh, stale }, said, names, date, fill } = admitted;
        let lifetime = Lifetime {
            made_at: now,
            initial_age: said.initial_age(head.headers, date),
            kept_for: fresh.map(|fresh| refresh::shorten(fresh, self.cache.times().jitter)),
            stale,
            fill,
        };
        let freeze = |added: &[_]| Arc::new(Page::freeze(head, added, body.cloned(), lifetime));
        let (cache, headers) = (self.cache.clone(), self.request.headers());
        let key = self.cover.key().ok_or(Reason::KeyTooLong)?;
        let land = |page| Landed::new(page, names.clone(), &cache, key, &self.request);
        // As the client of this request gets it: nothing is added to what is not kept.
        let unkept = || Some(freeze(&[])).filter(|page| !self.policy.refuses(page)).map(land);
        if !self.is_short(body) {
            if let Some(leader) = self.leader.take() {
                leader.land_with(unkept);
            }
            return Err(Reason::TooLarge);
        }
        let added = describe(
            head,
            &said,
            body.map(AsRef::as_ref),
            date,
            self.policy,
            &self.cover,
            self.credentials(),
        );
        let page = freeze(&added);
        if self.policy.refuses(&page) {
            return Err(Reason::Unless);
        }
        // Where those wait who share the page by what is known until now.
        let alone = || cache.store().with_place(key, headers, |place| Box::<[u8]>::from(place));
        let place = if self.leader.is_none() { Some(alone()) } else { None };
        let kept = cache.store().put(key, names.clone(), headers, Arc::clone(&page));
        let landed = || if kept.is_ok() { Some(land(Arc::clone(&page))) } else { unkept() };
        match (self.leader.take(), place) {
            (Some(leader), _) => {
                if self.in_background {
                    cache.apart().forget(leader.key());
                }
                leader.land_with(landed);
            }
            (None, Some(place)) if kept.is_ok() => {
                cache.flights().land_with(&place, landed);
                cache.apart().forget(&place);
            }
            (None, _) => {}
        }
        kept?;
        Ok((page, added))
    }

    fn is_short(&self, body: Option<&Bytes>) -> bool {
        body.is_none_or(|bytes| bytes.len() <= self.longest_body())
    }

    fn refuse(mut self: Box<Self>, mut response: HttpResponse, reason: Reason, now: Moment) -> HttpResponse {
        let fill = now.since(self.started);
        self.part(reason);
        let outcome = match self.forwarded {
            Ok(_) => Outcome::NotKept(reason),
            Err(reason) => Outcome::Bypass(reason),
        };
        let report = Report { forward: self.forwarded.ok(), fill: Some(fill), ..Report::of(outcome) };
        self.tell(report, Some(response.headers_mut()));
        response
    }

    /// What may not be kept may not be shared either: whoever waits goes on alone, and those who come soon do not wait.
    pub(crate) fn part(&mut self, reason: Reason) {
        let Some(key) = self.cover.key() else { return };
        let (cache, headers) = (&self.cache, self.request.headers());
        if let Some(old) = &self.old {
            if matches!(reason, Reason::NoStore | Reason::NoCache | Reason::Private) {
                cache.store().remove_page(key, headers, old);
            } else if self.in_background {
                old.retry().failed(self.now(), cache.times().retry_interval);
            }
        }
        if let Some(leader) = self.leader.take() {
            cache.apart().remember(leader.key(), self.now());
            leader.land_with(|| None);
        }
    }

    /// Clients that know the page already need not be sent it again. What middleware may look for in the response stays.
    fn cut(&self, mut response: HttpResponse, page: &Page, now: Moment) -> HttpResponse {
        if self.in_background || response.error().is_some() {
            return response;
        }
        match extent(page, &self.request) {
            Extent::Whole => response,
            less => {
                let mut cut = page.thaw(&less, now);
                cut.extensions_mut().extend(std::mem::take(&mut *response.extensions_mut()));
                cut
            }
        }
    }

    /// Tells what became of the request, once; or of the run in the background, which is no request.
    pub(crate) fn tell(&mut self, report: Report, headers: Option<&mut HeaderMap>) {
        if self.finished {
            return;
        }
        self.finished = true;
        if self.in_background {
            let kept = report.outcome.reason().map_or(Ok(()), Err);
            let fill = report.fill.unwrap_or_default();
            return Refresh { kept, fill }.log(&self.cache, self.policy);
        }
        report.log(&self.cache, self.policy);
        if let Some(headers) = headers {
            report.show(&self.cache, headers);
        }
    }

    pub(crate) fn forwarded(&self) -> Option<Forward> {
        self.forwarded.ok()
    }
}

impl Finished {
    fn into_response(self) -> HttpResponse {
        match self {
            Self::Whole(response) => response,
            Self::Streamed(head, gather) => head.set_body(BoxBody::new(gather)),
        }
    }
}

/// A handler that panics, or whose client goes away, comes to no end; its request has an outcome all the same.
impl Drop for Fill {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        if let (Some(old), true) = (&self.old, self.in_background) {
            old.retry().failed(self.now(), self.cache.times().retry_interval);
        }
        let outcome = match self.forwarded {
            Ok(_) => Outcome::NotKept(Reason::Abandoned),
            Err(reason) => Outcome::Bypass(reason),
        };
        self.tell(Report { forward: self.forwarded.ok(), ..Report::of(outcome) }, None);
    }
}
