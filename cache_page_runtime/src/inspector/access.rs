//! Who may see the inspector, and who may purge with it.

use std::{
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    rc::Rc,
    sync::OnceLock,
};

use actix_web::{
    HttpRequest,
    http::{
        header::{HOST, HeaderMap, HeaderName, ORIGIN},
        uri::Authority,
    },
};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// The header with the token of a request that changes something.
pub(super) const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-inspector-token");

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Headers that proxies add to the requests that they forward.
const FORWARDING: [&str; 8] = [
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "cf-connecting-ip",
    "true-client-ip",
];

/// Which requests are answered.
#[derive(Clone, Default)]
pub(super) enum Access {
    /// Those of clients on the same machine.
    #[default]
    Local,
    /// Those for which the function returns `true`.
    If(Rc<dyn Fn(&HttpRequest) -> bool>),
}

impl Access {
    pub(super) fn may_see(&self, request: &HttpRequest) -> bool {
        match self {
            Self::Local => is_local(request),
            Self::If(allow) => allow(request),
        }
    }
}

/// Returns whether a request came from the same machine, and was meant for it: a page on another host that resolves to the loopback
/// address (DNS rebinding) names its own host.
fn is_local(request: &HttpRequest) -> bool {
    let is_loopback = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    let is_forwarded = FORWARDING.iter().any(|name| request.headers().contains_key(*name));
    is_loopback && !is_forwarded && authority(request).is_some_and(is_local_host)
}

/// Returns the host and port that a request was sent to.
fn authority(request: &HttpRequest) -> Option<&str> {
    let uri = request.uri().authority().map(Authority::as_str);
    let mut hosts = request.headers().get_all(HOST);
    let host = hosts.next().map(|host| host.to_str().unwrap_or_default());
    match (uri, host, hosts.next()) {
        (_, _, Some(_)) => None,
        (Some(uri), Some(host), None) if uri != host => None,
        (uri, host, None) => uri.or(host),
    }
}

fn is_local_host(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Returns whether a request that changes something comes from a page of the inspector itself, or from a client that says so.
pub(super) fn is_same_origin(request: &HttpRequest) -> bool {
    let headers = request.headers();
    match (single(headers, &SEC_FETCH_SITE), single(headers, &ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == authority(request)
        }
        (None, None) => false,
    }
}

/// Returns the value of a header, which is invalid if it is repeated.
fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name);
    let value = values.next()?.to_str().unwrap_or_default();
    Some(if values.next().is_some() { "" } else { value })
}

/// The token of requests that change something. Pages and the API show it, which other sites cannot read.
#[derive(Clone)]
pub(super) struct Token(Rc<str>);

impl Token {
    /// Returns the token of this process.
    pub(super) fn of_process() -> Self {
        static TOKEN: OnceLock<String> = OnceLock::new();
        let token = TOKEN.get_or_init(|| {
            // SipHash with a random key of the operating system.
            let random = RandomState::new();
            format!("{:016x}{:016x}", random.hash_one(0), random.hash_one(1))
        });
        Self(token.as_str().into())
    }

    /// Returns the token of all inspectors with a secret, which does not reveal it.
    pub(super) fn of_secret(secret: &[u8]) -> Self {
        // A key of any length is valid.
        let token = Hmac::<Sha256>::new_from_slice(secret).map(|hmac| {
            let bytes = hmac.chain_update(b"cache_page inspector token").finalize().into_bytes();
            bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>()
        });
        token.map_or_else(|_| Self::of_process(), |token| Self(token.into()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares a token in a time that does not show where it differs.
    pub(super) fn is(&self, given: &str) -> bool {
        let token = self.0.as_bytes();
        let differences = token.iter().zip(given.as_bytes()).fold(0, |seen, (one, two)| seen | (one ^ two));
        given.len() == token.len() && differences == 0
    }
}
