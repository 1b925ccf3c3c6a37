//! Whether a response may be stored, for how long, and what it varies by.

use std::time::{Duration, SystemTime};

use actix_web::{HttpRequest, HttpResponse, http::header::HeaderMap};
use http::header::{ACCEPT_ENCODING, COOKIE, HeaderName, HeaderValue, VARY};

use super::{
    context::{Context, ContextRef},
    request_handle::RequestRef,
    session::SessionBefore,
};
use crate::{
    http::{
        CachingHeaders, RequestOrigin, ResponseView, StorageDecision, Ttl, VaryNames,
        cache_groups::{self, CACHE_GROUPS},
        compressible,
        redirect::RequestUrl,
        vary,
    },
    outcome::Reason,
    page::ResponseHead,
    policy::{HandlerPolicy, Overrides},
    purge::{
        Tag, TagError, Tags, group,
        tag::{MAX_TAGS, check},
    },
    time::instant::Instant,
};

/// A response that may be stored.
pub(crate) struct Admission {
    pub(crate) decision: StorageDecision,
    pub(crate) headers: CachingHeaders,
    /// The unkeyed request headers that the response varies by.
    pub(crate) vary_names: VaryNames,
    pub(crate) tags: Vec<Tag>,
    /// The TTL for downstream caches, if it is not that of the policy.
    pub(crate) response_ttl: Option<Option<Duration>>,
    /// When the head of the response was complete. Its body may be streamed after that.
    pub(crate) created_at: Instant,
    pub(crate) date: SystemTime,
    pub(crate) fill_time: Duration,
    /// Whether the handler asked for the validators of the response that it refreshes.
    pub(crate) asks_for_validators: bool,
}

/// The run whose response may be stored.
pub(crate) struct AdmissionRequest<'f> {
    pub(crate) context: ContextRef<'f>,
    pub(crate) request: RequestRef<'f>,
    pub(crate) session: &'f SessionBefore,
    /// Whether the response can be refreshed in the background when it is stale.
    ///
    /// Otherwise, `stale-while-revalidate` in the response has no effect. A handler that runs after its request was answered must
    /// be `'static`, which the generated code only requires with the option of that name.
    pub(crate) can_refresh: bool,
    pub(crate) fill_time: Duration,
    pub(crate) asks_for_validators: bool,
    pub(crate) now: Instant,
}

impl Admission {
    /// Returns whether later clients may be sent an encoded body. `length` is `None` where the body is still streamed.
    ///
    /// If the handler chooses a coding by itself, its responses are stored as they are.
    pub(crate) fn is_encodable(
        &self,
        head: ResponseHead<'_>,
        length: Option<usize>,
        context: &Context,
    ) -> bool {
        let Context { cache, policy, key, .. } = context;
        // In most applications, none is.
        if !policy.compresses(cache.compresses(), false) {
            return false;
        }
        // A page per session cookie, for example.
        let is_credential = |name: &HeaderName| *name == COOKIE || cache.credential_headers().contains(name);
        let is_private = key.has_private_value() || key.vary_names().any(is_credential);
        policy.compresses(cache.compresses(), is_private)
            && length.is_none_or(|length| length >= compressible::MIN_LENGTH)
            && !self.headers.has_content_encoding
            && !self.headers.cache_control.no_transform
            && !self.vary_names.contains(&ACCEPT_ENCODING)
            && !key.has_header(&ACCEPT_ENCODING)
            && compressible::is_compressible(head.headers)
    }

    /// Returns whether the freshness lifetime has ended before the response could be stored.
    pub(crate) fn is_expired(&self, now: Instant) -> bool {
        self.decision.ttl.is_some_and(|ttl| now.since(self.created_at) >= ttl)
    }
}

