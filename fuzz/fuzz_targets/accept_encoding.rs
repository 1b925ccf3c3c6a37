//! `Accept-Encoding`: what is preferred is accepted, and the normal form says the same as the field.

#![no_main]

use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use cache_page_runtime::fuzzing::{accepts_coding, normal_codings, preferred_codings};
use libfuzzer_sys::fuzz_target;

fn headers(values: impl IntoIterator<Item = HeaderValue>) -> HeaderMap {
    values.into_iter().map(|value| (ACCEPT_ENCODING, value)).collect()
}

fn sorted(mut codings: Vec<&'static str>) -> Vec<&'static str> {
    codings.sort_unstable();
    codings
}

fuzz_target!(|data: &[u8]| {
    let values = data.split(|&byte| byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    let request = headers(values);
    let preferred = preferred_codings(&request);
    for coding in &preferred {
        assert!(accepts_coding(&request, &HeaderValue::from_static(coding)), "{coding}");
    }
    if let Some(normal) = normal_codings(&request) {
        let request = headers([normal]);
        assert_eq!(sorted(preferred_codings(&request)), sorted(preferred));
        assert_eq!(normal_codings(&request), None);
    }
});
