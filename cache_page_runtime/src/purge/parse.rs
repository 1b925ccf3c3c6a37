//! Parsing of the arguments of purges.

use super::{error::PurgeError, normal_form, selector::PurgeSelector, tag};
use crate::http::RequestOrigin;

/// Returns what a purge of a kind selects. `value` is of no importance to `all`.
#[cfg(any(feature = "inspector", all(feature = "cli", any(feature = "disk", feature = "redis"))))]
pub(crate) fn to_selector(kind: &str, value: &str) -> Result<PurgeSelector, PurgeError> {
    match kind {
        "tag" => to_tag(value),
        "path" => to_path(value),
        "url" => to_url(value),
        "prefix" => to_prefix(value),
        "handler" => to_handler(value),
        "all" => Ok(PurgeSelector::All),
        _ => Err(PurgeError::invalid("the kind is one of tag, path, url, prefix, handler and all")),
    }
}

pub(crate) fn to_path(path: &str) -> Result<PurgeSelector, PurgeError> {
    Ok(PurgeSelector::Path(decode(check_path(path)?)))
}

pub(crate) fn to_tag(tag: &str) -> Result<PurgeSelector, PurgeError> {
    tag::check(tag)?;
    Ok(PurgeSelector::Tag(tag.to_owned()))
}

pub(crate) fn to_handler(name: &str) -> Result<PurgeSelector, PurgeError> {
    if name.is_empty() {
        return Err(PurgeError::invalid("the name of a handler must not be empty"));
    }
    Ok(PurgeSelector::Handler(name.to_owned()))
}

pub(crate) fn to_prefix(prefix: &str) -> Result<PurgeSelector, PurgeError> {
    let path = decode(check_path(prefix)?);
    if path == "/" {
        return Err(PurgeError::invalid(
            "the prefix \"/\" matches every page; use `purge_all` or `expire_all` instead",
        ));
    }
    Ok(PurgeSelector::Prefix(path))
}

pub(crate) fn to_url(url: &str) -> Result<PurgeSelector, PurgeError> {
    let invalid = || {
        PurgeError::invalid(format_args!(
            "{url:?} is not a URL such as \"/posts?page=2\" or \"https://example.com/posts?page=2\""
        ))
    };
    if url.contains('#') {
        return Err(invalid());
    }
    let (origin, rest) = match url.split_once("://") {
        Some((scheme, rest)) if ["http", "https"].iter().any(|known| known.eq_ignore_ascii_case(scheme)) => {
            let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            if normal_form::host(scheme, host).is_empty() {
                return Err(invalid());
            }
            (Some((scheme.to_ascii_lowercase(), host.to_owned())), path)
        }
        _ => (None, url),
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    // Without a path, an absolute URL is that of the root (RFC 9110 4.2.3).
    let path = if path.is_empty() && origin.is_some() { "/" } else { path };
    let path = decode(check_path(path).map_err(|_| invalid())?);
    Ok(PurgeSelector::Url { path, query: query.map(Into::into), origin })
}

/// Resolves a URI reference of a response (RFC 3986 5.2) and selects the path that it refers to, or returns `None` if it refers to
/// another origin than that of the request.
///
/// The path is selected on every host, so that a client cannot avoid the purge by sending another `Host`.
pub(crate) fn referred_to(reference: &str, base: &str, origin: &RequestOrigin<'_>) -> Option<PurgeSelector> {
    let reference = reference.split(['?', '#']).next().unwrap_or_default();
    let path = match reference.strip_prefix("//") {
        Some(rest) => path_on_origin(rest, origin)?,
        None if reference.starts_with('/') => reference.to_owned(),
        None if reference.is_empty() => base.to_owned(),
        None => match reference.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(origin.scheme) => {
                path_on_origin(rest, origin)?
            }
            Some(_) => return None,
            // A relative path replaces the last segment of the base.
            None => format!("{}/{reference}", base.rsplit_once('/')?.0),
        },
    };
    to_path(&path).ok()
}

/// Splits the authority from `rest` and returns the path, if the authority is the host of `origin` (RFC 9110 4.2.3).
fn path_on_origin(rest: &str, origin: &RequestOrigin<'_>) -> Option<String> {
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path };
    let host = |host| normal_form::host(origin.scheme, host);
    host(authority).eq_ignore_ascii_case(host(origin.host)).then(|| path.to_owned())
}

fn check_path(path: &str) -> Result<&str, PurgeError> {
    if !path.starts_with('/') {
        return Err(PurgeError::invalid(format_args!("{path:?} is not a path such as \"/posts/1\"")));
    }
    if path.contains(['?', '#']) {
        return Err(PurgeError::invalid(format_args!(
            "the path {path:?} has a query or a fragment; use `purge_url` for a URL with a query"
        )));
    }
    Ok(path)
}

fn decode(path: &str) -> String {
    normal_form::path(path.as_bytes()).into_owned()
}
