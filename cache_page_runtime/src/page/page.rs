//! A kept page: frozen from a handler's response, thawed into as many as are asked for.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use actix_web::{
    HttpResponse,
    http::header::{
        self, ACCEPT_RANGES, AGE, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE,
        DATE, ETAG, EXPIRES, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE, VARY,
    },
    web::Bytes,
};
use http::StatusCode;
use smallvec::SmallVec;

pub(crate) use crate::page::lifetime::Lifetime;
use crate::{
    http::{conditional::Representation, header_cache, list, range::Selection, vary},
    page::body,
    purge::selector::PurgeKeys,
    remote::{Id, Version},
    time::{backoff::Backoff, instant::Instant},
};

/// A page behind an `Arc`.
const PAGE: usize = size_of::<Page>() + 16;

/// What `Bytes` that are shared take beside themselves.
const BYTES: usize = 24;

/// Headers that say something about one connection or one hop, not about the page (RFC 9110 7.6.1, 11.7); and those that are
/// written anew each time.
fn is_of_one_hop(name: &HeaderName) -> bool {
    match *name {
        CONNECTION
        | TE
        | TRAILER
        | TRANSFER_ENCODING
        | UPGRADE
        | header::PROXY_AUTHENTICATE
        | header::PROXY_AUTHORIZATION
        | AGE
        | CONTENT_LENGTH => true,
        _ => matches!(name.as_str(), "keep-alive" | "proxy-connection" | "proxy-authentication-info"),
    }
}

/// What a client with a good copy is told about it (RFC 9110 15.4.5).
pub(crate) fn is_of_a_good_copy(name: &HeaderName) -> bool {
    matches!(*name, CACHE_CONTROL | CONTENT_LOCATION | DATE | ETAG | EXPIRES | VARY)
}

/// What is about all of a body, and not of a part of it (RFC 9530 2).
fn is_of_a_whole_body(name: &HeaderName) -> bool {
    matches!(name.as_str(), "content-digest" | "content-md5")
}

/// A complete response without anything that was only for the request that made it.
pub struct Page {
    pub(crate) status: StatusCode,
    pub(crate) reason: Option<&'static str>,
    pub(crate) headers: Box<[StoredHeader]>,
    /// `None` is a response without a body, which is not the same as an empty one.
    pub(crate) body: Option<Bytes>,
    pub(crate) lifetime: Lifetime,
    pub(crate) retry: Backoff,
    /// The handler has taken it back: whoever has it in hand must not send it instead of something new.
    pub(crate) withdrawn: AtomicBool,
    /// Nanoseconds: from then on it is stale, whatever its time.
    pub(crate) expired_at: AtomicU64,
    /// Nanoseconds: until then the memory of this process sends it without asking the shared tier.
    pub(crate) leaves_at: AtomicU64,
    pub(crate) source: Option<Box<RemoteRef>>,
    pub(crate) about: Arc<PurgeKeys>,
}

/// Nanoseconds: the latest time there is.
pub(crate) const NEVER: u64 = u64::MAX;

/// Where the shared tier has it, which may say that it still is as it was.
#[derive(Clone)]
pub(crate) struct RemoteRef {
    pub(crate) id: Id,
    pub(crate) version: Version,
}

/// What a page is made of, beside its body.
#[derive(Clone, Copy)]
pub(crate) struct ResponseHead<'h> {
    pub(crate) status: StatusCode,
    pub(crate) reason: Option<&'static str>,
    pub(crate) headers: &'h HeaderMap,
    /// Whether `Connection` may name some of them.
    pub(crate) names_own: bool,
}

pub(crate) struct StoredHeader {
    pub(crate) name: HeaderName,
    pub(crate) value: HeaderValue,
    /// Whether a line of that name comes before it.
    pub(crate) repeats: bool,
    /// Whether a client with a good copy is told it.
    pub(crate) of_a_copy: bool,
    /// Whether the cache said it, and not the handler.
    pub(crate) added: bool,
}

impl Page {
    /// The status that is sent with it.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers that are sent with it, repeated ones in their order.
    pub fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.headers.iter().map(|line| (&line.name, &line.value))
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&HeaderValue> {
        self.headers().find(|(there, _)| *there == name).map(|(_, value)| value)
    }

