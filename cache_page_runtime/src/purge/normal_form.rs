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

/// As [`path`], for the path of a URI, which most often is in its normal form.
pub(super) fn uri_path(path: &str) -> Cow<'_, str> {
    if is_normal(path) { Cow::Borrowed(path) } else { self::path(path.as_bytes()) }
}

/// Returns whether a path has nothing to decode, and neither empty segments nor any that begin with a dot.
fn is_normal(path: &str) -> bool {
    let mut is_behind_slash = false;
    path.bytes().all(|byte| {
        let is_plain = byte != b'%' && !(is_behind_slash && matches!(byte, b'/' | b'.'));
        is_behind_slash = byte == b'/';
        is_plain
    })
}

/// As [`path`], for a path that is decoded already.
pub(super) fn decoded_path(path: &str) -> Cow<'_, str> {
    if path.contains("//") || path.contains("/.") { Cow::Owned(resolve(path)) } else { Cow::Borrowed(path) }
}

/// Returns a path in its normal form without the slash at its end, which `NormalizePath` adds or removes behind a middleware.
pub(super) fn page_path(path: &str) -> Cow<'_, str> {
    match decoded_path(path) {
        Cow::Borrowed(path) => Cow::Borrowed(without_end_slash(path)),
        Cow::Owned(mut path) => {
            path.truncate(without_end_slash(&path).len());
            Cow::Owned(path)
        }
    }
}

/// Returns a path in its normal form without the slash at its end.
pub(super) fn without_end_slash(path: &str) -> &str {
    path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path)
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

/// Returns a query in its normal form: all queries with the same parameters, decoded as `web::Query` decodes them, in the same order
/// have the same one, and no others.
pub(super) fn query_text(query: &str) -> Cow<'_, str> {
    if is_normal_query(query) {
        return Cow::Borrowed(query);
    }
    let mut text = String::with_capacity(query.len());
    for (name, value) in self::query(Some(query)) {
        if !text.is_empty() {
            text.push('&');
        }
        push_escaped(&mut text, &name, &['%', '+', '&', '=']);
        // A parameter without anything differs from none.
        if !value.is_empty() || name.is_empty() {
            text.push('=');
        }
        push_escaped(&mut text, &value, &['%', '+', '&']);
    }
    Cow::Owned(text)
}

/// Returns whether a query has nothing to decode, and neither empty parameters nor any that end with `=`.
fn is_normal_query(query: &str) -> bool {
    let mut last = b'&';
    let is_plain = query.bytes().all(|byte| {
        let is_plain = !matches!((last, byte), (_, b'%' | b'+') | (b'&' | b'=', b'&'));
        last = byte;
        is_plain
    });
    is_plain && (query.is_empty() || !matches!(last, b'&' | b'='))
}

fn push_escaped(text: &mut String, part: &str, special: &[char]) {
    for letter in part.chars() {
        if special.contains(&letter) {
            text.push('%');
        }
        text.push(letter);
    }
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
    fn queries_with_the_same_parameters_have_one_form() {
        for (written, expected) in [
            ("", ""),
            ("&&", ""),
            ("a=1&b=2", "a=1&b=2"),
            ("a=1&&b=2&", "a=1&b=2"),
            ("%61=%31&b=2", "a=1&b=2"),
            ("a", "a"),
            ("a=", "a"),
            ("a&b=", "a&b"),
            ("=", "="),
            ("&=", "="),
            ("a=b=c", "a=b=c"),
            ("a%3Db=c", "a%=b=c"),
            ("a=b%26c=d", "a=b%&c=d"),
            ("a=%2B", "a=%+"),
            ("a=+", "a= "),
            ("a=%25+", "a=%% "),
        ] {
            assert_eq!(query_text(written), expected, "{written}");
        }
    }

    #[test]
    fn paths_in_their_normal_form_are_not_decoded() {
        for written in ["/", "/posts/1", "/posts/1/", "/a.b/c..", "/ä"] {
            assert!(is_normal(written), "{written}");
            assert_eq!(path(written.as_bytes()), written);
        }
        for written in ["//", "/a//b", "/.", "/a/../b", "/.well-known", "/%61"] {
            assert!(!is_normal(written), "{written}");
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
