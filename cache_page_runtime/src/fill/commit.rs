//! From a handler's response to the page that is kept, or not, and to what is sent.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_web::{
    HttpResponse,
    body::BoxBody,
    http::{
        Method,
        header::{HeaderName, HeaderValue, VARY},
    },
    web::Bytes,
};
use http::StatusCode;

use crate::{
    fill::{
        fill::Fill,
        response_headers::{GeneratedHeaders, describe},
        tee_body::TeeBody,
    },
    http::{CachingHeaders, ResponseView, Selection, StorageDecision, Ttl, VaryNames, vary},
    observe::Report,
    outcome::{Outcome, Reason},
    page::{Page, ResponseHead, body},
    policy::{Overrides, PageControl},
    purge::{Tag, TagError, Tags, tag::MAX_TAGS},
    serve::join::FlightResult,
    service::middleware::ErrorMarker,
    store::{Entry, Lifetime},
    time::{instant::Instant, jitter::shorten_randomly},
};

/// A response whose page may be kept.
pub(crate) struct Admission {
    kept: StorageDecision,
    said: CachingHeaders,
    /// The request headers outside the key that it depends on.
    names: VaryNames,
    tags: Vec<Tag>,
    /// What clients and caches further down are told where the handler told them nothing.
    max_age: Option<HeaderValue>,
    /// When it was made; its body may come to its end later.
    made_at: Instant,
    date: SystemTime,
    /// How long the handler took.
    pub(crate) fill: Duration,
}

impl Admission {
    /// Whether its time is over before it could be kept.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.kept.ttl.is_some_and(|ttl| now.since(self.made_at) >= ttl)
    }
}

/// The handler's response, finished or with a body that is still to come.
pub(crate) enum FinishedResponse {
    Whole(HttpResponse),
    Streamed(HttpResponse<()>, TeeBody),
}

impl FinishedResponse {
    pub(crate) fn into_response(self) -> HttpResponse {
        match self {
            Self::Whole(response) => response,
            Self::Streamed(head, gather) => head.set_body(BoxBody::new(gather)),
        }
    }
}

impl Fill {
    /// What is sent: the handler's response, or what the client wants of its page.
    pub(crate) fn finish(mut self: Box<Self>, mut response: HttpResponse) -> FinishedResponse {
        let now = self.now();
        if self.is_taken() {
            if let Some(name) = self.cache.targeted_cache_control() {
                response.headers_mut().remove(name);
            }
            self.leave_to_others();
            self.part(None, now);
            return FinishedResponse::Whole(response);
        }
        if response.extensions().contains::<ErrorMarker>() {
            // What is sent in the place of an error that goes on is no page.
            let reason = self.forwarded.err().unwrap_or(Reason::Status);
            return FinishedResponse::Whole(self.refuse(response, reason, now));
        }
        let words = self.words(&mut response, now);
        if let Err(reason) = self.forwarded {
            return FinishedResponse::Whole(self.refuse(response, reason, now));
        }
        let mut words = words;
        let mut response = self.freshen(response, words.as_mut().ok());
        for name in words.iter().flat_map(|words| &words.vary) {
            response.headers_mut().append(VARY, HeaderValue::from_name(name.clone()));
        }
        let said = CachingHeaders::from_headers(response.headers());
        // What cannot be read may have said no.
        if said.forbids_reuse() || words.as_ref().map_or(true, |words| words.no_store) {
            self.withdraw();
        }
        let admitted = match words.and_then(|words| self.admit(&response, said, words, now)) {
            Ok(admitted) => admitted,
            Err(reason) => return FinishedResponse::Whole(self.refuse(response, reason, now)),
        };
        let (response, body) = response.into_parts();
        match body::into_bytes(body) {
            Ok(body) => FinishedResponse::Whole(self.finish_whole(response, body, admitted)),
            Err(stream) => self.finish_stream(response, stream, admitted),
        }
    }

    /// The old page must not be sent any more, to whomever has it in hand.
    fn withdraw(&self) {
        // What a handler answers to `HEAD` is not its page.
        let is_page = self.request.method() == Method::GET;
        if let (Some(old), Some(key), true) = (&self.old, self.cover.key(), is_page) {
            old.invalidate();
            self.cache.store().remove_if_current(key, self.request.headers(), old);
            self.withdraw_everywhere();
        }
    }

