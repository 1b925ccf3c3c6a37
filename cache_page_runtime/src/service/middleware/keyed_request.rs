//! What the services inside see of a request: no cookie and no query parameter that its key lacks.
//!
//! So one visitor's value cannot get into the page of all, whatever the services read.

use std::mem;

use actix_web::{
    HttpMessage as _, HttpRequest,
    dev::{Path, Payload, ServiceRequest, Url},
    http::{
        Method, Uri,
        header::{COOKIE, HeaderValue, RANGE},
        uri::PathAndQuery,
    },
};

use super::held_requests::HeldRequests;
use crate::{
    fill::KeyedParts,
    http::{QueryRule, cookies},
};

/// Something that is not in the key cannot be removed from a request.
pub(super) struct Unremovable;

/// Makes a request one whose response may be stored. It must have no credentials. Nothing is changed if something cannot be.
///
/// What is not in the key is removed, and so is the body, on which no stored response may depend. A `HEAD` becomes a `GET`, which is
/// routed to handlers for `GET`. A range is not for `HEAD` (RFC 9110 14.2).
pub(super) fn prepare(
    request: &mut ServiceRequest,
    keyed: &KeyedParts,
    held: &HeldRequests,
) -> Result<(), Unremovable> {
    let cookies = keyed.cookies.and_then(|names| cookies::common_field(request.headers(), names));
    let cookies = cookies.map(HeaderValue::try_from).transpose().map_err(|_| Unremovable)?;
    let uri = with_common_query(request.uri(), keyed.query_rule)?;
    let routed = routed_with_common_query(request.match_info(), keyed.query_rule)?;
    let is_head = *request.method() == Method::HEAD;
    if cookies.is_none() && uri.is_none() && routed.is_none() && !is_head {
        request.set_payload(Payload::None);
        return Ok(());
    }
    let head = held.head_mut(request).ok_or(Unremovable)?;
    if is_head {
        head.method = Method::GET;
        head.headers.remove(RANGE);
    }
    if let Some(uri) = uri {
        head.uri = uri;
    }
    if let Some(routed) = routed {
        *request.match_info_mut().get_mut() = routed;
    }
    if let Some(cookies) = cookies {
        replace_cookies(request, cookies);
    }
    request.set_payload(Payload::None);
    Ok(())
}

fn replace_cookies(request: &mut ServiceRequest, cookies: HeaderValue) {
    let headers = request.headers_mut();
    headers.remove(COOKIE);
    if !cookies.is_empty() {
        headers.insert(COOKIE, cookies);
    }
    forget_parsed_cookies(request.request());
}

/// Replaces the cookies that actix-web has parsed for an outer service.
///
/// It keeps them in two private types among the extensions. A request without extensions parses its cookies again.
fn forget_parsed_cookies(request: &HttpRequest) {
    let extensions = mem::take(&mut *request.extensions_mut());
    // The header has only cookies that were parsed before.
    let _ = request.cookies();
    let _ = request.cookies_raw();
    let parsed = mem::replace(&mut *request.extensions_mut(), extensions);
    request.extensions_mut().extend(parsed);
}

/// Returns a URI with the part of its query that all requests with this key have in common, if that is another one.
fn with_common_query(uri: &Uri, rule: QueryRule) -> Result<Option<Uri>, Unremovable> {
    let Some(query) = uri.query() else { return Ok(None) };
    let Some(common) = rule.common_query(query) else { return Ok(None) };
    if common == query && !common.is_empty() {
        return Ok(None);
    }
    let target = if common.is_empty() { uri.path().to_owned() } else { format!("{}?{common}", uri.path()) };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).map_err(|_| Unremovable)?);
    Uri::from_parts(parts).map(Some).map_err(|_| Unremovable)
}

/// As [`with_common_query`], for the copy of the URI by whose decoded path the request was routed.
fn routed_with_common_query(path: &Path<Url>, rule: QueryRule) -> Result<Option<Url>, Unremovable> {
    let Some(uri) = with_common_query(path.get_ref().uri(), rule)? else { return Ok(None) };
    let mut routed = path.get_ref().clone();
    routed.update(&uri);
    // The parameters of the route are positions in the path, which another router may have decoded differently.
    if routed.path() == path.as_str() { Ok(Some(routed)) } else { Err(Unremovable) }
}
