//! A request at the cache: what its arguments add to its key, and what local memory has for it.

use std::{fmt, hash::Hash, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, HeaderValue},
    },
};

use super::{
    eligibility::{check_request, log_unsafe_method},
    hit::Hit,
};
use crate::{
    cache::PageCache,
    fill::EntryPoint,
    http::{QueryRule, RequestDirectives, header_class::RequestNames},
    key::{
        AnonymousValue, Argument, CacheKey, Classified, KeyBuilder, KeyOptions, KeyParts, KeyValue,
        push_query_read_by,
    },
    observe::Report,
    outcome::{ForwardReason, Outcome, Reason},
    page::EncodingChoice,
    policy::HandlerPolicy,
    purge::PurgeSeq,
    store::{Entry, Miss, local_copies},
    time::{instant::Instant, jitter},
};

/// Why local memory has no response that answers a request.
pub(super) enum NoHit {
    Miss(Miss),
    /// There is a response, which is neither sent to this request nor replaced because of it.
    Bypass(Reason),
}

impl From<Miss> for NoHit {
    fn from(miss: Miss) -> Self {
        Self::Miss(miss)
    }
}

/// A request at the cache. Generated code adds what the handler's arguments read to its key.
pub struct Lookup<'r> {
    pub(super) request: &'r HttpRequest,
    pub(super) policy: &'static HandlerPolicy,
    pub(super) cache: &'r PageCache,
    pub(super) key: KeyBuilder<'r>,
    /// The purge sequence when the request arrived. It is not answered with what was purged before.
    pub(super) purge_seq: PurgeSeq,
    pub(super) entry_point: EntryPoint,
    /// The App has a cache, which determines which Apps share pages.
    pub(super) has_own_cache: bool,
    pub(super) admitted: Result<(), Reason>,
    /// What is known of the headers once the request is admitted.
    pub(super) names: RequestNames,
    /// Boxed, because few requests have any.
    pub(super) directives: Option<Box<RequestDirectives>>,
}

/// What a lookup begins with.
struct LookupStart<'r> {
    request: &'r HttpRequest,
    policy: &'static HandlerPolicy,
    cache: &'r PageCache,
    purge_seq: PurgeSeq,
    entry_point: EntryPoint,
    has_own_cache: bool,
    admitted: Result<(), Reason>,
}

impl<'r> LookupStart<'r> {
    /// Builds the lookup in its place. It has room for most keys in itself, and would be copied if it were changed before it is returned.
    #[inline(always)]
    fn lookup(self, query_rule: QueryRule) -> Lookup<'r> {
        let Self { request, policy, cache, purge_seq, entry_point, has_own_cache, admitted } = self;
        Lookup {
            request,
            policy,
            cache,
            key: KeyBuilder::with_query_rule(request, query_rule),
            purge_seq,
            entry_point,
            has_own_cache,
            admitted,
            names: RequestNames::default(),
            directives: None,
        }
    }
}

impl<'r> Lookup<'r> {
    #[inline]
    pub(crate) fn new(
        request: &'r HttpRequest,
        policy: &'static HandlerPolicy,
        purge_seq: PurgeSeq,
        entry_point: EntryPoint,
    ) -> Self {
        let app_cache = PageCache::of(request);
        let default_cache = app_cache.unwrap_or_else(|| PageCache::global());
        default_cache.check_shared_by_workers(request);
        let selected = default_cache.select(policy.cache_name());
        let cache = selected.unwrap_or(default_cache);
        let admitted = check_request(request, policy, cache, selected.is_some());
        let start = LookupStart {
            request,
            policy,
            cache,
            purge_seq,
            entry_point,
            has_own_cache: app_cache.is_some(),
            admitted,
        };
        match admitted {
            Ok(()) => {
                let options = policy.key_options(cache.vary(), cache.ignored_query());
                if options.has_varied() {
                    Self::varied(start, &options)
                } else {
                    start.lookup(options.query_rule)
                }
            }
            Err(reason) => {
                if reason == Reason::Method && entry_point == EntryPoint::Attribute {
                    log_unsafe_method(request, policy, cache.clock().now());
                }
                start.lookup(QueryRule::All)
            }
        }
    }

    /// Starts a lookup whose key begins with headers or cookies.
    #[inline(never)]
    fn varied(start: LookupStart<'r>, options: &KeyOptions<'_>) -> Self {
        let mut lookup = start.lookup(options.query_rule);
        lookup.key.push_varied(options);
        lookup
    }

