//! Headers that the cache adds to a response for downstream caches.
//!
//! A response that is not stored gets `Cache-Control` and `Vary` at most, where it is not for everybody. The headers that the handler
//! has sent are not changed, except that `Vary` is extended.

use actix_web::http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderMap, HeaderName,
    HeaderValue, VARY,
};
use http::StatusCode;
use smallvec::SmallVec;

use super::{admission::Admission, context::Context, run_control::EntryPoint, visibility::Visibility};
use crate::{
    http::{
        CachingHeaders, CredentialHeaders, QueryRule,
        downstream::Reuse,
        etag, header_cache, media_type,
        no_vary_search::{self, NO_VARY_SEARCH},
        tag_header::MAX_TAG_BYTES,
        vary,
    },
    outcome::Reason,
    page::ResponseHead,
    purge::group,
};

/// The generated headers of one response: `Date`, `Cache-Control`, `ETag`, `Accept-Ranges`, `Vary` and those with tags.
pub(crate) type GeneratedHeaders = SmallVec<[(HeaderName, HeaderValue); 5]>;

static VARY_OF_ENCODED: HeaderName = ACCEPT_ENCODING;

/// Adds the headers that the handler did not send itself. `body` is `None` where it is not known yet. `is_encodable` is whether clients
/// may be sent an encoded body.
pub(crate) fn generate(
    head: ResponseHead<'_>,
    body: Option<&[u8]>,
    admission: &Admission,
    is_encodable: bool,
    context: &Context,
    // Not returned, which would move it.
    generated: &mut GeneratedHeaders,
) {
    let sent = &admission.headers;
    let visibility = context.visibility();
    if !sent.has_date {
        push(generated, DATE, header_cache::date(admission.date));
    }
    if !sent.has_cache_control {
        let value = match (visibility.is_private, sent.has_expires) {
            (true, has_expires) => Some(private(has_expires)),
            (false, true) => None,
            (false, false) => context.policy.cache_control(reuse(admission, context), admission.response_ttl),
        };
        push(generated, CACHE_CONTROL, value);
    }
    if !sent.has_etag && head.status.is_success() {
        let etag =
            body.and_then(|body| etag::weak_from_response(head.status.as_u16(), head.stored_headers(), body));
        push(generated, ETAG, etag);
    }
    if !sent.has_accept_ranges && has_ranges(head, body) {
        generated.push((ACCEPT_RANGES, HeaderValue::from_static("bytes")));
    }
    add_tags(generated, head, admission, context);
    if context.cache.sends_no_vary_search() && !head.headers.contains_key(NO_VARY_SEARCH) {
        push(generated, NO_VARY_SEARCH, no_vary_search(context));
    }
    // Requests with credentials get another response: browsers and CDNs must not send this one to them either.
    let credentials = context.cache.credential_headers().vary_names(visibility.varies_by_login);
    // This cache reads `Accept-Encoding` without `Vary`; others do not.
    let encoding = (sent.has_content_encoding || is_encodable).then_some(&VARY_OF_ENCODED);
    let names = context.key.vary_names().chain(credentials).chain(encoding);
    push(generated, VARY, vary_field(head.headers, sent.has_vary, names));
}

fn push(generated: &mut GeneratedHeaders, name: HeaderName, value: Option<HeaderValue>) {
    if let Some(value) = value {
        generated.push((name, value));
    }
}

/// Adds the tags for downstream caches.
fn add_tags(
    generated: &mut GeneratedHeaders,
    head: ResponseHead<'_>,
    admission: &Admission,
    context: &Context,
) {
    // Each group has a tag that an author knows too.
    let tags = || admission.tags.iter().filter(|tag| !group::is_group(tag)).map(|tag| &*tag.name);
    if tags().next().is_none() {
        return;
    }
    let mut room = MAX_TAG_BYTES;
    for header in context.cache.tag_headers() {
        let name = header.name();
        if head.headers.contains_key(&name) {
            continue;
        }
        match header.value(tags(), room) {
            Some(value) => {
                room -= value.len();
                generated.push((name, value));
            }
            None => context.policy.log_error(
                admission.created_at,
                format_args!("response sent without `{name}`, for which its tags are too long"),
            ),
        }
    }
}

