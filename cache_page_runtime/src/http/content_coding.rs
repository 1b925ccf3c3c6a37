//! Which content codings a client accepts (RFC 9110 12.5.3).

use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};

use super::list;

/// A member of `Accept-Encoding`.
struct Preference<'h> {
    coding: &'h [u8],
    /// Whether its weight is more than zero.
    is_accepted: bool,
}

/// Returns whether a request accepts a response with these values of `Content-Encoding`.
///
/// It is stricter than the RFC: a request without `Accept-Encoding` accepts no coding, because clients that cannot decode one seldom
/// say so. Of several weights for a coding, the lowest counts, and a malformed one is zero.
pub(crate) fn accepts<'h>(request: &HeaderMap, codings: impl Iterator<Item = &'h HeaderValue>) -> bool {
    list::members(codings).all(|coding| is_identity(coding) || accepts_coding(request, coding))
}

/// Returns whether a request accepts any coding, so that an outer middleware may encode the response.
pub(crate) fn accepts_any(request: &HeaderMap) -> bool {
    preferences(request).any(|preference| preference.is_accepted && !is_identity(preference.coding))
}

fn accepts_coding(request: &HeaderMap, coding: &[u8]) -> bool {
    let (mut named, mut any) = (None, None);
    for Preference { coding: listed, is_accepted } in preferences(request) {
        let accepted = match listed {
            b"*" => &mut any,
            listed if canonical(listed).eq_ignore_ascii_case(canonical(coding)) => &mut named,
            _ => continue,
        };
        *accepted = Some(accepted.unwrap_or(true) && is_accepted);
    }
    named.or(any).unwrap_or(false)
}

fn preferences(request: &HeaderMap) -> impl Iterator<Item = Preference<'_>> {
    list::members(request.get_all(ACCEPT_ENCODING)).map(|member| {
        let mut parts = member.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let coding = parts.next().unwrap_or_default();
        Preference { coding, is_accepted: !coding.is_empty() && parts.all(is_positive_weight) }
    })
}

/// Returns whether a parameter is a weight of more than zero (RFC 9110 12.4.2).
fn is_positive_weight(parameter: &[u8]) -> bool {
    let [b'q' | b'Q', b'=', weight @ ..] = parameter else { return false };
    match weight {
        [b'1'] => true,
        [b'1', b'.', decimals @ ..] => decimals.len() <= 3 && decimals.iter().all(|digit| *digit == b'0'),
        [b'0', b'.', decimals @ ..] => {
            decimals.len() <= 3
                && decimals.iter().all(u8::is_ascii_digit)
                && decimals.iter().any(|digit| *digit != b'0')
        }
        _ => false,
    }
}

fn is_identity(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"identity")
}

/// Returns the name of a coding without the prefix of its older name: `x-gzip` is `gzip` (RFC 9110 8.4.1).
fn canonical(coding: &[u8]) -> &[u8] {
    match coding {
        [b'x' | b'X', b'-', coding @ ..] => coding,
        coding => coding,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{CONTENT_ENCODING, HeaderName};

    use super::*;

    fn headers(name: &HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn is_accepted(request: &[&str], response: &[&str]) -> bool {
        let response = headers(&CONTENT_ENCODING, response);
        accepts(&headers(&ACCEPT_ENCODING, request), response.get_all(CONTENT_ENCODING))
    }

    #[test]
    fn coding_is_accepted_by_its_name_or_the_wildcard() {
        for request in [
            &["br"][..],
            &["gzip, br"],
            &["gzip", "br"],
            &["BR;q=0.001"],
            &["br ; q=1.000"],
            &["*"],
            &["gzip;q=0, *;q=0.5"],
            &["br, *;q=0"],
            &["x-br"],
        ] {
            assert!(is_accepted(request, &["br"]), "{request:?}");
        }
        assert!(is_accepted(&["gzip"], &["x-gzip"]));
        assert!(is_accepted(&["X-Gzip"], &["GZIP"]));
    }

    #[test]
    fn coding_is_refused_without_a_mention_or_by_weight_zero() {
        for request in [
            &[][..],
            &[""],
            &["gzip"],
            &["identity"],
            &["b"],
            &["brotli"],
            &["br;q=0"],
            &["br;q=0.000"],
            &["br;q=0, *"],
            &["br, br;q=0"],
            &["*;q=0"],
            &["*;q=0, *"],
            &["br;q=2"],
            &["br;q="],
            &["br;q=0.0001"],
            &["br;level=1"],
            &["br;q=1;x"],
        ] {
            assert!(!is_accepted(request, &["br"]), "{request:?}");
        }
    }

    #[test]
    fn every_coding_of_a_response_must_be_accepted() {
        assert!(is_accepted(&["gzip, br"], &["gzip, br"]));
        assert!(is_accepted(&["gzip, br"], &["gzip", "br"]));
        assert!(!is_accepted(&["gzip"], &["gzip, br"]));
        assert!(!is_accepted(&["br"], &["gzip", "br"]));
    }

    #[test]
    fn identity_is_always_accepted() {
        for response in [&[][..], &[""], &["identity"], &["Identity, identity"]] {
            for request in [&[][..], &["br"], &["identity;q=0"], &["*;q=0"]] {
                assert!(is_accepted(request, response), "{request:?} {response:?}");
            }
        }
    }
}