    /// The bytes that are sent with it.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    /// The page of a response, with what the cache adds to its headers.
    pub(crate) fn freeze(
        head: ResponseHead<'_>,
        added: &[(HeaderName, HeaderValue)],
        body: Option<Bytes>,
        lifetime: Lifetime,
        about: Arc<PurgeKeys>,
    ) -> Self {
        let own = if head.names_own { named_by_connection(head.headers) } else { Vec::new() };
        let is_replayed = |name: &HeaderName| {
            let is_replaced = added.iter().any(|(there, _)| there == name);
            !is_replaced && !is_of_one_hop(name) && !own.contains(name)
        };
        let replayed = head.headers.iter().filter(|(name, _)| is_replayed(name));
        let lines: SmallVec<[(&HeaderName, &HeaderValue); 16]> =
            replayed.chain(added.iter().map(|(name, value)| (name, value))).collect();
        let mut headers: Vec<StoredHeader> = Vec::with_capacity(lines.len());
        for (name, value) in own_values(lines.iter().copied()) {
            let repeats = headers.iter().any(|line| line.name == *name);
            let of_a_copy = is_of_a_good_copy(name);
            let added = added.iter().any(|(there, _)| there == name);
            headers.push(StoredHeader { name: name.clone(), value, repeats, of_a_copy, added });
        }
        Self {
            status: head.status,
            reason: head.reason,
            headers: headers.into(),
            body,
            lifetime,
            retry: Backoff::default(),
            withdrawn: AtomicBool::new(false),
            expired_at: AtomicU64::new(NEVER),
            leaves_at: AtomicU64::new(NEVER),
            source: None,
            about,
        }
    }

    pub(crate) fn thaw(&self, extent: &Selection, now: Instant) -> HttpResponse {
        let mut response = match extent {
            Selection::Full => self.whole(),
            Selection::Partial(range) => {
                let part = self.body.as_ref().map(|bytes| bytes.slice(range.clone()));
                let mut response = HttpResponse::with_body(StatusCode::PARTIAL_CONTENT, body::whole(part));
                self.replay(response.headers_mut(), |line| !is_of_a_whole_body(&line.name));
                let range = format!("bytes {}-{}/{}", range.start, range.end - 1, self.body().len());
                insert(response.headers_mut(), CONTENT_RANGE, range);
                response
            }
            Selection::NotModified => {
                let mut response = HttpResponse::new(StatusCode::NOT_MODIFIED);
                self.replay(response.headers_mut(), |line| line.of_a_copy);
                response
            }
            Selection::Unsatisfiable => {
                let mut response = HttpResponse::new(StatusCode::RANGE_NOT_SATISFIABLE);
                insert(response.headers_mut(), CONTENT_RANGE, format!("bytes */{}", self.body().len()));
                return response;
            }
        };
        response.headers_mut().insert(AGE, header_cache::age(self.age(now)));
        response
    }

    /// The response that it was frozen from, without what the cache said of it.
    pub(crate) fn as_made(&self) -> HttpResponse {
        let mut response = HttpResponse::with_body(self.status, body::whole(self.body.clone()));
        response.head_mut().reason = self.reason;
        // What the handler said of `Vary` is on the line that was added to it.
        self.replay(response.headers_mut(), |line| !line.added || line.name == VARY);
        response
    }

    fn whole(&self) -> HttpResponse {
        let mut response = HttpResponse::with_body(self.status, body::whole(self.body.clone()));
        response.head_mut().reason = self.reason;
        self.replay(response.headers_mut(), |_| true);
        response
    }

    fn replay(&self, headers: &mut HeaderMap, wanted: impl Fn(&&StoredHeader) -> bool) {
        for StoredHeader { name, value, repeats, .. } in self.headers.iter().filter(wanted) {
            if *repeats {
                headers.append(name.clone(), value.clone());
            } else {
                // Cheaper where there is nothing to append to.
                headers.insert(name.clone(), value.clone());
            }
        }
    }

    pub(crate) fn about(&self) -> &PurgeKeys {
        &self.about
    }

    pub(crate) fn of(mut self, source: Option<RemoteRef>) -> Self {
        self.source = source.map(Box::new);
        self
    }

    pub(crate) fn source(&self) -> Option<&RemoteRef> {
        self.source.as_deref()
    }

