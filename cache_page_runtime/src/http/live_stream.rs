//! Responses that are sent as things happen, and may never end.

use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

/// Media types whose parts are used one by one, as they arrive.
const LIVE_TYPES: [&[u8]; 8] = [
    b"application/x-ndjson",
    b"application/ndjson",
    b"application/jsonl",
    b"application/x-jsonlines",
    b"application/json-seq",
    b"application/stream+json",
    b"application/x-json-stream",
    b"multipart/x-mixed-replace",
];

/// Returns whether a response without a length is probably sent as things happen: by its media type, or because it asks proxies not to
/// buffer it.
///
/// No request should wait for its end.
pub(crate) fn is_live(headers: &HeaderMap) -> bool {
    let is_unbuffered = || headers.get("x-accel-buffering").is_some_and(|value| is(value, b"no"));
    headers.get(CONTENT_TYPE).is_some_and(has_live_type) || is_unbuffered()
}

fn has_live_type(content_type: &HeaderValue) -> bool {
    LIVE_TYPES.into_iter().any(|live| is(content_type, live))
}

/// Compares a value without its parameters.
fn is(value: &HeaderValue, expected: &[u8]) -> bool {
    let essence = value.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
    essence.trim_ascii().eq_ignore_ascii_case(expected)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    fn live(name: &'static str, value: &'static str) -> bool {
        let header = (HeaderName::from_static(name), HeaderValue::from_static(value));
        is_live(&[header].into_iter().collect())
    }

    #[test]
    fn streams_of_parts_are_live() {
        for value in [
            "application/x-ndjson",
            "Application/JSONL; charset=utf-8",
            "multipart/x-mixed-replace;boundary=a",
        ] {
            assert!(live("content-type", value), "{value}");
        }
        for value in
            ["text/html", "application/json", "multipart/form-data; boundary=application/x-ndjson", ""]
        {
            assert!(!live("content-type", value), "{value}");
        }
        assert!(live("x-accel-buffering", "no"));
        assert!(!live("x-accel-buffering", "yes"));
        assert!(!is_live(&HeaderMap::new()));
    }
}
