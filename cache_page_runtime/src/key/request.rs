//! What `HttpRequest` reads.

use std::iter;

use actix_web::{
    HttpRequest,
    http::header::{HeaderName, HeaderValue},
};
use smallvec::SmallVec;

use super::{builder::KeyBuilder, cache_key::List};

/// Adds what a handler may read through `HttpRequest`, except for headers: the scheme, the route parameters, and the query if the
/// options leave out parts of it. The headers are added by `push_headers` before the key is complete. The page is for requests
/// without credentials only.
pub fn push_http_request(key: &mut KeyBuilder<'_>) {
    push_request_without_query(key);
    key.query();
}

/// As [`push_http_request`], for services that see no more of the query than is in the key.
pub(crate) fn push_request_without_query(key: &mut KeyBuilder<'_>) {
    let request = key.request();
    key.set_reads_any_header();
    push_scheme(request, key);
    push_route_parameters(request, key);
}

/// Adds the headers of these names, which a handler may read or a guard may choose it by, and which are not in the key already.
///
/// Among them are the headers from which handlers and frameworks build absolute links. A client can send any value, which must not end
/// up in the pages of other clients. The scheme and host in the key do not suffice: they are what `ConnectionInfo` returns, which
/// ignores `X-Forwarded-Host` if `Forwarded` has a host, for example, but the handler may read the ignored header.
pub(crate) fn push_headers<'r>(key: &mut KeyBuilder<'r>, mut names: SmallVec<[&'r HeaderName; 8]>) {
    names.sort_unstable_by_key(|name| name.as_str());
    for name in names {
        let values = key.request().headers().get_all(name).map(HeaderValue::as_bytes);
        key.parts.push_list(List::Header, iter::once(name.as_str().as_bytes()).chain(values));
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
