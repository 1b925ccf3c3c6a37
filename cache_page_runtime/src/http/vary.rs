//! Which request headers a response depends on (RFC 9110 12.5.5).

use actix_web::http::header::{HeaderMap, HeaderName, VARY};
use smallvec::SmallVec;

/// What one line of `Vary` names.
enum VaryMember {
    Header(HeaderName),
    /// A star, or something that is no header name: it may depend on anything.
    Anything,
}

fn named(headers: &HeaderMap) -> impl Iterator<Item = VaryMember> {
    headers
        .get_all(VARY)
        .flat_map(|line| line.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
        .map(|name| match HeaderName::from_bytes(name) {
            // A star is a token as well; and a quote is none (RFC 9110 5.6.2), whatever `HeaderName` takes it for.
            Ok(name) if name.as_str() != "*" && !name.as_str().contains('"') => VaryMember::Header(name),
            _ => VaryMember::Anything,
        })
}

/// The headers that `Vary` names and `covered` does not know, in an order of their own; `None` if it may depend on anything.
pub(crate) fn uncovered(headers: &HeaderMap, covered: impl Fn(&HeaderName) -> bool) -> Option<VaryNames> {
    let mut names = VaryNames::new();
    for named in named(headers) {
        match named {
            VaryMember::Anything => return None,
            VaryMember::Header(name) if !covered(&name) => insert(&mut names, name),
            VaryMember::Header(_) => {}
        }
    }
    Some(names)
}

/// Header names, sorted and each once, so that equal sets are equal.
pub(crate) type VaryNames = SmallVec<[HeaderName; 4]>;

/// Adds a name in its place.
pub(crate) fn insert(names: &mut VaryNames, name: HeaderName) {
    if let Err(place) = names.binary_search_by(|there| there.as_str().cmp(name.as_str())) {
        names.insert(place, name);
    }
}

/// Whether `Vary` names this header.
pub(crate) fn names(headers: &HeaderMap, name: &HeaderName) -> bool {
    named(headers).any(|named| matches!(named, VaryMember::Header(there) if there == *name))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderValue};

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (VARY, HeaderValue::from_str(line).unwrap())).collect()
    }

    fn uncovered_names(lines: &[&str]) -> Option<Vec<String>> {
        let names = uncovered(&headers(lines), |name| *name == ACCEPT)?;
        Some(names.iter().map(|name| name.as_str().to_owned()).collect())
    }

    #[test]
    fn order_case_and_padding_of_names_do_not_matter() {
        assert_eq!(uncovered_names(&[]), Some(vec![]));
        assert_eq!(uncovered_names(&["", " , ,"]), Some(vec![]));
        assert_eq!(uncovered_names(&["ACCEPT"]), Some(vec![]));
        for lines in [&["a, b"][..], &["B,A"], &[" b ,\ta", "accept"], &["b", "a"], &["a,b,A,b"]] {
            assert_eq!(uncovered_names(lines), Some(vec!["a".to_owned(), "b".to_owned()]), "{lines:?}");
        }
    }

    #[test]
    fn a_star_or_garbage_may_be_anything() {
        for lines in
            [&["*"][..], &[" * "], &["a, *"], &["a", "*"], &["*,"], &["not a name"], &["a;b"], &["\"a\""]]
        {
            assert_eq!(uncovered_names(lines), None, "{lines:?}");
        }
    }

    #[test]
    fn names_are_found_in_any_case_on_any_line() {
        let headers = headers(&["cookie", "Accept, *"]);
        assert!(names(&headers, &ACCEPT));
        assert!(!names(&headers, &ACCEPT_LANGUAGE));
    }
}
