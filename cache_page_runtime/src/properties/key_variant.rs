//! Variant keys.

use actix_web::http::header::{ACCEPT, ACCEPT_LANGUAGE, COOKIE, HeaderMap, HeaderName};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    key::{KeyBuf, push_variant_values},
    properties::{headers, value},
};

/// Returns the value of a request header with its field lines joined, or `None` if the header is absent.
fn joined_value(request: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let lines: Vec<_> = request.get_all(name).map(|line| line.as_bytes().trim_ascii()).collect();
    let separator: &[u8] = if *name == COOKIE { b"; " } else { b", " };
    (!lines.is_empty()).then(|| lines.join(separator))
}

fn request() -> impl Strategy<Value = HeaderMap> {
    let text = vec(select(&[b'a', b',', b' ', b';', 0xff][..]), 0..4).prop_map(|bytes| value(&bytes));
    vec((select(&[ACCEPT_LANGUAGE, COOKIE, ACCEPT]), text), 0..4).prop_map(headers)
}

fn variant_values(names: &[HeaderName], request: &HeaderMap) -> Vec<u8> {
    let mut key = KeyBuf::new();
    push_variant_values(&mut key, names, request);
    key.as_slice().to_vec()
}

proptest! {
    #[test]
    fn variant_is_shared_iff_header_values_are_equal(one in request(), other in request(), mask in 0..8_usize) {
        let names: Vec<_> = [ACCEPT, ACCEPT_LANGUAGE, COOKIE].into_iter().enumerate()
            .filter(|(index, _)| mask >> index & 1 == 1).map(|(_, name)| name).collect();
        let are_equal = names.iter().all(|name| joined_value(&one, name) == joined_value(&other, name));
        prop_assert_eq!(variant_values(&names, &one) == variant_values(&names, &other), are_equal);
    }
}
