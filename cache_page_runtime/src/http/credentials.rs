//! Request headers and query parameters that identify a client.
//!
//! No list of names is complete: each gateway, framework and cloud has its own. A name counts as a credential if it contains one of
//! the words in `credential_words`, or if it is in [`LISTED`]. A name that is taken for a credential by mistake costs a hit; one that is not recognized
//! could show the page of one client to another.

use std::borrow::Cow;

use actix_web::http::header::{
    self, AUTHORIZATION, COOKIE, HeaderMap, HeaderName, PROXY_AUTHORIZATION, USER_AGENT,
};

use super::{CookieRule, QueryRule, credential_words::has_credential_word, header_class::HeaderClass};
use crate::outcome::Reason;

/// Credentials, signed request data and verified identities whose names contain none of the words.
const LISTED: [&str; 66] = [
    // OAuth 2.0 proof of possession (RFC 9449), request signatures of AWS, Azure and Telegram, app attestation.
    "dpop",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-ms-date",
    "x-telegram-init-data",
    "x-firebase-appcheck",
    // Identities and their groups, from proxies and API gateways.
    "x-forwarded-groups",
    "remote-name",
    "remote-group",
    "remote-groups",
    "x-remote-name",
    "x-remote-group",
    "x-remote-groups",
    "impersonate-group",
    "impersonate-uid",
    "x-consumer-id",
    "x-consumer-custom-id",
    "x-consumer-groups",
    "x-anonymous-consumer",
    "x-ms-client-principal",
    "x-ms-client-principal-id",
    "x-ms-client-principal-idp",
    "x-ms-client-principal-name",
    "cf-access-client-id",
    "tailscale-app-capabilities",
    "x-hasura-role",
    "x-hasura-org-id",
    "x-grafana-id",
    "x-grafana-org-id",
    "x-scope-orgid",
    "x-honeycomb-team",
    "x-envoy-peer-metadata",
    "x-envoy-peer-metadata-id",
    "l5d-client-id",
    // Single sign-on.
    "x-sso",
    "sm-universalid",
    "eppn",
    "persistent-id",
    "affiliation",
    "unscoped-affiliation",
    "entitlement",
    // Client certificates.
    "x-client-dn",
    "x-client-cn",
    "x-client-verify",
    "ssl-client-verify",
    "ssl-client-subject-dn",
    "ssl-client-issuer-dn",
    "ssl-client-s-dn",
    "x-ssl-client-verify",
    "x-ssl-client-dn",
    "x-ssl-client-cn",
    "x-ssl-client-serial",
    "x-ssl-client-sha1",
    // Phone numbers that mobile networks add.
    "msisdn",
    "x-msisdn",
    "x-up-calling-line-id",
    // Names that applications choose.
    "x-client-id",
    "x-customer-id",
    "x-member-id",
    "x-org-id",
    "x-organization-id",
    "x-principal",
    "x-subject",
    "x-role",
    "x-roles",
    "x-groups",
];

/// Names that contain one of the words and identify no client.
const HARMLESS: [&str; 3] = ["sec-websocket-key", "x-cache-key", "x-appengine-user-ip"];

/// What downstream caches have to tell apart. They cannot know the other credentials, and a long `Vary` would keep some of them, such
/// as nginx, from storing the response at all.
static VARY_NAMES: [HeaderName; 2] = [COOKIE, AUTHORIZATION];

/// The headers that identify a client, for one cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct CredentialHeaders {
    added: Vec<HeaderName>,
    ignored: Vec<HeaderName>,
    pub(crate) cookies: CookieRule,
}

impl CredentialHeaders {
    pub(crate) fn add(&mut self, name: HeaderName) {
        self.ignored.retain(|ignored| *ignored != name);
        if !self.added.contains(&name) {
            self.added.push(name);
        }
    }

    pub(crate) fn ignore(&mut self, name: HeaderName) {
        self.added.retain(|added| *added != name);
        if !self.ignored.contains(&name) {
            self.ignored.push(name);
        }
    }

    /// Returns whether a header identifies a client.
    pub(crate) fn contains(&self, name: &HeaderName) -> bool {
        self.is_credential(name, HeaderClass::of(name))
    }

    fn is_credential(&self, name: &HeaderName, class: HeaderClass) -> bool {
        self.added.contains(name) || class.is_credential && !self.ignored.contains(name)
    }

    /// Returns whether the application ignores a header: no response depends on it.
    pub(crate) fn is_ignored(&self, name: &HeaderName) -> bool {
        self.ignored.contains(name)
    }

    /// Checks that a request carries no credentials, except those that are part of the key: headers in full, or cookies by name.
    ///
    /// It looks at each header of the request once, instead of looking up each name of a credential, and passes on those that are not
    /// [ordinary](HeaderClass::is_ordinary).
    pub(crate) fn check<'h>(
        &self,
        request: &'h HeaderMap,
        is_keyed: impl Fn(&HeaderName) -> bool,
        keyed_cookies: &[&str],
        mut visit: impl FnMut(&'h HeaderName),
    ) -> Result<(), Reason> {
        let has_no_credential =
            |name: &HeaderName| *name == COOKIE && self.ignores_cookies(request, keyed_cookies);
        for name in request.keys() {
            let class = HeaderClass::of(name);
            if self.is_credential(name, class) && !is_keyed(name) && !has_no_credential(name) {
                return Err(Reason::Credentials);
            }
            if !class.is_ordinary {
                visit(name);
            }
        }
        Ok(())
    }

