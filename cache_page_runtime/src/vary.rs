//! Which request headers a response depends on (RFC 9110 12.5.5).

use actix_web::http::header::{HeaderMap, HeaderName, VARY};

/// What one line of `Vary` names.
enum Named {
    Header(HeaderName),
    /// A star, or something that is no header name: it may depend on anything.
    Anything,
}

fn named(headers: &HeaderMap) -> impl Iterator<Item = Named> {
    headers
        .get_all(VARY)
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
        .map(|name| match HeaderName::from_bytes(name) {
            // A star is a token as well.
            Ok(name) if name.as_str() != "*" => Named::Header(name),
            _ => Named::Anything,
        })
}

/// Whether every header that `Vary` names is one of those that `covered` knows. A star never is.
pub(crate) fn is_covered(headers: &HeaderMap, covered: impl Fn(&HeaderName) -> bool) -> bool {
    named(headers).all(|named| matches!(named, Named::Header(name) if covered(&name)))
}

/// Whether `Vary` names this header.
pub(crate) fn names(headers: &HeaderMap, name: &HeaderName) -> bool {
    named(headers).any(|named| matches!(named, Named::Header(there) if there == *name))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderValue};

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (VARY, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn every_name_on_every_line_must_be_covered() {
        let covered =
            |lines: &[&str]| is_covered(&headers(lines), |name| *name == ACCEPT || *name == ACCEPT_LANGUAGE);
        assert!(covered(&[]));
        assert!(covered(&["", " , "]));
        assert!(covered(&["ACCEPT", " accept-language ,\taccept"]));
        assert!(!covered(&["accept, cookie"]));
        assert!(!covered(&["accept", "cookie"]));
        assert!(!covered(&["accept language"]));
    }

    #[test]
    fn a_star_is_never_covered() {
        for lines in [&["*"][..], &[" * "], &["accept, *"], &["accept", "*"], &["*,"]] {
            assert!(!is_covered(&headers(lines), |_| true), "{lines:?}");
        }
    }

    #[test]
    fn names_are_found_in_any_case_on_any_line() {
        let headers = headers(&["cookie", "Accept, *"]);
        assert!(names(&headers, &ACCEPT));
        assert!(!names(&headers, &ACCEPT_LANGUAGE));
    }
}
