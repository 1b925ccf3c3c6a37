//! Variant keys.

use actix_web::http::header::{ACCEPT, ACCEPT_LANGUAGE, COOKIE, HeaderMap, HeaderName, HeaderValue};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    key::{KeyBuf, push_variant_values},
    properties::{headers, value},
};

/// Returns the field lines of a request header.
fn lines<'r>(request: &'r HeaderMap, name: &HeaderName) -> Vec<&'r [u8]> {
    request.get_all(name).map(HeaderValue::as_bytes).collect()
}

fn request() -> impl Strategy<Value = HeaderMap> {
    let text = vec(select(&[b'a', b',', b' ', b';', 0xff][..]), 0..4).prop_map(|bytes| value(&bytes));
    vec((select(&[ACCEPT_LANGUAGE, COOKIE, ACCEPT]), text), 0..4).prop_map(headers)
}

fn variant_values(names: &[HeaderName], request: &HeaderMap) -> Vec<u8> {
    let mut key = KeyBuf::new();
    push_variant_values(&mut key, names, request, &[]);
    key.as_slice().to_vec()
}

proptest! {
    #[test]
    fn variant_is_shared_iff_header_lines_are_equal(one in request(), other in request(), mask in 0..8_usize) {
        let names: Vec<_> = [ACCEPT, ACCEPT_LANGUAGE, COOKIE].into_iter().enumerate()
            .filter(|(index, _)| mask >> index & 1 == 1).map(|(_, name)| name).collect();
        let are_equal = names.iter().all(|name| lines(&one, name) == lines(&other, name));
        prop_assert_eq!(variant_values(&names, &one) == variant_values(&names, &other), are_equal);
    }
}
