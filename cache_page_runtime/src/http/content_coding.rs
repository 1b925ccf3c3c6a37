//! Which content codings a client accepts (RFC 9110 12.5.3).

use actix_web::http::header::{HeaderMap, HeaderValue};

use super::{
    accept_encoding::{Member, canonical, is_identity, members},
    list,
};

/// Returns whether a request accepts a response with these values of `Content-Encoding`.
///
/// It is stricter than the RFC: a request without `Accept-Encoding` accepts no coding, because clients that cannot decode one seldom
/// say so. Of several weights for a coding, the lowest counts, and a malformed one is zero.
pub(crate) fn accepts<'h>(request: &HeaderMap, codings: impl Iterator<Item = &'h HeaderValue>) -> bool {
    list::members(codings).all(|coding| is_identity(coding) || accepts_coding(request, coding))
}

/// Returns whether a request accepts any coding, so that an outer middleware may encode the response.
pub(crate) fn accepts_any(request: &HeaderMap) -> bool {
    members(request).any(|member| member.weight > 0 && !is_identity(member.coding))
}

fn accepts_coding(request: &HeaderMap, coding: &[u8]) -> bool {
    let (mut named, mut any) = (None, None);
    for Member { coding: listed, weight } in members(request) {
        let accepted = match listed {
            b"*" => &mut any,
            listed if canonical(listed).eq_ignore_ascii_case(canonical(coding)) => &mut named,
            _ => continue,
        };
        *accepted = Some(accepted.unwrap_or(true) && weight > 0);
    }
    named.or(any).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderName};

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
