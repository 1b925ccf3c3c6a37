//! A kept page: frozen from a handler's response, thawed into as many as are asked for.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    dev::ResponseHead,
    http::header::{
        self, AGE, CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE,
    },
    web::Bytes,
};
use http::StatusCode;

use crate::{body, clock::Moment};

/// What a page takes beside the bytes of its key, headers and body: the allocations' own, and its place in the store.
const BOOKKEEPING: usize = 256;
const A_HEADER: usize = size_of::<(HeaderName, HeaderValue)>();

/// Headers that say something about one connection or one hop, not about the page (RFC 9110 7.6.1, 11.7).
const NOT_REPLAYED: [HeaderName; 11] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-authentication-info"),
    // The server writes the length of the body it sends.
    CONTENT_LENGTH,
];

/// A complete response without anything that was only for the request that made it.
#[derive(Debug)]
pub(crate) struct Page {
    status: StatusCode,
    reason: Option<&'static str>,
    headers: Box<[(HeaderName, HeaderValue)]>,
    /// `None` is a response without a body, which is not the same as an empty one.
    body: Option<Bytes>,
    made_at: Moment,
    initial_age: Duration,
    /// From `made_at`; `None` is for ever.
    kept_for: Option<Duration>,
}

/// When a page was made, and how long it may be kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    pub(crate) made_at: Moment,
    pub(crate) initial_age: Duration,
    pub(crate) kept_for: Option<Duration>,
}

impl Page {
    /// The page of a response, with what the cache adds to its headers.
    pub(crate) fn freeze(
        head: &ResponseHead,
        added: &[(HeaderName, HeaderValue)],
        body: Option<Bytes>,
        lifetime: Lifetime,
    ) -> Self {
        let own = named_by_connection(&head.headers);
        let is_replayed =
            |name: &HeaderName| *name != AGE && !NOT_REPLAYED.contains(name) && !own.contains(name);
        Self {
            status: head.status,
            reason: head.reason,
            headers: (head.headers.iter())
                .filter(|(name, _)| is_replayed(name))
                .chain(added.iter().map(|(name, value)| (name, value)))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            body,
            made_at: lifetime.made_at,
            initial_age: lifetime.initial_age,
            kept_for: lifetime.kept_for,
        }
    }

    pub(crate) fn thaw(&self, now: Moment, status_line: Option<HeaderValue>) -> HttpResponse {
        let mut response = HttpResponse::with_body(self.status, body::whole(self.body.clone()));
        let head = response.head_mut();
        head.reason = self.reason;
        for (name, value) in &self.headers {
            head.headers.append(name.clone(), value.clone());
        }
        head.headers.insert(AGE, HeaderValue::from(self.age(now).as_secs()));
        if let Some(line) = status_line {
            head.headers.append(crate::status::CACHE_STATUS, line);
        }
        response
    }

    /// RFC 9111 4.2.3.
    fn age(&self, now: Moment) -> Duration {
        self.initial_age.saturating_add(now.since(self.made_at))
    }

    pub(crate) fn is_fresh(&self, now: Moment) -> bool {
        self.kept_for.is_none_or(|kept_for| now.since(self.made_at) < kept_for)
    }

    /// How long it stays fresh; `None` is for ever.
    pub(crate) fn ttl(&self, now: Moment) -> Option<Duration> {
        self.kept_for.map(|kept_for| kept_for.saturating_sub(now.since(self.made_at)))
    }

    /// What it takes in memory, with a key of so many bytes.
    pub(crate) fn weight(&self, key: usize) -> usize {
        let lines = self.headers.iter().map(|(name, value)| A_HEADER + name.as_str().len() + value.len());
        let body = self.body.as_ref().map_or(0, Bytes::len);
        lines.fold(BOOKKEEPING + key + body, usize::saturating_add)
    }
}

/// The headers that a `Connection` line declares to be about the connection.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    (headers.get_all(CONNECTION))
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect()
}
