//! `Vary`: the names are a set, and what a request says under them can be read back from a key.

#![no_main]

use actix_web::http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, VARY};
use cache_page_runtime::fuzzing::{said, vary};
use libfuzzer_sys::fuzz_target;

/// RFC 9110 5.6.2.
fn is_token(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

fn take<'k>(key: &mut &'k [u8], length: usize) -> &'k [u8] {
    let (taken, rest) = key.split_at(length);
    *key = rest;
    taken
}

fn framed<'k>(key: &mut &'k [u8]) -> &'k [u8] {
    let length = usize::from_le_bytes(take(key, size_of::<usize>()).try_into().unwrap());
    take(key, length)
}

fuzz_target!(|data: &[u8]| {
    let (named, asked) = data.split_at(data.iter().position(|&byte| byte == 0).unwrap_or(data.len()));
    let mut response = HeaderMap::new();
    for line in named.split(|&byte| byte == b'\n') {
        HeaderValue::from_bytes(line).map(|line| response.append(VARY, line)).ok();
    }
    let members = || {
        let lines = response.get_all(VARY).flat_map(|line| line.as_bytes().split(|&byte| byte == b','));
        lines.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty())
    };
    let Some(names) = vary(&response) else {
        assert!(
            members().any(|name| name == b"*" || !is_token(name) || HeaderName::from_bytes(name).is_err())
        );
        return;
    };
    assert!(members().all(|name| name != b"*" && is_token(name)));
    let mut meant: Vec<_> = members().map(<[u8]>::to_ascii_lowercase).collect();
    meant.sort_unstable();
    meant.dedup();
    assert_eq!(names.iter().map(|name| name.as_str().as_bytes()).collect::<Vec<_>>(), meant);

    // A request says something under some of the names: which one is the first byte of a line.
    let mut request = HeaderMap::new();
    for line in asked.split(|&byte| byte == b'\n') {
        let Some((which, line)) = line.split_first() else { continue };
        let name = names.get(usize::from(*which) % names.len().max(1)).cloned().unwrap_or(COOKIE);
        HeaderValue::from_bytes(line).map(|line| request.append(name, line)).ok();
    }
    let key = said(&names, &request);
    let mut rest = &key[..];
    for name in &names {
        assert_eq!(framed(&mut rest), name.as_str().as_bytes());
        let lines: Vec<_> = request.get_all(name).map(|line| line.as_bytes().trim_ascii()).collect();
        match take(&mut rest, 1) {
            [0] => assert!(lines.is_empty()),
            [1] => {
                let separator: &[u8] = if *name == COOKIE { b"; " } else { b", " };
                assert!(!lines.is_empty());
                assert_eq!(framed(&mut rest), lines.join(separator));
            }
            other => panic!("neither absent nor present: {other:?}"),
        }
    }
    assert!(rest.is_empty());
});
