//! Request headers that carry credentials.

use actix_web::http::header::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION};

use crate::outcome::Reason;

/// Headers without a registration that carry credentials, or an identity that a proxy has verified.
const UNREGISTERED: [&str; 22] = [
    "x-api-key",
    "x-auth-token",
    "x-access-token",
    "x-session-token",
    "x-amz-security-token",
    "dpop",
    "signature",
    "remote-user",
    "x-remote-user",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-access-token",
    "x-forwarded-client-cert",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-auth-request-access-token",
    "cf-access-jwt-assertion",
    "x-goog-iap-jwt-assertion",
    "x-amzn-oidc-data",
    "x-amzn-oidc-identity",
    "x-ms-client-principal",
    "x-ssl-client-cert",
];

/// Returns the credential headers of a cache that is not configured otherwise.
pub(crate) fn default_headers() -> Vec<HeaderName> {
    let unregistered = UNREGISTERED.map(HeaderName::from_static);
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].into_iter().chain(unregistered).collect()
}

/// Checks that a request carries none of the `credentials`, except those that are part of the key.
pub(crate) fn check_credentials(
    request: &HeaderMap,
    credentials: &[HeaderName],
    is_keyed: impl Fn(&HeaderName) -> bool,
) -> Result<(), Reason> {
    if credentials.iter().any(|name| request.contains_key(name) && !is_keyed(name)) {
        return Err(Reason::Credentials);
    }
    Ok(())
}
