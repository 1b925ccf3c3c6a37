//! Which request headers a response varies by (RFC 9110 12.5.5).

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, VARY};
use smallvec::SmallVec;

use super::list;

/// Header names, sorted and without duplicates, so that equal sets compare equal.
pub(crate) type VaryNames = SmallVec<[HeaderName; 4]>;

/// A member of `Vary`.
enum VaryMember {
    Header(HeaderName),
    /// `*`, or a member that is not a field name: the response may vary by anything.
    Any,
}

/// Inserts a name at its place in the order.
pub(crate) fn insert(names: &mut VaryNames, name: HeaderName) {
    if let Err(index) = names.binary_search_by(|existing| existing.as_str().cmp(name.as_str())) {
        names.insert(index, name);
    }
}

/// Returns the names in `Vary` for which `is_keyed` is false, or `None` if the response may vary by anything.
pub(crate) fn unkeyed(headers: &HeaderMap, is_keyed: impl Fn(&HeaderName) -> bool) -> Option<VaryNames> {
    let mut names = VaryNames::new();
    for member in members(headers.get_all(VARY)) {
        match member {
            VaryMember::Any => return None,
            VaryMember::Header(name) if !is_keyed(&name) => insert(&mut names, name),
            VaryMember::Header(_) => {}
        }
    }
    Some(names)
}

/// Returns whether `Vary` contains this name.
pub(crate) fn contains(headers: &HeaderMap, name: &HeaderName) -> bool {
    members(headers.get_all(VARY)).any(|member| matches!(member, VaryMember::Header(other) if other == *name))
}

/// Returns the names in the given values of `Vary`, ignoring `*` and malformed members.
pub(crate) fn header_names<'h>(values: impl IntoIterator<Item = &'h HeaderValue>) -> VaryNames {
    let mut names = VaryNames::new();
    for member in members(values) {
        if let VaryMember::Header(name) = member {
            insert(&mut names, name);
        }
    }
    names
}

fn members<'h>(values: impl IntoIterator<Item = &'h HeaderValue>) -> impl Iterator<Item = VaryMember> {
    list::members(values).map(|name| match HeaderName::from_bytes(name) {
        // `HeaderName` accepts `*` and quotes. `*` has its own meaning, and a quote is not part of a token (RFC 9110 5.6.2).
        Ok(name) if name.as_str() != "*" && !name.as_str().contains('"') => VaryMember::Header(name),
        _ => VaryMember::Any,
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderValue};

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (VARY, HeaderValue::from_str(value).unwrap())).collect()
    }

    fn unkeyed_names(values: &[&str]) -> Option<Vec<String>> {
        let names = unkeyed(&headers(values), |name| *name == ACCEPT)?;
        Some(names.iter().map(|name| name.as_str().to_owned()).collect())
    }

    #[test]
    fn unkeyed_ignores_order_case_and_padding() {
        assert_eq!(unkeyed_names(&[]), Some(vec![]));
        assert_eq!(unkeyed_names(&["", " , ,"]), Some(vec![]));
        assert_eq!(unkeyed_names(&["ACCEPT"]), Some(vec![]));
        for values in [&["a, b"][..], &["B,A"], &[" b ,\ta", "accept"], &["b", "a"], &["a,b,A,b"]] {
            assert_eq!(unkeyed_names(values), Some(vec!["a".to_owned(), "b".to_owned()]), "{values:?}");
        }
    }

    #[test]
    fn unkeyed_is_none_for_star_and_malformed_members() {
        for values in
            [&["*"][..], &[" * "], &["a, *"], &["a", "*"], &["*,"], &["not a name"], &["a;b"], &["\"a\""]]
        {
            assert_eq!(unkeyed_names(values), None, "{values:?}");
        }
    }

    #[test]
    fn contains_ignores_case_and_reads_all_values() {
        let headers = headers(&["cookie", "Accept, *"]);
        assert!(contains(&headers, &ACCEPT));
        assert!(!contains(&headers, &ACCEPT_LANGUAGE));
    }

    #[test]
    fn header_names_skips_star_and_malformed_members() {
        let names = header_names(headers(&["b, *", "not a name, A"]).get_all(VARY));
        assert_eq!(names.iter().map(HeaderName::as_str).collect::<Vec<_>>(), ["a", "b"]);
    }
}
