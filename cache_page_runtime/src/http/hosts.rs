//! The hosts that a request names: which of them a site has, and in which spelling.
//!
//! A host is the same in capital letters, and with the default port of its scheme (RFC 9110 4.2.3), but guards and handlers compare and
//! show it as it was sent: `guard::Host` tells `Example.com` from `example.com`. So a page for one spelling must not be sent for
//! another. Browsers send one of them only, the [usual](is_usual) one.

use std::{cell::RefCell, net::Ipv6Addr};

use actix_web::{
    dev::RequestHead,
    http::{
        header::{FORWARDED, HOST, HeaderName, HeaderValue},
        uri::Authority,
    },
};

use super::origin::{RequestOrigin, X_FORWARDED_HOST, forwarded_parameters};
use crate::outcome::Reason;

/// Headers from which handlers and frameworks take the host of links, beside `Host` and `Forwarded`.
static HOST_HEADERS: [HeaderName; 5] = [
    X_FORWARDED_HOST,
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-host"),
    HeaderName::from_static("x-original-host"),
    HeaderName::from_static("x-http-host-override"),
];

/// Headers with the path of a request, or with its URL.
static URL_HEADERS: [HeaderName; 3] = [
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-original-uri"),
    HeaderName::from_static("x-rewrite-url"),
];

/// The hosts of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AllowedHosts(Vec<AllowedHost>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct AllowedHost {
    /// Without the port and the dot in front.
    name: Box<str>,
    with_subdomains: bool,
    /// `None` allows every port.
    port: Option<u16>,
}

impl AllowedHosts {
    /// Parses hosts such as `example.com`, `.example.com` and `localhost:8080`.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with the first invalid one.
    pub(crate) fn parse<H: AsRef<str>>(hosts: impl IntoIterator<Item = H>) -> Result<Self, String> {
        let hosts: Result<Vec<_>, _> =
            hosts.into_iter().map(|host| AllowedHost::parse(host.as_ref())).collect();
        match hosts? {
            hosts if hosts.is_empty() => Err("no hosts: every request would bypass the cache".to_owned()),
            hosts => Ok(Self(hosts)),
        }
    }

    fn check(&self, host: &str, scheme: &str) -> Result<(), Reason> {
        let (name, port) = split_port(host).ok_or(Reason::UnknownHost)?;
        let mut matching = self.0.iter().filter(|allowed| allowed.matches(name, port, scheme)).peekable();
        if matching.peek().is_none() {
            return Err(Reason::UnknownHost);
        }
        let is_usual_port = is_usual(host.as_bytes().get(name.len()..).unwrap_or_default());
        let is_usual_name = is_usual(name.as_bytes()) || matching.any(|allowed| *allowed.name == *name);
        if is_usual_port && is_usual_name { Ok(()) } else { Err(Reason::HostSpelling) }
    }
}

impl AllowedHost {
    fn parse(host: &str) -> Result<Self, String> {
        let invalid = |hint: &str| {
            format!(
                "{host:?} is not a host such as \"example.com\", \".example.com\" or \"localhost:8080\"{hint}"
            )
        };
        if host.contains('/') {
            return Err(invalid("; write it without scheme and path"));
        }
        if host.contains('*') {
            return Err(invalid("; \".example.com\" allows all subdomains of example.com"));
        }
        let (with_subdomains, rest) = match host.strip_prefix('.') {
            Some(rest) => (true, rest),
            None => (false, host),
        };
        let (name, port) = split_port(rest).ok_or_else(|| invalid(""))?;
        let is_valid = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(address) => !with_subdomains && address.parse::<Ipv6Addr>().is_ok(),
            None => name.split('.').all(is_label),
        };
        let port = port.map(|port| {
            port.parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or_else(|| invalid("; its port is not a number from 1 to 65535"))
        });
        if !is_valid {
            return Err(invalid(""));
        }
        Ok(Self { name: name.into(), with_subdomains, port: port.transpose()? })
    }

    fn matches(&self, name: &str, port: Option<&str>, scheme: &str) -> bool {
        let is_port = match (self.port, port) {
            (None, port) => port.is_none_or(|port| port.parse::<u16>().is_ok()),
            (Some(allowed), Some(port)) => port.parse() == Ok(allowed),
            (Some(allowed), None) => default_port(scheme) == Some(allowed),
        };
        is_port && (name.eq_ignore_ascii_case(&self.name) || self.with_subdomains && self.is_parent_of(name))
    }

    fn is_parent_of(&self, name: &str) -> bool {
        let dot = name.len().checked_sub(self.name.len() + 1);
        dot.and_then(|dot| Some((name.get(..dot)?, name.get(dot..)?))).is_some_and(|(subdomain, end)| {
            let end = end.strip_prefix('.');
            end.is_some_and(|end| end.eq_ignore_ascii_case(&self.name)) && subdomain.split('.').all(is_label)
        })
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Splits a host into its name and its port. Returns `None` if it is not a host: it has user information, for example.
fn split_port(host: &str) -> Option<(&str, Option<&str>)> {
    let name_end = match host.strip_prefix('[') {
        Some(_) => host.find(']')? + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    let (name, rest) = host.split_at_checked(name_end)?;
    let is_name =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"@/\\,\"<>".contains(&byte));
    let port = match rest.strip_prefix(':') {
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => Some(port),
        Some(_) => return None,
        None if rest.is_empty() => None,
        None => return None,
    };
    is_name.then_some((name, port.filter(|port| !port.is_empty())))
}

pub(crate) fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        _ if scheme.eq_ignore_ascii_case("http") => Some(80),
        _ if scheme.eq_ignore_ascii_case("https") => Some(443),
        _ => None,
    }
}