    /// Adds what an argument of type `T` reads to the key.
    pub fn key_from<T, By>(&mut self)
    where
        Argument<T>: Classified<By>,
    {
        // A request that bypasses the cache has no key, but its response tells downstream caches whether it is for anonymous visitors.
        if !matches!(self.admitted, Err(Reason::Method | Reason::Disabled)) {
            Argument::<T>::key(&mut self.key);
        }
    }

    /// Adds what an argument of type `Result<T, E>` reads to the key. An `Err` keeps the request from the cache: an error handler of the
    /// App may have put any part of the request into it.
    pub fn key_from_result<T, E, By>(&mut self, value: &Result<T, E>)
    where
        Argument<T>: Classified<By>,
    {
        self.key_from::<T, By>();
        if value.is_err() {
            self.reject(Reason::ExtractorError);
        }
    }

    /// Adds the value of a `#[key]` argument to the key.
    pub fn key_value<T, By>(&mut self, value: &T)
    where
        T: KeyValue<By> + ?Sized,
    {
        match self.admitted {
            Ok(()) => value.add_to(&mut self.key),
            Err(_) => self.key.parts.set_private(),
        }
    }

    /// Adds what the function in `#[key(by = …)]` returns for an argument to the key.
    pub fn key_value_by<'a, T: ?Sized, K: Hash>(&mut self, value: &'a T, by: impl FnOnce(&'a T) -> K) {
        match self.admitted {
            Ok(()) => {
                self.key.value(&by(value));
                push_query_read_by::<T>(&mut self.key);
            }
            Err(_) => self.key.parts.set_private(),
        }
    }

    /// Adds nothing for an `#[unkeyed]` argument, except for the query if it is an `HttpRequest`, which has more of it than the key.
    pub fn unkeyed<T: ?Sized>(&mut self) {
        if self.admitted.is_ok() {
            push_query_read_by::<T>(&mut self.key);
        }
    }

    /// Keeps the request from the cache if an `#[anonymous]` argument is not that of an anonymous visitor.
    pub fn anonymous<T: AnonymousValue + ?Sized>(&mut self, value: &T) {
        if self.admitted.is_ok() {
            value.add_to(&mut self.key);
        }
        // The response has the headers for downstream caches even if the request bypasses the cache.
        self.key.parts.set_anonymous();
    }

    /// Keeps the request from the cache if the function in `#[anonymous(by = …)]` returns `false`.
    pub fn anonymous_by<T: ?Sized>(&mut self, value: &T, is_anonymous: impl FnOnce(&T) -> bool) {
        if self.admitted.is_ok() {
            self.key.anonymous_if(is_anonymous(value));
            push_query_read_by::<T>(&mut self.key);
        }
        self.key.parts.set_anonymous();
    }

    /// Adds the result of the attribute's `vary_by` to the key.
    pub fn key_by<T: Hash>(&mut self, vary_by: impl FnOnce(&'r HttpRequest) -> T) {
        match self.admitted {
            Ok(()) => self.key.value(&vary_by(self.request)),
            Err(_) => self.key.parts.set_private(),
        }
    }

    /// Adds what a function of the attribute's `vary` makes of a request header to the key.
    pub fn key_by_header<T: Hash>(&mut self, name: &str, normalize: impl FnOnce(Option<&str>) -> T) {
        if self.admitted.is_ok() {
            self.key.normalized_header(name, normalize);
        }
    }

    /// Lets a function of the attribute's `normalize` decide the variant of a response that varies by a request header.
    pub fn normalize<T: Hash>(&mut self, name: &str, normalize: impl FnOnce(Option<&str>) -> T) {
        if self.admitted.is_ok() {
            self.key.normalize_variants(name, normalize);
        }
    }
}

impl Lookup<'_> {
    /// Looks into local memory.
    #[inline]
    pub(super) fn find(&self, now: Instant) -> Result<Hit, NoHit> {
        let hit = self.find_hit(now)?;
        if self.can_decode(&hit.entry) { Ok(hit) } else { Err(NoHit::Bypass(Reason::ContentEncoding)) }
    }

    /// Returns whether the client can decode an entry, which the handler may have encoded for another one.
    #[inline]
    pub(super) fn can_decode(&self, entry: &Entry) -> bool {
        entry.page.is_acceptable(self.request.headers())
    }

