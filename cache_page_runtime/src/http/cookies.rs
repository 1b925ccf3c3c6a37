//! Values of request cookies (RFC 6265 5.4).

use std::str;

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use percent_encoding::percent_decode_str;

/// Returns a `Cookie` field that has the cookies in the key alone, as all requests with the same key have them, or `None` if the
/// request has no other fields than that. An empty field stands for none.
pub(crate) fn common_field(headers: &HeaderMap, keyed: &[&str]) -> Option<Vec<u8>> {
    let mut sent = headers.get_all(COOKIE);
    let first = sent.next()?;
    let mut common = Vec::new();
    for name in keyed {
        for value in values(headers, name) {
            let separator = if common.is_empty() { "" } else { "; " };
            common.extend([separator.as_bytes(), name.as_bytes(), b"=", value].concat());
        }
    }
    let is_sent = sent.next().is_none() && first.as_bytes() == common && !common.is_empty();
    (!is_sent).then_some(common)
}

/// Returns every value of the cookie `name`, in order, from all `Cookie` fields.
///
/// Cookies are parsed as actix-web parses them, so that the key and the handler read the same values. actix-web ignores a field
/// that is not UTF-8. Such a field is returned whole, so that no other request has the same values.
pub(crate) fn values<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(COOKIE).map(HeaderValue::as_bytes).flat_map(move |field| {
        let (pairs, invalid) = match str::from_utf8(field) {
            Ok(pairs) => (pairs, None),
            Err(_) => ("", Some(field)),
        };
        let values = pairs.split(';').filter_map(move |pair| value(pair, name));
        invalid.into_iter().chain(values.flat_map(|(mark, value)| mark.into_iter().chain([value])))
    })
}

/// Precedes the value of a cookie whose name is encoded. No value is equal, as cookies are separated by it.
pub(crate) const ENCODED_NAME: &[u8] = b";";

fn value<'h>(pair: &'h str, name: &str) -> Option<(Option<&'h [u8]>, &'h [u8])> {
    let (pair_name, value) = pair.split_once('=')?;
    // actix-web trims all Unicode whitespace.
    let pair_name = pair_name.trim();
    let mark = (pair_name != name).then_some(ENCODED_NAME);
    let is_match = mark.is_none() || percent_decode_str(pair_name).eq(name.bytes());
    is_match.then(|| (mark, value.trim().as_bytes()))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn values_are_collected_from_all_fields() {
        let fields =
            ["theme=dark; id=1;theme = light ", "xtheme=a; theme; THEME=b", "th%65me=\"q=1\"; theme="];
        let headers: HeaderMap =
            fields.iter().map(|field| (COOKIE, HeaderValue::from_static(field))).collect();
        let found: Vec<_> = values(&headers, "theme").collect();
        assert_eq!(found, [&b"dark"[..], b"light", b";", b"\"q=1\"", b""]);
        assert_eq!(values(&headers, "none").count(), 0);
    }

    #[test]
    fn values_are_those_that_actix_web_parses() {
        let found = |fields: &[&[u8]]| -> Vec<Vec<u8>> {
            let fields = fields.iter().map(|field| (COOKIE, HeaderValue::from_bytes(field).unwrap()));
            values(&fields.collect(), "theme").map(<[u8]>::to_vec).collect()
        };
        assert_eq!(found(&[b"\xc2\xa0theme\xe3\x80\x80=a"]), [b"a"]);
        assert_eq!(found(&[b"%20theme=a; t%68eme=%ff"]), [&b";"[..], b"%ff"]);
        assert_eq!(found(&[b"theme=a", b"x=\xff; theme=b"]), [&b"a"[..], b"x=\xff; theme=b"]);
    }
}
