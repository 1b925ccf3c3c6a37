//! The options of a cache that its requests read.

use std::time::Duration;

use actix_web::HttpRequest;
use http::header::HeaderName;

use crate::{
    http::{AllowedHosts, CredentialHeaders, IgnoredQuery, TagHeader},
    time::clock::Clock,
};

/// Options that do not change after the cache is built.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) clock: Clock,
    pub(crate) timeouts: Timeouts,
    /// Whether the cache is used at all.
    pub(crate) enabled: bool,
    /// The longest body that is stored, in bytes.
    pub(crate) max_body: usize,
    /// Request headers that a client is identified by. Anonymous-only responses are not served with them.
    pub(crate) credential_headers: CredentialHeaders,
    /// Predicates for requests that identify a client by something else than a header.
    pub(crate) credential_if: Vec<fn(&HttpRequest) -> bool>,
    /// The hosts of the site. Requests that name others bypass the cache.
    pub(crate) allowed_hosts: Option<AllowedHosts>,
    /// Query parameters that are ignored for all handlers.
    pub(super) ignored_query: IgnoredQuery,
    pub(crate) honors_request_directives: HonorDirectives,
    /// For handlers that have no prefix of their own.
    pub(crate) key_prefix: String,
    /// Request headers that are part of every key.
    pub(crate) vary: Vec<HeaderName>,
    /// Response headers that are not stored, beside those that never are.
    pub(crate) per_request_headers: Vec<HeaderName>,
    pub(crate) tag_headers: Vec<TagHeader>,
    /// Whether the groups in responses of handlers and services are tags.
    pub(crate) honors_cache_groups: bool,
    /// Whether `No-Vary-Search` is sent.
    pub(crate) sends_no_vary_search: bool,
    /// The response header that is addressed to this cache.
    pub(crate) targeted_cache_control: Option<HeaderName>,
    /// Whether pages are encoded for clients that accept it, if the policy of their handler says nothing else.
    pub(crate) compresses: bool,
}

/// Whether the `Cache-Control` of requests is honored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HonorDirectives {
    /// That of all requests, or of none.
    Always(bool),
    /// That of requests for which the function returns `true`.
    If(fn(&HttpRequest) -> bool),
}

/// How long requests wait, and when entries are refreshed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// How long a follower waits for its leader.
    pub(crate) coalesce_timeout: Duration,
    /// How long a handler may run before a follower or a stale response takes its place.
    pub(crate) fill_timeout: Duration,
    /// The time between a failed refresh and the next one. It doubles with each failure.
    pub(crate) refresh_backoff: Duration,
    /// The largest part of a TTL, from 0 to 1, by which it is shortened at random.
    pub(crate) ttl_jitter: f64,
    /// Whether entries are refreshed before they expire.
    pub(crate) refresh_ahead: bool,
}

impl Config {
    /// Creates the default options for a budget of `max_bytes`.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            clock: Clock::System,
            timeouts: Timeouts {
                coalesce_timeout: Duration::from_secs(5),
                fill_timeout: Duration::from_secs(30),
                refresh_backoff: Duration::from_secs(5),
                ttl_jitter: 0.0,
                refresh_ahead: false,
            },
            enabled: true,
            max_body: max_bytes / 8,
            credential_headers: CredentialHeaders::default(),
            credential_if: Vec::new(),
            allowed_hosts: None,
            ignored_query: IgnoredQuery::default(),
            honors_request_directives: HonorDirectives::Always(false),
            key_prefix: String::new(),
            vary: Vec::new(),
            per_request_headers: Vec::new(),
            tag_headers: Vec::new(),
            honors_cache_groups: false,
            sends_no_vary_search: false,
            targeted_cache_control: None,
            compresses: false,
        }
    }
}