/// Returns which parameters downstream caches may ignore, if nothing but the options says which of them count.
fn no_vary_search(context: &Context) -> Option<HeaderValue> {
    let (key, rule) = (&context.key, context.as_ref().keyed_parts().query_rule);
    // A value of the author's functions may come from the query.
    let has_more = key.has_more_of_query() || key.has_private_value() || has_predicate(context);
    // Such a page is not for requests with a parameter that looks like a credential.
    let is_without_tokens = context.visibility().varies_by_login && matches!(rule, QueryRule::Only(_));
    if has_more || is_without_tokens { None } else { no_vary_search::value(rule) }
}

/// Returns whether a function of the request decides who gets the page, of which downstream caches know nothing.
fn has_predicate(context: &Context) -> bool {
    context.policy.has_bypass_if() || context.anonymous_only && context.cache.has_credential_if()
}

/// Returns whether the page is announced as one that has parts, so that clients resume a download and seek in a video (RFC 9110 14.3).
fn has_ranges(head: ResponseHead<'_>, body: Option<&[u8]>) -> bool {
    head.status == StatusCode::OK
        && body.is_some_and(|body| !body.is_empty())
        && media_type::is_worth_ranges(head.headers.get(CONTENT_TYPE))
}

/// Returns which downstream caches may answer with a stored response.
fn reuse(admission: &Admission, context: &Context) -> Reuse {
    // No purge reaches them.
    let is_purged = !admission.tags.is_empty() || context.entry_point == EntryPoint::Middleware;
    if is_purged || has_predicate(context) {
        Reuse::Revalidated
    } else if context.visibility().varies_by_login {
        Reuse::Shared
    } else {
        Reuse::All
    }
}

/// Returns the headers that keep a response which is not stored from the visitors that it is not for. `keyed` are the request headers
/// that it depends on.
///
/// A proxy that stores responses without `Cache-Control` for a second, as is usual with nginx, would send it to the next visitor.
pub(crate) fn generate_unstored<'n>(
    headers: &HeaderMap,
    sent: SentHeaders,
    reason: Reason,
    visibility: Visibility,
    keyed: impl Iterator<Item = &'n HeaderName> + Clone,
    credentials: &'n CredentialHeaders,
) -> Unstored {
    if matches!(reason, Reason::Method | Reason::Disabled) {
        return Unstored::default();
    }
    let SentHeaders { has_cache_control, has_expires, has_vary } = sent;
    let cache_control = if has_cache_control {
        None
    } else if visibility.is_private || is_for_one_request(reason) {
        Some(private(has_expires))
    } else if visibility.varies_by_login && !has_expires {
        Some(HeaderValue::from_static("no-cache"))
    } else {
        None
    };
    let names = keyed.chain(credentials.vary_names(visibility.varies_by_login));
    Unstored { cache_control, vary: vary_field(headers, has_vary, names) }
}

/// Adds those headers to the response that the client gets.
pub(crate) fn add_unstored<'n>(
    headers: &mut HeaderMap,
    sent: SentHeaders,
    reason: Reason,
    visibility: Visibility,
    keyed: impl Iterator<Item = &'n HeaderName> + Clone,
    credentials: &'n CredentialHeaders,
) {
    let Unstored { cache_control, vary } =
        generate_unstored(headers, sent, reason, visibility, keyed, credentials);
    if let Some(value) = cache_control {
        // There was none.
        headers.append(CACHE_CONTROL, value);
    }
    match vary {
        Some(value) if sent.has_vary => drop(headers.insert(VARY, value)),
        Some(value) => headers.append(VARY, value),
        None => {}
    }
}