impl AdmissionRequest<'_> {
    /// Decides whether the response may be stored.
    pub(crate) fn admit(
        &self,
        response: &HttpResponse,
        headers: CachingHeaders,
        overrides: Overrides,
    ) -> Result<Admission, Reason> {
        if overrides.no_store {
            return Err(Reason::NoStore);
        }
        if !self.context.runs_as_get(self.request.method) {
            return Err(Reason::Head);
        }
        if response.status().is_redirection() && self.url().is_target_of(response.headers()) {
            return Err(Reason::SelfRedirect);
        }
        let (context, policy) = (self.context, self.context.policy);
        let (head, is_error) = (response.head(), response.error().is_some());
        let date = context.cache.clock().date();
        let policy_ttl = policy.ttl_for(head.status, is_error).map(Ttl);
        let own_ttl =
            overrides.ttl.filter(|_| !is_error || policy.response_ttl_applies_to_error(head.status));
        let view = ResponseView {
            status: head.status,
            headers: &head.headers,
            caching_headers: &headers,
            is_upgrade: head.upgrade(),
        };
        let mut decision =
            view.storage_decision(own_ttl.map(Ttl), policy_ttl, policy.stale_windows(), date)?;
        // After `Set-Cookie`, by which a session middleware inside shows the same.
        if self.request.request.is_some_and(|request| self.session.is_changed(request)) {
            return Err(Reason::SessionChanged);
        }
        let stale = &mut decision.stale;
        stale.while_revalidate = overrides.stale_while_revalidate.unwrap_or(stale.while_revalidate);
        stale.if_error = overrides.stale_if_error.unwrap_or(stale.if_error);
        if !self.can_refresh {
            stale.while_revalidate = Duration::ZERO;
        }
        let vary_names = if headers.has_vary {
            vary::unkeyed(&head.headers, |name| context.is_keyed(name)).ok_or(Reason::Vary)?
        } else {
            VaryNames::new()
        };
        Ok(Admission {
            decision,
            headers,
            vary_names,
            response_ttl: own_ttl
                .or(overrides.targeted_lifetime.flatten().map(Some))
                .or_else(|| policy.own_ttl_of(head.status)),
            tags: self.tags(response.headers(), overrides)?,
            created_at: self.now,
            date,
            fill_time: self.fill_time,
            asks_for_validators: self.asks_for_validators,
        })
    }

    /// Returns the tags of the page: those of the attribute and of the handler, and the groups of the response.
    fn tags(&self, headers: &HeaderMap, overrides: Overrides) -> Result<Vec<Tag>, Reason> {
        let request = self.request.request;
        let mut tags = tags(self.context.policy, request, overrides, self.now)?;
        if let Some(request) = request
            && self.context.cache.honors_cache_groups()
            && headers.contains_key(CACHE_GROUPS)
        {
            add_groups(&mut tags, headers, &RequestOrigin::of(request));
        }
        Ok(tags)
    }

    fn url(&self) -> RequestUrl<'_> {
        RequestUrl {
            uri: self.request.uri,
            routed_path: self.request.request.map(|request| request.match_info().as_str()),
            query_rule: self.context.keyed_parts().query_rule,
        }
    }
}

/// Adds what the handler varies by to `Vary`, and reads the headers that concern caching.
///
/// `overrides` are those of the handler, unless they could not be read.
pub(crate) fn read_headers(response: &mut HttpResponse, overrides: Option<&Overrides>) -> CachingHeaders {
    for name in overrides.iter().flat_map(|overrides| &overrides.vary) {
        // A page that a 304 has confirmed names it already.
        if !vary::contains(response.headers(), name) {
            response.headers_mut().append(VARY, HeaderValue::from_name(name.clone()));
        }
    }
    let mut headers = CachingHeaders::from_headers(response.headers());
    if let Some(lifetime) = overrides.and_then(|overrides| overrides.targeted_lifetime) {
        headers.obey_targeted(lifetime);
    }
    headers
}

/// Joins the tags of the attribute with those that the handler added.
fn tags(
    policy: &HandlerPolicy,
    request: Option<&HttpRequest>,
    overrides: Overrides,
    now: Instant,
) -> Result<Vec<Tag>, Reason> {
    if !policy.has_tags() && overrides.tags.is_empty() && overrides.tag_error.is_none() {
        return Ok(Vec::new());
    }
    let (policy_tags, mut error) = match request {
        Some(request) => policy.expand_tags(request),
        None => (Tags::new(), None),
    };
    let missing: Tags = policy_tags.into_iter().filter(|tag| !overrides.has_tag(tag.key)).collect();
    let mut tags = overrides.tags;
    tags.extend(missing);
    error = error.or(overrides.tag_error);
    if tags.len() > MAX_TAGS {
        error = error.or(Some(TagError::TooMany));
    }
    match error {
        None => Ok(tags),
        Some(error) => {
            policy
                .log_error(now, format_args!("response not stored, because no purge would find it: {error}"));
            Err(Reason::InvalidTag)
        }
    }
}

/// Adds the groups that a response is in, each as a tag that an author purges by, and as one of its origin.
fn add_groups(tags: &mut Vec<Tag>, headers: &HeaderMap, origin: &RequestOrigin<'_>) {
    let groups = cache_groups::parse(headers.get_all(CACHE_GROUPS));
    let mut add = |name: &str, max: usize| {
        let tag = Tag::new(name);
        if tags.len() < max && !tags.iter().any(|known| known.key == tag.key) {
            tags.push(tag);
        }
    };
    for group in groups.iter().filter(|group| check(group).is_ok()) {
        add(group, MAX_TAGS);
    }
    for group in &groups {
        add(&group::tag_name(group, origin), usize::MAX);
    }
}
