//! Request headers of ordinary visitors, which no key contains unless an option or an argument names them.
//!
//! A handler with an `HttpRequest`, and routing inside a middleware, may read any header. A header that the application has defined
//! (`X-Api-Version`, `HX-Request`) or that selects a representation (`Accept`) is therefore in the key. The headers here are those that
//! differ from client to client, or from request to request, on their own: browsers, proxies and content delivery networks send them. In
//! the key, each client would have its own pages. A name that is missing here costs hits; one that is here by mistake must be named in
//! `Vary`, as for every other HTTP cache.

use http::header::{self, HeaderName};

use super::per_request;

const ORDINARY: [&str; 56] = [
    "alt-used",
    "b3",
    "client-ip",
    "connect-time",
    "device-memory",
    "do-connecting-ip",
    "downlink",
    "dpr",
    "early-data",
    "ect",
    "elastic-apm-traceparent",
    "grpc-trace-bin",
    "http2-settings",
    "incap-client-ip",
    "keep-alive",
    "newrelic",
    "priority",
    "proxy-connection",
    "purpose",
    "rndr-id",
    "rtt",
    "service-worker",
    "service-worker-navigation-preload",
    "total-route-time",
    "true-client-ip",
    "viewport-width",
    "width",
    "x-amz-cf-id",
    "x-att-deviceid",
    "x-cache-key",
    "x-client-ip",
    "x-client-port",
    "x-cluster-client-ip",
    "x-device-accept-encoding",
    "x-forwarded-by",
    "x-forwarded-client-ip",
    "x-forwarded-for",
    "x-instana-l",
    "x-instana-s",
    "x-instana-t",
    "x-moz",
    "x-newrelic-id",
    "x-newrelic-transaction",
    "x-original-accept-encoding",
    "x-original-forwarded-for",
    "x-original-user-agent",
    "x-ot-span-context",
    "x-purpose",
    "x-queue-start",
    "x-real-ip",
    "x-real-port",
    "x-remote-addr",
    "x-remote-ip",
    "x-request-start",
    "x-varnish",
    "x-wap-profile",
];

/// The beginnings of names. `sec-` belongs to browsers: fetch metadata, client hints, privacy signals.
const PREFIXES: [&str; 31] = [
    "akamai-",
    "cdn-",
    "cf-",
    "cloudfront-",
    "fastly-",
    "fly-",
    "if-",
    "ot-tracer-",
    "sec-",
    "x-akamai-",
    "x-amzn-",
    "x-appengine-",
    "x-arr-",
    "x-azure-",
    "x-country",
    "x-datadome-",
    "x-edgeconnect-",
    "x-envoy-",
    "x-fb-",
    "x-fd-",
    "x-geo-",
    "x-geoip-",
    "x-ja3",
    "x-ja4",
    "x-nf-",
    "x-operamini-",
    "x-railway-",
    "x-sigsci-",
    "x-sucuri-",
    "x-ucbrowser-",
    "x-vercel-",
];

/// The ends of names with the number of a request, by which clients and proxies find it in a log.
const SUFFIXES: [&str; 5] = ["req-id", "req-num", "req-number", "request-num", "request-number"];

/// Names with one of [`PREFIXES`] from which links are made.
const LINK_HEADERS: [&str; 1] = ["cloudfront-forwarded-proto"];

/// Returns whether a request header is one that clients and proxies send on their own, so that keys do not contain it.
pub(crate) fn is_ordinary(name: &HeaderName) -> bool {
    match *name {
        // `Host` has a part of its own in the key, and requests with credentials bypass the cache.
        header::HOST
        | header::COOKIE
        | header::AUTHORIZATION
        | header::PROXY_AUTHORIZATION
        | header::ACCEPT_ENCODING
        | header::ACCEPT_LANGUAGE
        | header::CACHE_CONTROL
        | header::CONNECTION
        | header::CONTENT_LENGTH
        | header::DNT
        | header::ORIGIN
        | header::PRAGMA
        | header::RANGE
        | header::REFERER
        | header::TE
        | header::TRAILER
        | header::TRANSFER_ENCODING
        | header::UPGRADE
        | header::UPGRADE_INSECURE_REQUESTS
        | header::USER_AGENT
        | header::VIA => true,
        header::ACCEPT => false,
        _ => is_ordinary_name(name.as_str()) || per_request::is_about_one_request(name),
    }
}

fn is_ordinary_name(name: &str) -> bool {
    ORDINARY.binary_search(&name).is_ok()
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !LINK_HEADERS.contains(&name)
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted() {
        assert!(ORDINARY.is_sorted() && PREFIXES.is_sorted());
    }

    #[test]
    fn header_that_an_application_reads_is_not_ordinary() {
        for name in [
            "accept",
            "accept-version",
            "api-version",
            "cloudfront-forwarded-proto",
            "content-type",
            "forwarded",
            "hx-request",
            "prefer",
            "save-data",
            "turbo-frame",
            "x-api-version",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-http-method-override",
            "x-internal",
            "x-original-url",
            "x-requested-with",
        ] {
            assert!(!is_ordinary(&HeaderName::from_static(name)), "{name}");
        }
    }

    #[test]
    fn header_of_clients_and_proxies_is_ordinary() {
        for name in [
            "accept-encoding",
            "cf-ray",
            "cookie",
            "if-none-match",
            "req-num",
            "sec-ch-ua",
            "sec-fetch-mode",
            "traceparent",
            "user-agent",
            "x-amzn-trace-id",
            "x-corp-request-id",
            "x-forwarded-for",
        ] {
            assert!(is_ordinary(&HeaderName::from_static(name)), "{name}");
        }
    }
}
