//! The cookies of a request, one by one (RFC 6265 5.4).

use std::str;

use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue};
use percent_encoding::percent_decode_str;

/// Every value of the cookie of that name, in the order they came in, on however many lines.
///
/// Cookies are found as actix-web finds them: a client must not be able to hide one from the key that the handler sees, nor
/// one from the handler that the key has. Where a line is not UTF-8, it finds none at all: such a line is given as a whole,
/// and no request of other lines has the same values.
pub(crate) fn values<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(COOKIE).map(HeaderValue::as_bytes).flat_map(move |line| {
        let (text, unreadable) = match str::from_utf8(line) {
            Ok(text) => (text, None),
            Err(_) => ("", Some(line)),
        };
        unreadable.into_iter().chain(text.split(';').filter_map(move |pair| value(pair, name)))
    })
}

fn value<'h>(pair: &'h str, name: &str) -> Option<&'h [u8]> {
    let (found, value) = pair.split_once('=')?;
    // Not only ASCII white space is trimmed.
    let found = found.trim();
    let is_meant = found == name || percent_decode_str(found).eq(name.bytes());
    is_meant.then(|| value.trim().as_bytes())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn finds_all_values_of_a_name_on_all_lines() {
        let lines =
            ["theme=dark; id=1;theme = light ", "xtheme=a; theme; THEME=b", "th%65me=\"q=1\"; theme="];
        let headers: HeaderMap = lines.iter().map(|line| (COOKIE, HeaderValue::from_static(line))).collect();
        let found: Vec<_> = values(&headers, "theme").collect();
        assert_eq!(found, [&b"dark"[..], b"light", b"\"q=1\"", b""]);
        assert_eq!(values(&headers, "none").count(), 0);
    }

    #[test]
    fn finds_what_actix_web_finds() {
        let found = |lines: &[&[u8]]| -> Vec<Vec<u8>> {
            let lines = lines.iter().map(|line| (COOKIE, HeaderValue::from_bytes(line).unwrap()));
            values(&lines.collect(), "theme").map(<[u8]>::to_vec).collect()
        };
        assert_eq!(found(&[b"\xc2\xa0theme\xe3\x80\x80=a"]), [b"a"]);
        assert_eq!(found(&[b"%20theme=a; t%68eme=%ff"]), [b"%ff"]);
        assert_eq!(found(&[b"theme=a", b"x=\xff; theme=b"]), [&b"a"[..], b"x=\xff; theme=b"]);
    }
}
