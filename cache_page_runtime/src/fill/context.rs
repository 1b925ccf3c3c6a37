//! What every step of a fill knows about the request that started it.

use std::sync::Arc;

use actix_web::{
    HttpRequest,
    http::{
        Method,
        header::{COOKIE, HeaderMap, HeaderName},
    },
    web::Bytes,
};

use super::{run_control::EntryPoint, visibility::Visibility};
use crate::{
    cache::{PageCache, SharedResult, shared_result},
    http::{CredentialHeaders, QueryRule, VaryNames, header_class::RequestNames},
    key::{CacheKey, KeyParts},
    outcome::Outcome,
    policy::HandlerPolicy,
    purge::{LocalSelector, PurgeKeys, PurgeMode, PurgeSeq, RequestSubject, Tag},
    store::Entry,
    time::instant::Instant,
};

/// The cache, the policy and the key of a fill. It owns all of them, because a streamed body or a background refresh may outlive
/// the request.
pub(crate) struct Context {
    pub(crate) cache: PageCache,
    pub(crate) policy: &'static HandlerPolicy,
    pub(crate) key: KeyParts,
    pub(crate) entry_point: EntryPoint,
    /// Whether the response is served to requests without credentials only.
    pub(crate) anonymous_only: bool,
    /// The purge sequence when the request arrived. A later purge that matches keeps the response out of the store.
    pub(crate) purge_seq: PurgeSeq,
    /// What is known of the headers of the request.
    pub(crate) names: RequestNames,
    /// What the response is purged by, recorded where the request is not at hand when the handler returns.
    pub(crate) subject: Option<RequestSubject>,
}

/// What a step reads of the [`Context`]. A run that does not outlive its request borrows it from there.
#[derive(Clone, Copy)]
pub(crate) struct ContextRef<'c> {
    pub(crate) cache: &'c PageCache,
    pub(crate) policy: &'static HandlerPolicy,
    pub(crate) key: &'c KeyParts,
    pub(crate) entry_point: EntryPoint,
    /// Whether the response is served to requests without credentials only.
    pub(crate) anonymous_only: bool,
}

/// The parts of a request that are in its key by name.
#[derive(Clone, Copy)]
pub(crate) struct KeyedParts {
    /// The names of cookies. `None` if all of them are in the key.
    pub(crate) cookies: Option<&'static [&'static str]>,
    pub(crate) query_rule: QueryRule,
}

impl Context {
    pub(crate) fn now(&self) -> Instant {
        self.cache.clock().now()
    }

    /// Returns the key, unless it is too long.
    pub(crate) fn cache_key(&self) -> Option<CacheKey<'_>> {
        self.key.key()
    }

    pub(crate) fn as_ref(&self) -> ContextRef<'_> {
        let Self { cache, policy, key, entry_point, anonymous_only, .. } = self;
        ContextRef { cache, policy, key, entry_point: *entry_point, anonymous_only: *anonymous_only }
    }

    /// Returns which visitors the response is for, as far as downstream caches have to know.
    pub(crate) fn visibility(&self) -> Visibility {
        self.as_ref().visibility()
    }

    /// Returns the length of the longest body that is stored, in bytes.
    pub(crate) fn max_body(&self) -> usize {
        self.policy.max_body_size(self.cache.max_body())
    }

    pub(crate) fn fits(&self, body: Option<&Bytes>) -> bool {
        body.is_none_or(|body| body.len() <= self.max_body())
    }

    /// Returns what the response is purged by, except for its tags.
    pub(crate) fn subject(&self, request: Option<&HttpRequest>) -> Option<RequestSubject> {
        let subject = || {
            let handler = self.policy.purge_subject(self.cache.ignored_query());
            let stable_ids = self.cache.stable_ids();
            Some(RequestSubject::with_names(request?, self.names, handler, self.purge_seq, stable_ids))
        };
        self.subject.clone().or_else(subject)
    }

    /// Returns what the response is purged by.
    pub(crate) fn purge_keys(&self, request: Option<&HttpRequest>, tags: &[Tag]) -> Option<Arc<PurgeKeys>> {
        Some(self.subject(request)?.with_tags(tags))
    }

    /// Returns whether an entry was purged since its own request arrived, so that no request must be answered with it.
    ///
    /// A purge that began before this request may not have reached the store when the request looked the entry up.
    pub(crate) fn is_purged(&self, entry: &Entry) -> bool {
        let matches = |(mode, selector): &(PurgeMode, LocalSelector)| {
            *mode == PurgeMode::Remove && selector.matches(entry.purge_keys())
        };
        self.cache.store().purge_log().was_purged_since(entry.purge_keys().purge_seq(), matches)
    }

    /// Returns what followers receive for an entry that was made for `request` and varies by `vary_names`.
    pub(crate) fn shared_result(
        &self,
        entry: Arc<Entry>,
        made: (Outcome, Instant),
        vary_names: VaryNames,
        request: &HeaderMap,
    ) -> Option<SharedResult> {
        Some(shared_result(self.cache.store(), self.cache_key()?, request, entry, vary_names, made))
    }
}

impl<'c> ContextRef<'c> {
    /// Returns the request headers that an anonymous-only response is not served with.
    fn credentials(self) -> Option<&'c CredentialHeaders> {
        self.anonymous_only.then(|| self.cache.credential_headers())
    }

    /// Returns which visitors the response is for, as far as downstream caches have to know.
    pub(crate) fn visibility(self) -> Visibility {
        Visibility {
            is_private: self.key.has_private_value(),
            varies_by_login: self.anonymous_only || self.key.is_anonymous() || self.policy.has_bypass_if(),
        }
    }

    /// Returns whether the response to a request with this method may be stored: its handler ran for `GET`.
    pub(crate) fn runs_as_get(self, method: &Method) -> bool {
        *method == Method::GET || self.entry_point.runs_head_as_get()
    }

    /// Returns whether requests that differ in this header never share a response.
    pub(crate) fn is_keyed(self, name: &HeaderName) -> bool {
        // Requests with an unkeyed credential do not see an anonymous-only response at all. But they may have cookies that are
        // ignored, which a handler with the request may read. The middleware removes these.
        let is_excluded = |credentials: &CredentialHeaders| {
            credentials.contains(name) && (self.entry_point == EntryPoint::Middleware || *name != COOKIE)
        };
        self.key.distinguishes(name) || self.credentials().is_some_and(is_excluded)
    }

    /// Returns which cookies and query parameters are in the key.
    pub(crate) fn keyed_parts(self) -> KeyedParts {
        let all_cookies = self.key.distinguishes(&COOKIE);
        KeyedParts {
            cookies: (!all_cookies).then_some(self.policy.vary_cookie()),
            query_rule: self.policy.query_rule(self.cache.ignored_query()),
        }
    }
}
