//! The headers that links are made from.

/// The request headers from which handlers and frameworks build absolute links.
pub(crate) const LINK_HEADERS: &[&str] = &[
    "host",
    "forwarded",
    "x-forwarded-host",
    "x-forwarded-server",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-ssl",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-path",
    "x-host",
    "x-original-host",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-http-host-override",
    "x-url-scheme",
    "x-script-name",
    "x-scheme",
    "x-original-proto",
    "front-end-https",
    "cloudfront-forwarded-proto",
];