/// Returns whether a host is written as browsers write it: in lower case, without user information, and with a port as a plain number,
/// if any.
///
/// The default port is left as it is: some proxies add it to every request.
pub(crate) fn is_usual(host: &[u8]) -> bool {
    let seen = host.iter().fold(0, |seen, byte| seen | UNUSUAL_OR_COLON[usize::from(*byte)]);
    match seen {
        0 => true,
        COLON => has_usual_port(host),
        _ => false,
    }
}

thread_local! {
    /// The last host that a worker has found to be usual. Most of its requests name the same one.
    static LAST_USUAL: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The longest host that is remembered: a client must not fill memory.
const MAX_REMEMBERED: usize = 256;

fn is_remembered_or_usual(host: &[u8]) -> bool {
    let remembered = LAST_USUAL.try_with(|last| {
        let mut last = last.borrow_mut();
        if *last == host {
            return true;
        }
        let is_usual = is_usual(host);
        if is_usual && host.len() <= MAX_REMEMBERED {
            host.clone_into(&mut *last);
        }
        is_usual
    });
    // Thread-local storage is not available while the thread exits.
    remembered.unwrap_or_else(|_| is_usual(host))
}

/// What the bytes of a host may be, as bits.
const UNUSUAL: u8 = 1;
const COLON: u8 = 2;

/// The bits of each byte. A host is looked at in each request.
static UNUSUAL_OR_COLON: [u8; 256] = {
    let mut bits = [0; 256];
    let mut letter = b'A';
    while letter <= b'Z' {
        bits[letter as usize] = UNUSUAL;
        letter += 1;
    }
    bits[b'@' as usize] = UNUSUAL;
    bits[b':' as usize] = COLON;
    bits
};

fn has_usual_port(host: &[u8]) -> bool {
    let port = host.iter().rposition(|byte| *byte == b':').and_then(|colon| host.get(colon + 1..));
    // Otherwise it is the last group of an IPv6 address.
    let port = port.filter(|port| port.last() != Some(&b']'));
    port.is_none_or(|port| !matches!(port.first(), None | Some(b'0')))
}

/// Checks the hosts that a request names: those from which guards and handlers take its own, or, with allowed hosts, all of them.
///
/// # Errors
///
/// Returns why the request may not use the cache.
#[inline]
pub(crate) fn check(
    head: &RequestHead,
    origin: &RequestOrigin<'_>,
    allowed: Option<&AllowedHosts>,
) -> Result<(), Reason> {
    if let Some(allowed) = allowed {
        return check_allowed(head, origin.scheme, allowed);
    }
    let host = origin.host.as_bytes();
    let mut hosts = origin.host_fields.iter().map(HeaderValue::as_bytes);
    let authority = head.uri.authority().map(|authority| authority.as_str().as_bytes());
    // Most requests name one host only.
    let mut is_usual_or_same = |other: &[u8]| other == host || is_usual(other);
    match is_remembered_or_usual(host)
        && hosts.all(&mut is_usual_or_same)
        && authority.is_none_or(is_usual_or_same)
    {
        true => Ok(()),
        false => Err(Reason::HostSpelling),
    }
}

#[cold]
fn check_allowed(head: &RequestHead, scheme: &str, allowed: &AllowedHosts) -> Result<(), Reason> {
    let check = |host: &str| allowed.check(host.trim(), scheme);
    let values =
        |name| head.headers.get_all(name).map(|value| value.to_str().map_err(|_| Reason::UnknownHost));
    head.uri.authority().map(Authority::as_str).map_or(Ok(()), check)?;
    for host in values(&HOST) {
        check(host?)?;
    }
    for value in HOST_HEADERS.iter().flat_map(values) {
        value?.split(',').try_for_each(check)?;
    }
    for value in values(&FORWARDED) {
        forwarded_parameters(value?, "host").try_for_each(check)?;
    }
    for value in URL_HEADERS.iter().flat_map(values) {
        let host = value?.split_once("//").filter(|(scheme, _)| scheme.is_empty() || scheme.ends_with(':'));
        host.map_or(Ok(()), |(_, rest)| check(rest.split(['/', '?', '#']).next().unwrap_or_default()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_host(allowed: &[&str], host: &str) -> Result<(), Reason> {
        AllowedHosts::parse(allowed).unwrap().check(host, "https")
    }

    #[test]
    fn host_is_allowed_with_any_port_or_with_the_given_one() {
        for host in ["a.example", "a.example:1", "a.example:443", "a.example:8080"] {
            assert_eq!(check_host(&["a.example"], host), Ok(()), "{host}");
        }
        for (allowed, host, expected) in [
            ("a.example:443", "a.example", Ok(())),
            ("a.example:443", "a.example:443", Ok(())),
            ("a.example:443", "a.example:80", Err(Reason::UnknownHost)),
            ("a.example:8080", "a.example:8080", Ok(())),
            ("a.example:8080", "a.example", Err(Reason::UnknownHost)),
            ("[::1]", "[::1]:8080", Ok(())),
            ("[::1]:8080", "[::1]", Err(Reason::UnknownHost)),
            ("192.0.2.1", "192.0.2.1", Ok(())),
        ] {
            assert_eq!(check_host(&[allowed], host), expected, "{allowed} {host}");
        }
    }

    #[test]
    fn dot_in_front_allows_the_host_and_its_subdomains() {
        for host in ["a.example", "b.a.example", "c.b.a.example:81"] {
            assert_eq!(check_host(&[".a.example"], host), Ok(()), "{host}");
        }
        for host in
            ["evila.example", "a.example.evil", ".a.example", "<b>.a.example", "x@b.a.example", "é.a.example"]
        {
            assert_eq!(check_host(&[".a.example"], host), Err(Reason::UnknownHost), "{host}");
        }
    }

    #[test]
    fn what_is_no_host_of_the_list_is_unknown() {
        for host in [
            "",
            ":80",
            "b.example",
            "a.example.",
            "a.example:x",
            "a.example:65536",
            "a.example:80:80",
            "user@a.example",
            "[a.example",
            "a.example, a.example",
        ] {
            assert_eq!(check_host(&["a.example"], host), Err(Reason::UnknownHost), "{host}");
        }
    }

    #[test]
    fn allowed_host_in_an_unusual_spelling_is_told_apart() {
        for host in ["A.example", "a.example:", "a.example:0443"] {
            assert_eq!(check_host(&["a.example"], host), Err(Reason::HostSpelling), "{host}");
        }
        // A proxy that sends a fixed host sends it as it is configured.
        assert_eq!(check_host(&["Backend"], "Backend"), Ok(()));
        assert_eq!(check_host(&["Backend"], "backend"), Ok(()));
    }

    #[test]
    fn invalid_host_is_rejected_with_a_hint() {
        for (host, hint) in [
            ("https://a.example", "without scheme"),
            ("a.example/", "without scheme"),
            ("*.example", "\".example.com\" allows"),
            ("", "not a host"),
            (".", "not a host"),
            ("a..example", "not a host"),
            ("a.example:x", "not a host"),
            ("a.example:0", "from 1 to 65535"),
            ("a.example:65536", "from 1 to 65535"),
            ("::1", "not a host"),
            ("[::g]", "not a host"),
            ("user@a.example", "not a host"),
            ("münchen.example", "not a host"),
        ] {
            let error = AllowedHosts::parse([host]).unwrap_err();
            assert!(error.contains(hint), "{host}: {error}");
        }
        assert!(AllowedHosts::parse::<&str>([]).unwrap_err().contains("no hosts"));
    }

    #[test]
    fn usual_spelling_is_that_of_browsers() {
        for host in
            ["", "a.example", "a.example:80", "[2001:db8:0:1::0]:8080", "[::0]", "localhost:10", "a.example."]
        {
            assert!(is_usual(host.as_bytes()), "{host}");
        }
        for host in ["A.example", "a.examplE", "a.example:", "a.example:080", "u@a.example", "[::A]"] {
            assert!(!is_usual(host.as_bytes()), "{host}");
        }
    }
}
