//! The normal form of URLs in purges: equivalent URLs (RFC 9110 4.2.3, RFC 3986 6.2) are one.
//!
//! A page and a purge are both brought into it, so that a caller need not know in which spelling a client requested the page. Where two
//! pages have the same form, a purge of one removes the other as well.

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Decodes the percent-encoding of a path, and removes dot segments (RFC 3986 5.2.4) and empty ones, which `NormalizePath` removes
/// behind a middleware. A slash at the end is kept, for purges by prefix.
///
/// Invalid UTF-8 becomes U+FFFD, as in the path parameters of actix-web.
pub(crate) fn path(path: &[u8]) -> Cow<'_, str> {
    match percent_decode(path).decode_utf8_lossy() {
        Cow::Borrowed(decoded) => decoded_path(decoded),
        Cow::Owned(decoded) => Cow::Owned(decoded_path(&decoded).into_owned()),
    }
}

/// As [`path`], for a path that is decoded already.
pub(super) fn decoded_path(path: &str) -> Cow<'_, str> {
    if path.contains("//") || path.contains("/.") { Cow::Owned(resolve(path)) } else { Cow::Borrowed(path) }
}

/// Returns a path in its normal form without the slash at its end, which `NormalizePath` adds or removes behind a middleware.
pub(super) fn page_path(path: &str) -> Cow<'_, str> {
    let strip = |path: &str| path.len() - usize::from(path.len() > 1 && path.ends_with('/'));
    match decoded_path(path) {
        Cow::Borrowed(path) => Cow::Borrowed(&path[..strip(path)]),
        Cow::Owned(mut path) => {
            path.truncate(strip(&path));
            Cow::Owned(path)
        }
    }
}

fn resolve(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            _ => segments.push(segment),
        }
    }
    let is_directory = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    let end = if is_directory && !segments.is_empty() { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

/// Returns the parameters of a query, decoded as `web::Query` decodes them, in their order.
pub(super) fn query(query: Option<&str>) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
}

/// Returns a host with its port, without user information and without the default port of the scheme.
pub(super) fn host<'h>(scheme: &str, host: &'h str) -> &'h str {
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let default_port = match scheme {
        _ if scheme.eq_ignore_ascii_case("http") => ":80",
        _ if scheme.eq_ignore_ascii_case("https") => ":443",
        _ => ":",
    };
    host.strip_suffix(default_port).or_else(|| host.strip_suffix(':')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_paths_have_one_form() {
        for (written, expected) in [
            ("/posts/1", "/posts/1"),
            ("//posts///%31", "/posts/1"),
            ("/a/./b/../../posts/1", "/posts/1"),
            ("/%2E%2e/posts/1", "/posts/1"),
            ("/posts/1/", "/posts/1/"),
            ("/posts//", "/posts/"),
            ("/posts/1/.", "/posts/1/"),
            ("/posts/1/2/..", "/posts/1/"),
            ("/.well-known/x", "/.well-known/x"),
            ("/", "/"),
            ("///", "/"),
            ("/..", "/"),
        ] {
            assert_eq!(path(written.as_bytes()), expected, "{written}");
        }
    }

    #[test]
    fn page_is_the_same_with_a_slash_at_the_end() {
        for (written, expected) in [
            ("/posts/1/", "/posts/1"),
            ("/posts/1", "/posts/1"),
            ("//posts//", "/posts"),
            ("/", "/"),
            ("//", "/"),
        ] {
            assert_eq!(page_path(written), expected, "{written}");
        }
    }

    #[test]
    fn default_port_and_user_are_left_out() {
        for (scheme, written, expected) in [
            ("http", "a.example:80", "a.example"),
            ("HTTPS", "a.example:443", "a.example"),
            ("https", "user:password@a.example:443", "a.example"),
            ("https", "a.example:", "a.example"),
            ("https", "a.example:80", "a.example:80"),
            ("http", "a.example:8080", "a.example:8080"),
            ("http", "[::80]", "[::80]"),
            ("http", "[::1]:80", "[::1]"),
            ("gopher", "a.example:70", "a.example:70"),
        ] {
            assert_eq!(host(scheme, written), expected, "{scheme}://{written}");
        }
    }
}
