//! Conditional requests and range requests: the response leaves out only what the client already has or did not ask for.

#![no_main]

use actix_web::http::header::{
    HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, RANGE,
};
use cache_page_runtime::fuzzing::select;
use libfuzzer_sys::fuzz_target;

const NAMES: [HeaderName; 6] =
    [IF_NONE_MATCH, RANGE, IF_RANGE, IF_MODIFIED_SINCE, IF_MATCH, IF_UNMODIFIED_SINCE];

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Returns the opaque part of the entity tag with its quotes, if it is valid.
fn opaque_tag(etag: Option<&HeaderValue>) -> Option<&[u8]> {
    let text = etag?.as_bytes().trim_ascii();
    let text = text.strip_prefix(b"W/").unwrap_or(text);
    let is_tag = text.len() >= 2
        && text.first() == Some(&b'"')
        && text.iter().position(|b| *b == b'"') != text.iter().rposition(|b| *b == b'"');
    let inside = if is_tag { &text[1..text.len() - 1] } else { b"\"" };
    let is_etagc = |byte: &u8| *byte == 0x21 || (0x23..=0x7e).contains(byte) || *byte >= 0x80;
    (text.last() == Some(&b'"') && inside.iter().all(is_etagc)).then_some(text)
}

fuzz_target!(|data: &[u8]| {
    let [low, high, rest @ ..] = data else { return };
    let body_len = usize::from(u16::from_le_bytes([*low, *high]));
    let mut fields = rest.split(|&byte| byte == b'\n');
    let value = |field: Option<&[u8]>| {
        field.filter(|value| !value.is_empty()).and_then(|value| HeaderValue::from_bytes(value).ok())
    };
    let (etag, last_modified) = (value(fields.next()), value(fields.next()));
    let mut request = HeaderMap::new();
    // The first byte of each field selects its name.
    for field in fields {
        let Some((index, value)) = field.split_first() else { continue };
        let name = NAMES[usize::from(*index) % NAMES.len()].clone();
        HeaderValue::from_bytes(value).map(|value| request.append(name, value)).ok();
    }
    let selection = |request: &HeaderMap| select(etag.as_ref(), last_modified.as_ref(), body_len, request);

    let opaque_tag = opaque_tag(etag.as_ref());
    match selection(&request) {
        (200, None) => {}
        (206, Some(range)) => {
            assert!(range.start < range.end && range.end <= body_len);
            assert_eq!(request.get_all(RANGE).count(), 1);
            assert!(!request.contains_key(IF_RANGE) || opaque_tag.is_some() || last_modified.is_some());
            let mut same_range = HeaderMap::new();
            let value = format!("bytes={}-{}", range.start, range.end - 1);
            same_range.append(RANGE, HeaderValue::try_from(value).unwrap());
            assert_eq!(selection(&same_range), (206, Some(range)));
        }
        (304, None) if request.contains_key(IF_NONE_MATCH) => {
            let mut lists = request.get_all(IF_NONE_MATCH).map(HeaderValue::as_bytes);
            assert!(
                lists.any(
                    |list| list.trim_ascii() == b"*" || opaque_tag.is_some_and(|tag| contains(list, tag))
                )
            );
        }
        (304, None) => assert!(request.contains_key(IF_MODIFIED_SINCE) && last_modified.is_some()),
        (412, None) => {
            assert!(request.contains_key(IF_MATCH) || request.contains_key(IF_UNMODIFIED_SINCE));
            return;
        }
        (416, None) => assert!(request.contains_key(RANGE)),
        other => panic!("{other:?}"),
    }

    // A client that sends the entity tag of the response has a current copy, whatever else it sends.
    if let (Some(opaque_tag), Some(etag)) = (opaque_tag, &etag) {
        let mut with = request.clone();
        with.append(IF_NONE_MATCH, etag.clone());
        assert_eq!(selection(&with), (304, None));
        with.insert(
            IF_NONE_MATCH,
            HeaderValue::from_bytes(&[b"\"x,\", W/", opaque_tag, b" ,\"y\""].concat()).unwrap(),
        );
        assert_eq!(selection(&with), (304, None));
    }
});
