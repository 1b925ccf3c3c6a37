//! The names of headers and query parameters that identify a client.
//!
//! No list of names is complete: each gateway, framework and cloud has its own. A name counts as a credential if it contains one of
//! the words in `credential_words`, or if it is in [`LISTED`]. A name that is taken for a credential by mistake costs a hit; one that
//! is not recognized could show the page of one client to another.

use actix_web::http::header::{self, AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION, USER_AGENT};

use super::credential_words::has_credential_word;

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

pub(super) fn is_credential_name(name: &[u8]) -> bool {
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
}