    /// What the handler says of its page beside its response, in its argument and in the header that is for this cache.
    fn words(&self, response: &mut HttpResponse, now: Instant) -> Result<Overrides, Reason> {
        let mut words = self.control.as_ref().map(PageControl::take_overrides).unwrap_or_default();
        if let Some(name) = self.cache.targeted_cache_control() {
            let lines: Vec<HeaderValue> = response.headers_mut().remove(name).collect();
            words.merge_targeted(lines.iter()).map_err(|malformed| {
                self.policy.log_error(now, format_args!("its `{name}` cannot be read: {malformed}"));
                Reason::InvalidTargetedField
            })?;
        }
        Ok(words)
    }

    /// The attribute's tags with those that the handler added.
    fn tags(&self, words: Overrides, now: Instant) -> Result<Vec<Tag>, Reason> {
        let (of_route, mut mistake) = match self.request.request() {
            Some(request) => self.policy.expand_tags(request),
            None => (Tags::new(), None),
        };
        let missing: Tags = of_route.into_iter().filter(|tag| !words.has_tag(tag.key)).collect();
        let mut tags = words.tags;
        tags.extend(missing);
        mistake = mistake.or(words.tag_error);
        if tags.len() > MAX_TAGS {
            mistake = mistake.or(Some(TagError::TooMany));
        }
        match mistake {
            None => Ok(tags),
            Some(mistake) => {
                self.policy.log_error(
                    now,
                    format_args!("its page is not kept, because no purge would find it: {mistake}"),
                );
                Err(Reason::InvalidTag)
            }
        }
    }

    fn admit(
        &self,
        response: &HttpResponse,
        said: CachingHeaders,
        words: Overrides,
        now: Instant,
    ) -> Result<Admission, Reason> {
        if words.no_store {
            return Err(Reason::NoStore);
        }
        if self.request.method() == Method::HEAD {
            return Err(Reason::Head);
        }
        let (head, failed, policy) = (response.head(), response.error().is_some(), self.policy);
        let response = ResponseView {
            status: head.status,
            headers: &head.headers,
            caching_headers: &said,
            is_upgrade: head.upgrade(),
        };
        // A handler that fails has not said how long that may be kept, whatever status it fails with.
        let ttl = (!failed && policy.ttl_applies_to(head.status)).then_some(Ttl(policy.ttl()));
        let date = self.cache.clock().date();
        // Nor for how long its error is, by what it said before.
        let told = words.ttl.filter(|_| !failed);
        let mut kept = response.storage_decision(told.map(Ttl), ttl, policy.stale_windows(), date)?;
        kept.stale.while_revalidate = words.stale_while_revalidate.unwrap_or(kept.stale.while_revalidate);
        kept.stale.if_error = words.stale_if_error.unwrap_or(kept.stale.if_error);
        if !policy.can_refresh_in_background() && self.around.is_none() {
            // Nobody would make the page anew.
            kept.stale.while_revalidate = Duration::ZERO;
        }
        let names = match said.has_vary {
            true => vary::unkeyed(&head.headers, |name| self.tells_apart(name)).ok_or(Reason::Vary)?,
            false => VaryNames::new(),
        };
        let max_age = policy.max_age(told);
        let tags = self.tags(words, now)?;
        let fill = now.since(self.started);
        Ok(Admission { kept, said, names, tags, max_age, made_at: now, date, fill })
    }

    /// Whether requests that differ in this header never share a page.
    fn tells_apart(&self, name: &HeaderName) -> bool {
        // An open page is only seen by requests without credentials that the key does not cover.
        self.cover.has_header(name) || self.credentials().contains(name)
    }

    pub(crate) fn longest_body(&self) -> usize {
        self.policy.max_body_size(self.cache.max_body())
    }

