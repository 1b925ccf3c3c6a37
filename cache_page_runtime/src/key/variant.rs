//! The secondary key of a variant: the request header values that its response varies by (RFC 9111 4.1).

use actix_web::http::header::{COOKIE, HeaderMap, HeaderName};
use smallvec::SmallVec;

use super::key_buf::KeyBuf;

/// Appends the values of the request headers `names` to a key.
///
/// An absent header differs from an empty one. Repeated field lines are joined as RFC 9110 5.3 allows (cookies with a
/// semicolon, RFC 9113 8.2.3), so that requests which split them differently share a variant.
pub(crate) fn push_variant_values(key: &mut KeyBuf, names: &[HeaderName], request: &HeaderMap) {
    for name in names {
        push_framed(key, name.as_str().as_bytes());
        let separator: &[u8] = if *name == COOKIE { b"; " } else { b", " };
        let mut lines = request.get_all(name).map(|line| line.as_bytes().trim_ascii());
        let Some(first) = lines.next() else {
            key.push(0);
            continue;
        };
        key.push(1);
        let mut value = SmallVec::<[u8; 64]>::from_slice(first);
        for line in lines {
            value.extend_from_slice(separator);
            value.extend_from_slice(line);
        }
        push_framed(key, &value);
    }
}

fn push_framed(key: &mut KeyBuf, bytes: &[u8]) {
    key.extend(&bytes.len().to_le_bytes());
    key.extend(bytes);
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderValue};

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
    fn variant_values_distinguish_absent_and_join_lines() {
        assert_ne!(values(&[]), values(&[(ACCEPT, "")]));
        assert_ne!(values(&[(ACCEPT, "a")]), values(&[(COOKIE, "a")]));
        assert_ne!(values(&[(ACCEPT, "a")]), values(&[(ACCEPT, "A")]));
        assert_ne!(values(&[(ACCEPT, "a"), (ACCEPT, "b")]), values(&[(ACCEPT, "b"), (ACCEPT, "a")]));
        assert_eq!(values(&[(ACCEPT, "a"), (ACCEPT, "b")]), values(&[(ACCEPT, " a, b ")]));
        assert_eq!(values(&[(COOKIE, "a=1"), (COOKIE, "b=2")]), values(&[(COOKIE, "a=1; b=2")]));
        assert_eq!(values(&[(ACCEPT_LANGUAGE, "de")]), values(&[]));
    }
}