/// Which headers the handler has sent of those that the cache would generate.
#[derive(Clone, Copy)]
pub(crate) struct SentHeaders {
    has_cache_control: bool,
    has_expires: bool,
    has_vary: bool,
}

impl SentHeaders {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut sent = Self { has_cache_control: false, has_expires: false, has_vary: false };
        for name in headers.keys() {
            match *name {
                CACHE_CONTROL => sent.has_cache_control = true,
                EXPIRES => sent.has_expires = true,
                VARY => sent.has_vary = true,
                _ => {}
            }
        }
        sent
    }
}

impl From<&CachingHeaders> for SentHeaders {
    fn from(headers: &CachingHeaders) -> Self {
        let CachingHeaders { has_cache_control, has_expires, has_vary, .. } = *headers;
        Self { has_cache_control, has_expires, has_vary }
    }
}

/// The generated headers of a response that is not stored.
#[derive(Default)]
pub(crate) struct Unstored {
    cache_control: Option<HeaderValue>,
    vary: Option<HeaderValue>,
}

impl From<Unstored> for GeneratedHeaders {
    fn from(Unstored { cache_control, vary }: Unstored) -> Self {
        let cache_control = cache_control.map(|value| (CACHE_CONTROL, value));
        cache_control.into_iter().chain(vary.map(|value| (VARY, value))).collect()
    }
}

/// Returns whether a response that is not stored for this reason may be another one for the next client, or is not to be stored
/// anywhere.
fn is_for_one_request(reason: Reason) -> bool {
    !matches!(
        reason,
        // The response of a handler that reads nothing but what its `Vary` says, as any that is stored. How long others store it is
        // theirs to know.
        Reason::UnknownCache
            | Reason::UnknownApp
            | Reason::ContentEncoding
            | Reason::Upgrade
            | Reason::RequestNoStore
            | Reason::Head
            | Reason::Status
            | Reason::SelfRedirect
            | Reason::Expired
            | Reason::Vary
            | Reason::RemoteUnavailable
            | Reason::BodyTooLarge
    )
}

/// A lifetime of the handler is for browsers then.
fn private(has_expires: bool) -> HeaderValue {
    HeaderValue::from_static(if has_expires { "private" } else { "private, no-cache" })
}

/// Returns `Vary` with the names that it lacks, if it lacks any.
///
/// All names are on one line with those of the handler: middleware that adds to `Vary`, such as actix-cors, may read the first line
/// only, and drop the others.
fn vary_field<'n>(
    headers: &HeaderMap,
    is_sent: bool,
    names: impl Iterator<Item = &'n HeaderName> + Clone,
) -> Option<HeaderValue> {
    if !is_sent {
        return header_cache::vary(names);
    }
    let mut missing: SmallVec<[&HeaderName; 16]> = SmallVec::new();
    names.for_each(|name| {
        if !vary::contains(headers, name) && !missing.contains(&name) {
            missing.push(name);
        }
    });
    if missing.is_empty() && headers.get_all(VARY).count() < 2 {
        return None;
    }
    let sent = headers.get_all(VARY).map(HeaderValue::as_bytes).filter(|value| !value.is_empty());
    let members: Vec<&[u8]> = sent.chain(missing.iter().map(|name| name.as_str().as_bytes())).collect();
    HeaderValue::from_bytes(&members.join(&b", "[..])).ok()
}

/// Adds the generated headers to the response that the client gets. `has_vary` is whether the handler has sent `Vary`.
pub(crate) fn add(headers: &mut HeaderMap, generated: &mut GeneratedHeaders, has_vary: bool) {
    headers.reserve(generated.len() + 1);
    for (name, value) in generated.drain(..) {
        // The others are generated only where the handler has sent none.
        if has_vary && name == VARY {
            headers.insert(name, value);
        } else {
            headers.append(name, value);
        }
    }
}
