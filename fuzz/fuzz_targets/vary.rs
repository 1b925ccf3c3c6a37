//! `Vary`: its names are a set, and the values of these request headers can be decoded from a variant key.

#![no_main]

use actix_web::http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, VARY};
use cache_page_runtime::fuzzing::{variant_values, vary_names};
use libfuzzer_sys::fuzz_target;

/// RFC 9110 5.6.2.
fn is_token(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

fn take<'k>(key: &mut &'k [u8], len: usize) -> &'k [u8] {
    let (taken, rest) = key.split_at(len);
    *key = rest;
    taken
}

fn framed<'k>(key: &mut &'k [u8]) -> &'k [u8] {
    let len = usize::from_le_bytes(take(key, size_of::<usize>()).try_into().unwrap());
    take(key, len)
}

fuzz_target!(|data: &[u8]| {
    let (vary, fields) = data.split_at(data.iter().position(|&byte| byte == 0).unwrap_or(data.len()));
    let mut response = HeaderMap::new();
    for value in vary.split(|&byte| byte == b'\n') {
        HeaderValue::from_bytes(value).map(|value| response.append(VARY, value)).ok();
    }
    let members = || {
        let members = response.get_all(VARY).flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
        members.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty())
    };
    let Some(names) = vary_names(&response) else {
        assert!(
            members().any(|name| name == b"*" || !is_token(name) || HeaderName::from_bytes(name).is_err())
        );
        return;
    };
    assert!(members().all(|name| name != b"*" && is_token(name)));
    let mut expected: Vec<_> = members().map(<[u8]>::to_ascii_lowercase).collect();
    expected.sort_unstable();
    expected.dedup();
    assert_eq!(names.iter().map(|name| name.as_str().as_bytes()).collect::<Vec<_>>(), expected);

    // The first byte of each field selects its name.
    let mut request = HeaderMap::new();
    for field in fields.split(|&byte| byte == b'\n') {
        let Some((index, value)) = field.split_first() else { continue };
        let name = names.get(usize::from(*index) % names.len().max(1)).cloned().unwrap_or(COOKIE);
        HeaderValue::from_bytes(value).map(|value| request.append(name, value)).ok();
    }
    let Some(key) = variant_values(&names, &request) else { return };
    let mut rest = &key[..];
    for name in &names {
        assert_eq!(framed(&mut rest), name.as_str().as_bytes());
        for line in request.get_all(name) {
            assert_eq!(take(&mut rest, 1), [1], "a line follows");
            assert_eq!(framed(&mut rest), line.as_bytes());
        }
        assert_eq!(take(&mut rest, 1), [0], "no line follows");
    }
    assert!(rest.is_empty());
});