    pub(crate) fn representation(&self) -> Representation<'_> {
        let (mut etag, mut last_modified, mut date, mut accepts_ranges) = (None, None, None, true);
        for (name, value) in self.headers() {
            match *name {
                ETAG => etag = etag.or(Some(value)),
                LAST_MODIFIED => last_modified = last_modified.or(Some(value)),
                DATE => date = date.or(Some(value)),
                ACCEPT_RANGES => accepts_ranges &= !value.as_bytes().eq_ignore_ascii_case(b"none"),
                _ => {}
            }
        }
        let body_len = self.body().len();
        Representation { status: self.status, etag, last_modified, date, body_len, accepts_ranges }
    }

    /// The request headers that its own `Vary` names.
    pub(crate) fn varies_by(&self) -> vary::VaryNames {
        vary::header_names(self.headers().filter(|(name, _)| **name == VARY).map(|(_, value)| value))
    }

    /// What it takes in memory: each of its allocations.
    pub(crate) fn weight(&self) -> usize {
        let bytes = |length: usize| if length > 0 { length + BYTES } else { 0 };
        let names: usize = self.headers.iter().map(|line| weight_of_name(&line.name)).sum();
        let values: usize = self.headers.iter().map(|line| line.value.len()).sum();
        PAGE + self.about.weight()
            + size_of_val(&*self.headers)
            + names
            + bytes(values)
            + bytes(self.body().len())
            + self.source.as_ref().map_or(0, |source| size_of::<RemoteRef>() + bytes(source.version.0.len()))
    }

    /// The same page in allocations of its own, for one worker.
    pub(crate) fn copy(&self) -> Self {
        let lines = self.headers.iter().map(|line| (line, &line.value));
        let headers =
            own_values(lines).map(|(line, value)| StoredHeader { name: line.name.clone(), value, ..*line });
        Self {
            status: self.status,
            reason: self.reason,
            headers: headers.collect(),
            body: self.body.as_ref().map(|bytes| Bytes::copy_from_slice(bytes)),
            lifetime: self.lifetime,
            retry: Backoff::default(),
            withdrawn: AtomicBool::new(false),
            expired_at: AtomicU64::new(self.expired_at.load(Ordering::Acquire)),
            leaves_at: AtomicU64::new(self.leaves_at.load(Ordering::Acquire)),
            source: None,
            about: Arc::clone(&self.about),
        }
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Page")
            .field("status", &self.status)
            .field("bytes", &self.body().len())
            .finish_non_exhaustive()
    }
}

/// What a header's name takes beside its line. Those that are known to everybody are numbers; nothing tells that from outside,
/// so these are the ones that are usual.
fn weight_of_name(name: &HeaderName) -> usize {
    match *name {
        header::CONTENT_TYPE
        | CACHE_CONTROL
        | DATE
        | ETAG
        | VARY
        | LAST_MODIFIED
        | EXPIRES
        | header::CONTENT_ENCODING
        | header::CONTENT_LANGUAGE
        | CONTENT_LOCATION
        | header::CONTENT_DISPOSITION
        | header::CONTENT_SECURITY_POLICY
        | ACCEPT_RANGES
        | header::LINK
        | header::LOCATION
        | header::SERVER
        | header::STRICT_TRANSPORT_SECURITY
        | header::REFERRER_POLICY
        | header::X_CONTENT_TYPE_OPTIONS
        | header::X_FRAME_OPTIONS
        | header::X_XSS_PROTECTION
        | header::ACCESS_CONTROL_ALLOW_ORIGIN => 0,
        _ => name.as_str().len() + BYTES,
    }
}

/// The same values in one allocation of their own size: one that echoes a request would keep that request's buffer.
pub(crate) fn own_values<'v, T>(
    lines: impl Iterator<Item = (T, &'v HeaderValue)> + Clone,
) -> impl Iterator<Item = (T, HeaderValue)> {
    let mut all = Vec::with_capacity(lines.clone().map(|(_, value)| value.len()).sum());
    lines.clone().for_each(|(_, value)| all.extend_from_slice(value.as_bytes()));
    let mut all = Bytes::from(all);
    lines.map(move |(of, value)| {
        // What is a value can be made into one.
        let mut own =
            HeaderValue::from_maybe_shared(all.split_to(value.len())).unwrap_or_else(|_| value.clone());
        own.set_sensitive(value.is_sensitive());
        (of, own)
    })
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    // Digits and the words around them are a header value.
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

/// The headers that a `Connection` line declares to be about the connection.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    list::members(headers.get_all(CONNECTION)).filter_map(|name| HeaderName::from_bytes(name).ok()).collect()
}