    fn finish_whole(
        mut self: Box<Self>,
        mut response: HttpResponse<()>,
        body: Option<Bytes>,
        admitted: Admission,
    ) -> HttpResponse {
        let (fill, now) = (admitted.fill, admitted.made_at);
        let head = response.head();
        let has_connection = admitted.said.has_connection;
        let head =
            ResponseHead { status: head.status, reason: head.reason, headers: &head.headers, has_connection };
        let body = if self.is_short(body.as_ref()) { body.map(body::into_exact_allocation) } else { body };
        match self.keep(head, body.as_ref(), admitted) {
            Ok((page, added)) => {
                add(&mut response, added);
                let mut response = self.cut(response.set_body(body::from_bytes(body)), &page, now);
                let report = Report {
                    forward_reason: self.forwarded.ok(),
                    ttl: page.ttl(now),
                    upstream_status: self.answered,
                    fill_time: Some(fill),
                    ..Report::of(Outcome::Stored)
                };
                self.report(report, Some(response.headers_mut()));
                response
            }
            Err(reason) => self.refuse(response.set_body(body::from_bytes(body)), reason, now),
        }
    }

    /// The head goes out now, and with it that the rest is still to come.
    fn finish_stream(
        self: Box<Self>,
        mut response: HttpResponse<()>,
        stream: BoxBody,
        admitted: Admission,
    ) -> FinishedResponse {
        let report = Report {
            forward_reason: self.forwarded.ok(),
            ..Report::of(Outcome::NotStored(Reason::Streamed))
        };
        let cache = self.cache.clone();
        let head = response.head();
        let head = ResponseHead {
            status: head.status,
            reason: head.reason,
            headers: &head.headers,
            has_connection: true,
        };
        // Caches further down have to be told at once what they may do with it.
        let added = self.describe(head, &admitted, None);
        let gather = TeeBody::start(self, response.head(), stream, admitted);
        add(&mut response, added);
        report.write_header(cache.observer().cache_status(), response.headers_mut());
        FinishedResponse::Streamed(response, gather)
    }

    fn describe(
        &self,
        head: ResponseHead<'_>,
        admitted: &Admission,
        body: Option<&[u8]>,
    ) -> GeneratedHeaders {
        let max_age = admitted.max_age.as_ref();
        describe(head, &admitted.said, body, admitted.date, max_age, &self.cover, self.credentials())
    }

    /// Keeps a page, and gives it to those that wait for it.
    ///
    /// One that there is no room for is theirs all the same: they asked for it while it was made.
    pub(crate) fn keep(
        &mut self,
        head: ResponseHead<'_>,
        body: Option<&Bytes>,
        admitted: Admission,
    ) -> Result<(Arc<Entry>, GeneratedHeaders), Reason> {
        let added = self.describe(head, &admitted, body.map(AsRef::as_ref));
        let Admission { kept, said, names, tags, made_at, date, fill, .. } = admitted;
        let about = self.about(&tags).ok_or(Reason::KeyTooLong)?;
        let lifetime = Lifetime {
            created_at: made_at,
            initial_age: said.initial_age(head.headers, date),
            ttl: kept.ttl.map(|ttl| shorten_randomly(ttl, self.cache.times().jitter)),
            stale: kept.stale,
            fill_time: fill,
        };
        let leaves_at = self.cache.tier().map(|tier| tier.local_expiry(made_at));
        let freeze = |added: &[_]| {
            let page = Page::from_response(head, added, body.cloned());
            let page = Entry::new(page, lifetime, Arc::clone(&about));
            leaves_at.into_iter().for_each(|leaves_at| page.set_local_expiry(leaves_at));
            Arc::new(page)
        };
        let (cache, headers) = (self.cache.clone(), self.request.headers());
        let key = self.cover.key().ok_or(Reason::KeyTooLong)?;
        let land = |page| FlightResult::new(page, names.clone(), &cache, key, headers).begun(self.begun);
        // As the client of this request gets it: nothing is added to what is not kept.
        let unkept = || Some(freeze(&[])).filter(|page| !self.policy.rejects(&page.page)).map(land);
        if !self.is_short(body) {
            if let Some(leader) = self.leader.take() {
                leader.complete_with(unkept);
            }
            return Err(Reason::BodyTooLarge);
        }
        let page = freeze(&added);
        if self.policy.rejects(&page.page) {
            return Err(Reason::NoStoreIf);
        }
        // Where those wait who share the page by what is known until now.
        let alone = || cache.store().with_coalescing_key(key, headers, |place| Box::<[u8]>::from(place));
        let place = if self.leader.is_none() { Some(alone()) } else { None };
        let kept = match cache.tier() {
            Some(tier) if !tier.serves_from_memory() => match cache.store().may_store(&page) {
                Ok(()) if !tier.is_available() => Err(Reason::RemoteUnavailable),
                admits => admits,
            },
            _ => cache.store().put(key, names.clone(), headers, Arc::clone(&page)),
        };
        let landed = || if kept.is_ok() { Some(land(Arc::clone(&page))) } else { unkept() };
        if let (Some(tier), Ok(())) = (cache.tier(), kept) {
            let mut names = names.clone();
            cache.store().vary_names(key).into_iter().for_each(|name| vary::insert(&mut names, name));
            let claim = self.claim.take();
            self.give(tier, &page, &names, claim);
        }
        match (self.leader.take(), place) {
            (Some(leader), _) => {
                if self.in_background {
                    cache.apart().remove(leader.key());
                }
                leader.complete_with(landed);
            }
            (None, Some(place)) if kept.is_ok() => {
                cache.flights().complete_with(&place, landed);
                cache.apart().remove(&place);
            }
            (None, _) => {}
        }
        kept?;
        Ok((page, added))
    }

