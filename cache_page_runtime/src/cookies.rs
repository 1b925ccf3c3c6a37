//! The cookies of a request, one by one (RFC 6265 5.4).

use actix_web::http::header::{COOKIE, HeaderMap};
use percent_encoding::percent_decode;

/// Every value of the cookie of that name, in the order they came in, on however many lines.
pub(crate) fn values<'h>(headers: &'h HeaderMap, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
    headers.get_all(COOKIE).flat_map(|line| line.as_bytes().split(|&byte| byte == b';')).filter_map(
        move |pair| {
            let equals = pair.iter().position(|&byte| byte == b'=')?;
            // actix-web decodes names: a client must not be able to hide a cookie from the key that the handler finds.
            let found = percent_decode(pair[..equals].trim_ascii());
            found.eq(name.bytes()).then(|| pair[equals + 1..].trim_ascii())
        },
    )
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
}
