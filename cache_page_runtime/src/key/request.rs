//! What `HttpRequest` reads.

use actix_web::{
    HttpRequest,
    http::header::{FORWARDED, HeaderName},
};

use super::{builder::KeyBuilder, cache_key::List};

/// The headers from which handlers and frameworks build absolute links. A client can send any value, which must not end up in the pages
/// of other clients.
///
/// The scheme and host in the key do not suffice. They are what `ConnectionInfo` returns, which ignores `X-Forwarded-Host` if
/// `Forwarded` has a host, for example, but the handler may read the ignored header.
static LINK_HEADERS: [HeaderName; 21] = [
    FORWARDED,
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-server"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-scheme"),
    HeaderName::from_static("x-forwarded-ssl"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-prefix"),
    HeaderName::from_static("x-forwarded-path"),
    HeaderName::from_static("x-host"),
    HeaderName::from_static("x-original-host"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-original-uri"),
    HeaderName::from_static("x-rewrite-url"),
    HeaderName::from_static("x-http-host-override"),
    HeaderName::from_static("x-url-scheme"),
    HeaderName::from_static("x-script-name"),
    HeaderName::from_static("x-scheme"),
    HeaderName::from_static("x-original-proto"),
    HeaderName::from_static("front-end-https"),
    HeaderName::from_static("cloudfront-forwarded-proto"),
];

/// Adds what a handler may read through `HttpRequest`, except for most headers: the route parameters, and the headers from which links
/// are built. The page is for requests without credentials only.
pub fn push_http_request(key: &mut KeyBuilder<'_>) {
    let request = key.request();
    key.set_reads_any_header();
    push_scheme(request, key);
    push_route_parameters(request, key);
    for name in &LINK_HEADERS {
        key.parts.push_header_values(request.headers(), name);
    }
}

/// Adds the scheme of a request target in absolute form (`GET http://host/path`).
pub(super) fn push_scheme(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
    key.parts.push_optional(request.uri().scheme_str().map(str::as_bytes));
}

/// Adds the names and values of the route parameters.
pub(super) fn push_route_parameters(request: &HttpRequest, key: &mut KeyBuilder<'_>) {
    let parameters = request.match_info().iter();
    let parts = parameters.flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    key.parts.push_list(List::Values, parts);
}