    fn is_short(&self, body: Option<&Bytes>) -> bool {
        body.is_none_or(|bytes| bytes.len() <= self.longest_body())
    }

    fn refuse(mut self: Box<Self>, mut response: HttpResponse, reason: Reason, now: Instant) -> HttpResponse {
        // It would be kept the next time.
        if reason != Reason::Purged {
            self.part(Some(response.status()), now);
        }
        let outcome = match self.forwarded {
            Ok(_) => Outcome::NotStored(reason),
            Err(reason) => Outcome::Bypass(reason),
        };
        let fill = Some(now.since(self.started));
        let report = Report { forward_reason: self.forwarded.ok(), fill_time: fill, ..Report::of(outcome) };
        self.report(report, Some(response.headers_mut()));
        response
    }

    /// What may not be kept may not be shared either: whoever waits goes on alone, and those who come soon do not wait.
    pub(crate) fn part(&mut self, status: Option<StatusCode>, now: Instant) {
        match status.map(|status| status.as_u16()) {
            // An answer to what this one request says in its Range or its conditions: others will get another one, and the
            // next of them leads.
            Some(206 | 304 | 412 | 416 | 417) => return drop(self.leader.take()),
            // What is gone or forbidden by now is not sent from an old page when the handler fails the next time.
            Some(401 | 403 | 404 | 410 | 451) if !self.in_background => self.withdraw(),
            _ => {}
        }
        if let (Some(old), true) = (&self.old, self.in_background) {
            old.backoff().record_failure(now, self.cache.times().refresh_backoff);
        }
        if let Some(claim) = self.claim.take() {
            claim.release_uncacheable();
        }
        if let Some(leader) = self.leader.take() {
            self.cache.apart().insert(leader.key(), now);
            leader.complete_with(|| None);
        } else if let Some(mark) = self.mark {
            self.cache.apart().renew(mark, now);
        }
    }

    /// Clients that know the page already need not be sent it again. What middleware may look for in the response stays.
    fn cut(&self, mut response: HttpResponse, page: &Entry, now: Instant) -> HttpResponse {
        if self.in_background || response.error().is_some() {
            return response;
        }
        match page.page.select(self.request.method(), self.request.headers()) {
            Selection::Full => response,
            less => {
                let mut cut = page.page.to_response(&less, page.age(now));
                cut.extensions_mut().extend(std::mem::take(&mut *response.extensions_mut()));
                cut
            }
        }
    }
}

fn add(response: &mut HttpResponse<()>, added: GeneratedHeaders) {
    response.headers_mut().reserve(added.len() + 1);
    for (name, value) in added {
        response.headers_mut().insert(name, value);
    }
}
