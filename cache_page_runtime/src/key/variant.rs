//! The secondary key of a variant: the request header values that its response varies by (RFC 9111 4.1).

use actix_web::http::header::{HeaderMap, HeaderName};

use super::key_buf::KeyBuf;

/// Appends the values of the request headers `names` to a key.
///
/// An absent header differs from an empty one, and each field line is framed. RFC 9110 5.3 allows to join lines, but a handler that
/// calls `HeaderMap::get` sees the first one only: by splitting a header, a client would store a page of its first line for those
/// who send it in one line.
pub(crate) fn push_variant_values(key: &mut KeyBuf, names: &[HeaderName], request: &HeaderMap) {
    for name in names {
        push_framed(key, name.as_str().as_bytes());
        for line in request.get_all(name) {
            key.push(1);
            push_framed(key, line.as_bytes());
        }
        key.push(0);
    }
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
        push_variant_values(&mut key, &[ACCEPT, COOKIE], &request);
        key.as_slice().to_vec()
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