    #[inline]
    fn find_hit(&self, now: Instant) -> Result<Hit, Miss> {
        let key = self.cache_key().ok_or(Miss::new(ForwardReason::Miss))?;
        if let Some(remote) = self.cache.remote()
            && !remote.is_consistent(self.cache.clock(), now)
        {
            return self.find_recent(key, now, remote.options().max_purge_lag);
        }
        let entry = self.cache.store().get(key, self.request.headers(), now)?;
        if !entry.is_fresh(now) {
            return self.find_stale(entry, now);
        }
        if !self.accepts(&entry, now) {
            return Err(Miss { cause: ForwardReason::Request, stale: Some(entry) });
        }
        local_copies::record_hit(self.cache.store(), key, &entry);
        let needs_refresh = self.cache.timeouts().refresh_ahead
            && entry.backoff().is_due(now)
            && entry.should_refresh_early(now, jitter::uniform_random);
        Ok(Hit::new(entry, Outcome::Hit).needing_refresh(needs_refresh))
    }

    /// Looks into local memory while the process does not hear of purges. Another process may have purged what is there, but not
    /// earlier than the handler was started.
    #[cold]
    fn find_recent(&self, key: CacheKey<'_>, now: Instant, max_purge_lag: Duration) -> Result<Hit, Miss> {
        let store = self.cache.store();
        match store.get(key, self.request.headers(), now) {
            Ok(entry)
                if now.since(entry.started_at()) < max_purge_lag
                    && entry.is_fresh(now)
                    && self.accepts(&entry, now) =>
            {
                Ok(Hit::new(entry, Outcome::Hit))
            }
            // Requests for one variant are coalesced.
            _ if store.vary_names(key).is_empty() => Err(Miss::new(ForwardReason::Miss)),
            _ => Err(Miss::new(ForwardReason::VaryMiss)),
        }
    }

    /// Serves a stale entry while it is revalidated, or while its handler fails (RFC 5861).
    fn find_stale(&self, entry: Arc<Entry>, now: Instant) -> Result<Hit, Miss> {
        if self.accepts(&entry, now) {
            let may_revalidate = entry.backoff().is_due(now);
            let while_revalidate = entry.may_serve_while_revalidating(now);
            if while_revalidate || !may_revalidate && entry.may_serve_on_error(now) {
                let reason =
                    if while_revalidate { Reason::StaleWhileRevalidate } else { Reason::StaleIfError };
                let hit = Hit::new(entry, Outcome::Stale(reason));
                return Ok(hit.needing_refresh(while_revalidate && may_revalidate));
            }
        }
        Err(Miss { cause: ForwardReason::Stale, stale: Some(entry) })
    }

    /// Returns whether the client's request directives accept an entry.
    pub(super) fn accepts(&self, entry: &Entry, now: Instant) -> bool {
        self.directives.as_deref().is_none_or(|directives| {
            if entry.is_fresh(now) {
                directives.accepts(entry.age(now), entry.ttl(now))
            } else {
                directives.accepts_stale()
            }
        })
    }

    /// Answers a request that is to run no handler where nothing is stored (RFC 9111 5.2.1.7).
    pub(super) fn gateway_timeout(&self) -> Option<HttpResponse> {
        if !self.directives.as_deref().is_some_and(RequestDirectives::only_if_cached) {
            return None;
        }
        let mut response = HttpResponse::new(StatusCode::GATEWAY_TIMEOUT);
        // A proxy that stores errors would send it to clients that ask for nothing of the kind.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let report = Report::of(Outcome::Bypass(Reason::OnlyIfCached));
        report.log(self.cache.observer(), self.policy.handler_id());
        report.write_header(self.cache.observer().cache_status(), response.headers_mut());
        Some(response)
    }

    pub(super) fn respond(&self, hit: &Hit, now: Instant) -> HttpResponse {
        self.respond_under(hit, &self.key.parts, now)
    }

    /// As [`respond`](Self::respond), where a fill has taken the key.
    pub(super) fn respond_under(&self, hit: &Hit, key: &KeyParts, now: Instant) -> HttpResponse {
        self.policy.call_on_hit(self.request);
        let choice = hit.entry.page.choose_encoding(self.request.headers());
        let encoded = choice.and_then(|EncodingChoice { encoded, wanted }| {
            // A stale page is about to be replaced.
            let wanted = wanted.filter(|_| !matches!(hit.outcome, Outcome::Stale(_)));
            wanted.and_then(|coding| self.encode(key, &hit.entry, coding, now)).or(encoded)
        });
        let client = (self.request, self.names);
        hit.respond(encoded.as_deref(), client, self.cache.observer(), self.policy.handler_id(), now)
    }
}

impl fmt::Debug for Lookup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("handler", &self.policy.handler()).finish_non_exhaustive()
    }
}
