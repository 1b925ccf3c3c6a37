//! Cookies: what is taken for no session is none for any reader, and services see no cookie that the key lacks.

#![no_main]

use actix_web::{
    HttpRequest,
    cookie::Cookie,
    http::header::{COOKIE, HeaderValue},
    test::TestRequest,
};
use cache_page_runtime::fuzzing::{common_cookies, has_no_session, identifies};
use libfuzzer_sys::fuzz_target;

fn request(lines: impl IntoIterator<Item = HeaderValue>) -> HttpRequest {
    let mut request = TestRequest::default();
    for line in lines {
        request = request.append_header((COOKIE, line));
    }
    request.to_http_request()
}

/// Returns the names and values of all cookies that a handler reads, decoded and raw.
fn read(request: &HttpRequest) -> Option<[Vec<(String, String)>; 2]> {
    let decoded = request.cookies().ok()?.clone();
    let raw = request.cookies_raw().ok()?.clone();
    let pair = |cookie: &Cookie<'_>| (cookie.name().to_owned(), cookie.value().to_owned());
    Some([decoded, raw].map(|cookies| cookies.iter().map(pair).collect()))
}

fuzz_target!(|data: &[u8]| {
    const KEYED: [&str; 1] = ["theme"];
    let lines = data.split(|&byte| byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok());
    let all = request(lines);
    if !has_no_session(&all, &KEYED) {
        return;
    }
    let read_of_all = read(&all).expect("a field that cannot be parsed is a credential");
    for (name, _) in read_of_all.iter().flatten() {
        assert!(KEYED.contains(&name.as_str()) || !identifies(name), "{name}");
    }
    let kept = match common_cookies(&all, &KEYED) {
        Some(field) if field.is_empty() => request([]),
        Some(field) => request([HeaderValue::from_bytes(&field).expect("it was a value")]),
        None => all.clone(),
    };
    let expected = read_of_all.map(|cookies| {
        cookies.into_iter().filter(|(name, _)| KEYED.contains(&name.as_str())).collect::<Vec<_>>()
    });
    assert_eq!(read(&kept), Some(expected));
    assert_eq!(common_cookies(&kept, &KEYED), None);
});
