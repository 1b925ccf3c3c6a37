//! The secondary key of a variant: the request header values that its response varies by (RFC 9111 4.1).

use actix_web::http::header::{HeaderMap, HeaderName};

use super::key_buf::KeyBuf;

/// What a function has made of a request header, for the responses that vary by it.
#[derive(Debug)]
pub(crate) struct NormalizedHeader {
    pub(super) name: HeaderName,
    pub(super) value: Box<[u8]>,
}

/// Appends the values of the request headers `names` to a key, or what a function has made of one.
///
/// An absent header differs from an empty one, and each field line is framed. RFC 9110 5.3 allows to join lines, but a handler that
/// calls `HeaderMap::get` sees the first one only: by splitting a header, a client would store a page of its first line for those
/// who send it in one line.
pub(crate) fn push_variant_values(
    key: &mut KeyBuf,
    names: &[HeaderName],
    request: &HeaderMap,
    normalized: &[NormalizedHeader],
) {
    for name in names {
        push_framed(key, name.as_str().as_bytes());
        if let Some(header) = normalized.iter().find(|header| header.name == *name) {
            key.push(2);
            push_framed(key, &header.value);
        } else {
            for line in request.get_all(name) {
                key.push(1);
                push_framed(key, line.as_bytes());
            }
        }
        key.push(0);
    }
}

/// Returns whether a request may have these values, as far as its headers tell. What a function would make of a header is not known.
#[cfg(feature = "inspector")]
pub(super) fn may_have_values(mut values: &[u8], names: &[HeaderName], request: &HeaderMap) -> bool {
    names.iter().all(|name| match strip_values(values, name, request) {
        Some(rest) => {
            values = rest;
            true
        }
        None => false,
    })
}

/// Removes what a key has of a header from its beginning, if a request may have the same.
#[cfg(feature = "inspector")]
fn strip_values<'v>(values: &'v [u8], name: &HeaderName, request: &HeaderMap) -> Option<&'v [u8]> {
    let mut lines = KeyBuf::new();
    push_variant_values(&mut lines, std::slice::from_ref(name), request, &[]);
    if let Some(rest) = values.strip_prefix(lines.as_slice()) {
        return Some(rest);
    }
    let mut normalized = KeyBuf::new();
    push_framed(&mut normalized, name.as_str().as_bytes());
    normalized.push(2);
    let (length, rest) = values.strip_prefix(normalized.as_slice())?.split_first_chunk()?;
    rest.get(usize::from_le_bytes(*length)..)?.strip_prefix(&[0])
}

fn push_framed(key: &mut KeyBuf, bytes: &[u8]) {
    key.extend(&bytes.len().to_le_bytes());
    key.extend(bytes);
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, ACCEPT_LANGUAGE, COOKIE, HeaderValue};

    use super::*;

    fn values(lines: &[(HeaderName, &str)]) -> Vec<u8> {
        let mut request = HeaderMap::new();
        lines
            .iter()
            .for_each(|(name, line)| request.append(name.clone(), HeaderValue::from_str(line).unwrap()));
        let mut key = KeyBuf::new();
        push_variant_values(&mut key, &[ACCEPT, COOKIE], &request, &[]);
        key.as_slice().to_vec()
    }

    #[test]
    fn normalized_value_differs_from_that_of_the_request() {
        let with = |value: &[u8]| {
            let normalized = NormalizedHeader { name: ACCEPT, value: value.into() };
            let mut key = KeyBuf::new();
            push_variant_values(&mut key, &[ACCEPT, COOKIE], &HeaderMap::new(), &[normalized]);
            key.as_slice().to_vec()
        };
        assert_ne!(with(b"a"), with(b"b"));
        assert_ne!(with(b"a"), values(&[(ACCEPT, "a")]));
        assert_ne!(with(b""), values(&[]));
    }

    #[test]
    #[cfg(feature = "inspector")]
    fn request_may_have_values_that_a_function_made() {
        let request = |lines: &[(HeaderName, &'static str)]| -> HeaderMap {
            lines.iter().map(|(name, line)| (name.clone(), HeaderValue::from_static(line))).collect()
        };
        let normalized = NormalizedHeader { name: ACCEPT, value: b"a".as_slice().into() };
        let mut key = KeyBuf::new();
        push_variant_values(&mut key, &[ACCEPT, COOKIE], &request(&[(COOKIE, "c")]), &[normalized]);
        let names = [ACCEPT, COOKIE];
        assert!(may_have_values(key.as_slice(), &names, &request(&[(ACCEPT, "A"), (COOKIE, "c")])));
        assert!(!may_have_values(key.as_slice(), &names, &request(&[(ACCEPT, "A"), (COOKIE, "d")])));
        let plain = values(&[(ACCEPT, "a")]);
        assert!(may_have_values(&plain, &names, &request(&[(ACCEPT, "a")])));
        assert!(!may_have_values(&plain, &names, &request(&[(ACCEPT, "b")])));
    }

    #[test]
    fn variant_values_distinguish_absent_and_split_lines() {
        assert_ne!(values(&[]), values(&[(ACCEPT, "")]));
        assert_ne!(values(&[(ACCEPT, "a")]), values(&[(COOKIE, "a")]));
        assert_ne!(values(&[(ACCEPT, "a")]), values(&[(ACCEPT, "A")]));
        assert_ne!(values(&[(ACCEPT, "a"), (ACCEPT, "b")]), values(&[(ACCEPT, "b"), (ACCEPT, "a")]));
        assert_ne!(values(&[(ACCEPT, "a"), (ACCEPT, "b")]), values(&[(ACCEPT, "a, b")]));
        assert_ne!(values(&[(ACCEPT, "a"), (ACCEPT, "")]), values(&[(ACCEPT, "a")]));
        assert_ne!(values(&[(COOKIE, "a=1"), (COOKIE, "b=2")]), values(&[(COOKIE, "a=1; b=2")]));
        assert_eq!(values(&[(ACCEPT_LANGUAGE, "de")]), values(&[]));
    }
}