    fn ignores_cookies(&self, request: &HeaderMap, keyed: &[&str]) -> bool {
        // Somebody who adds `Cookie` means all of them.
        !self.added.contains(&COOKIE) && self.cookies.is_anonymous(request, keyed)
    }

    /// Returns the names for the `Vary` of a response to requests without credentials.
    pub(crate) fn vary_names(&self) -> impl Iterator<Item = &HeaderName> {
        VARY_NAMES.iter().chain(&self.added)
    }
}

/// Checks that a query has no parameter that is a credential by its name and that the rule leaves out of the key.
///
/// Parameters that `ignore_query` names are not checked: they were left out one by one, while `query` leaves out whatever a client
/// sends.
pub(crate) fn check_query(query: Option<&str>, rule: QueryRule) -> Result<(), Reason> {
    let (Some(query), QueryRule::Only(keyed)) = (query, rule) else { return Ok(()) };
    let is_credential = |name: Cow<'_, str>| !keyed.contains(&&*name) && is_credential_name(name.as_bytes());
    match form_urlencoded::parse(query.as_bytes()).any(|(name, _)| is_credential(name)) {
        true => Err(Reason::Credentials),
        false => Ok(()),
    }
}

/// Returns whether a header identifies a client, by its name.
pub(super) fn is_credential(name: &HeaderName) -> bool {
    match *name {
        AUTHORIZATION | COOKIE | PROXY_AUTHORIZATION => true,
        // Most headers of most requests, which need not be searched for words.
        USER_AGENT
        | header::HOST
        | header::ACCEPT
        | header::ACCEPT_ENCODING
        | header::ACCEPT_LANGUAGE
        | header::CACHE_CONTROL
        | header::CONNECTION
        | header::CONTENT_LENGTH
        | header::CONTENT_TYPE
        | header::DNT
        | header::FORWARDED
        | header::IF_MODIFIED_SINCE
        | header::IF_NONE_MATCH
        | header::IF_RANGE
        | header::ORIGIN
        | header::PRAGMA
        | header::RANGE
        | header::REFERER
        | header::TE
        | header::UPGRADE
        | header::UPGRADE_INSECURE_REQUESTS
        | header::VIA => false,
        _ => is_credential_name(name.as_str().as_bytes()),
    }
}

fn is_credential_name(name: &[u8]) -> bool {
    // Fetch metadata and client hints. `sec-fetch-user` tells whether a user has caused a navigation, and not which.
    if name.starts_with(b"sec-fetch-") || name.starts_with(b"sec-ch-") {
        return false;
    }
    // Proxies and libraries that set a `User-Agent` of their own send the original one under a longer name.
    let name = name.strip_suffix(USER_AGENT.as_str().as_bytes()).unwrap_or(name);
    (has_credential_word(name) || is_listed(name))
        && !HARMLESS.iter().any(|harmless| harmless.as_bytes() == name)
}

fn is_listed(name: &[u8]) -> bool {
    // Most names are ruled out by their length and last letter.
    let last = name.last().copied().unwrap_or_default();
    LAST_LETTERS[name.len() % 32] & letter_bit(last) != 0
        && LISTED.iter().any(|listed| is_same(listed.as_bytes(), name))
}

/// Compares names. Some servers write `_` for `-`, and query parameters may have capital letters.
fn is_same(listed: &[u8], name: &[u8]) -> bool {
    let unified = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    listed.len() == name.len() && listed.iter().zip(name).all(|(listed, byte)| *listed == unified(byte))
}

/// For each length of a name, a bit for each last letter that a listed name of this length has.
static LAST_LETTERS: [u32; 32] = {
    let mut letters = [0; 32];
    let mut at = 0;
    while at < LISTED.len() {
        let name = LISTED[at].as_bytes();
        letters[name.len() % 32] |= letter_bit(name[name.len() - 1]);
        at += 1;
    }
    letters
};

const fn letter_bit(letter: u8) -> u32 {
    1 << (letter % 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_names_are_needed_and_found() {
        for name in LISTED {
            assert!(!has_credential_word(name.as_bytes()), "{name} contains a word");
            for spelling in [name.to_owned(), name.replace('-', "_"), name.to_uppercase()] {
                assert!(is_listed(spelling.as_bytes()), "{spelling}");
            }
        }
        assert!(HARMLESS.iter().all(|name| has_credential_word(name.as_bytes())));
    }

    #[test]
    fn query_parameters_that_are_left_out_are_checked() {
        let only = QueryRule::Only(&["page", "key"]);
        for query in
            ["token=a", "page=1&X-Amz-Signature=a", "t%6Fken=a", "%74oken", "sig=a", "api_key=a", "apiKey=a"]
        {
            assert_eq!(check_query(Some(query), only), Err(Reason::Credentials), "{query}");
            assert_eq!(check_query(Some(query), QueryRule::All), Ok(()), "{query}");
            assert_eq!(check_query(Some(query), QueryRule::Except(&["token"])), Ok(()), "{query}");
        }
        for query in ["", "page=1&key=2", "utm_source=token", "page=token"] {
            assert_eq!(check_query(Some(query), only), Ok(()), "{query}");
        }
        assert_eq!(check_query(None, only), Ok(()));
    }
}
