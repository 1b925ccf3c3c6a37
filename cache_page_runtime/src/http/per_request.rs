//! Response headers whose value is for one client, or about one request or connection, so that no other client may be sent it.

use http::header::{
    AGE, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_RANGE, HeaderName, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

/// Headers that hand a credential or an identity to one client, or speak about its session. `Set-Cookie` is another one.
///
/// The body of such a response usually contains the same secret, so the whole response is not stored.
const FOR_ONE_CLIENT: [&str; 15] = [
    "authentication-info",
    "clear-site-data",
    "dpop-nonce",
    "sec-websocket-accept",
    "session",
    "set-cookie2",
    "token",
    "x-auth",
    "x-authenticated-user",
    "x-remote-user",
    "x-session",
    "x-token",
    "x-user",
    "x-user-id",
    "x-username",
];

/// Parts of the names of such headers.
const PARTS_FOR_ONE_CLIENT: [&str; 12] = [
    "access-token",
    "api-key",
    "apikey",
    "auth-token",
    "csrf",
    "id-token",
    "jwt",
    "refresh-token",
    "security-token",
    "session-id",
    "session-token",
    "xsrf",
];

/// Headers with the number of a request, the time that it took, or what its client may still request. The response is stored
/// without them.
const ABOUT_ONE_REQUEST: [&str; 22] = [
    "baggage",
    "cf-ray",
    "sentry-trace",
    "server-timing",
    "traceparent",
    "traceresponse",
    "tracestate",
    "x-amz-cf-id",
    "x-amz-id-2",
    "x-amzn-requestid",
    "x-cloud-trace-context",
    "x-envoy-upstream-service-time",
    "x-kong-proxy-latency",
    "x-kong-upstream-latency",
    "x-process-time",
    "x-request-time",
    "x-requestid",
    "x-response-time",
    "x-runtime",
    "x-span-id",
    "x-timer",
    "x-vercel-id",
];

/// The beginnings of the names of such headers.
const PREFIXES_ABOUT_ONE_REQUEST: [&str; 6] =
    ["rate-limit", "ratelimit", "x-b3-", "x-datadog-", "x-rate-limit", "x-ratelimit"];

/// The ends of the names of such headers.
const SUFFIXES_ABOUT_ONE_REQUEST: [&str; 4] = ["correlation-id", "request-id", "trace-id", "transaction-id"];

/// Returns whether a response with this header is for one client, beside one with `Set-Cookie`.
pub(crate) fn is_for_one_client(name: &HeaderName) -> bool {
    let text = name.as_str();
    *name == AUTHORIZATION
        || FOR_ONE_CLIENT.binary_search(&text).is_ok()
        || PARTS_FOR_ONE_CLIENT.iter().any(|part| text.contains(part))
}

/// Returns whether a response is stored without this header, whatever the options are.
///
/// `Age`, `Content-Length` and `Content-Range` are generated for every response.
pub(crate) fn is_not_stored(name: &HeaderName) -> bool {
    is_hop_by_hop(name) || matches!(*name, AGE | CONTENT_LENGTH | CONTENT_RANGE) || is_about_one_request(name)
}

/// Returns whether a header applies to one connection or hop only (RFC 9110 7.6.1 and 11.7).
fn is_hop_by_hop(name: &HeaderName) -> bool {
    match *name {
        CONNECTION | TE | TRAILER | TRANSFER_ENCODING | UPGRADE | PROXY_AUTHENTICATE
        | PROXY_AUTHORIZATION => true,
        _ => matches!(name.as_str(), "keep-alive" | "proxy-connection" | "proxy-authentication-info"),
    }
}

/// Returns whether a header is about one request, so that the response is stored without it.
pub(crate) fn is_about_one_request(name: &HeaderName) -> bool {
    let text = name.as_str();
    ABOUT_ONE_REQUEST.binary_search(&text).is_ok()
        || PREFIXES_ABOUT_ONE_REQUEST.iter().any(|prefix| text.starts_with(prefix))
        || SUFFIXES_ABOUT_ONE_REQUEST.iter().any(|suffix| text.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        assert!(FOR_ONE_CLIENT.is_sorted() && ABOUT_ONE_REQUEST.is_sorted());
    }

    #[test]
    fn ordinary_headers_are_for_everybody() {
        for name in [
            "accept-ranges",
            "access-control-allow-origin",
            "age",
            "allow",
            "alt-svc",
            "cache-control",
            "cache-status",
            "content-disposition",
            "content-encoding",
            "content-language",
            "content-location",
            "content-security-policy",
            "content-type",
            "cross-origin-opener-policy",
            "date",
            "etag",
            "expires",
            "last-modified",
            "link",
            "location",
            "nel",
            "permissions-policy",
            "referrer-policy",
            "report-to",
            "retry-after",
            "server",
            "strict-transport-security",
            "surrogate-key",
            "vary",
            "via",
            "x-cache",
            "x-content-type-options",
            "x-frame-options",
            "x-next-page-token",
            "x-powered-by",
            "x-robots-tag",
            "x-total-count",
            "x-xss-protection",
        ] {
            let name = HeaderName::from_static(name);
            assert!(!is_for_one_client(&name) && !is_about_one_request(&name), "{name}");
        }
    }
}
