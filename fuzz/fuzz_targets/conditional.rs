//! `If-None-Match`, `If-Range` and `Range`: nobody is left without bytes that he does not have.

#![no_main]

use actix_web::http::header::{
    HeaderMap, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use cache_page_runtime::fuzzing::conditional;
use libfuzzer_sys::fuzz_target;

const NAMES: [HeaderName; 4] = [IF_NONE_MATCH, RANGE, IF_RANGE, IF_MODIFIED_SINCE];

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The tag of the page with its quotes, if it is one at all.
fn own(etag: Option<&HeaderValue>) -> Option<&[u8]> {
    let text = etag?.as_bytes().trim_ascii();
    let text = text.strip_prefix(b"W/").unwrap_or(text);
    let is_tag = text.len() >= 2
        && text.first() == Some(&b'"')
        && text.iter().position(|b| *b == b'"') != text.iter().rposition(|b| *b == b'"');
    let inside = if is_tag { &text[1..text.len() - 1] } else { b"\"" };
    let is_inside = |byte: &u8| *byte == 0x21 || (0x23..=0x7e).contains(byte) || *byte >= 0x80;
    (text.last() == Some(&b'"') && inside.iter().all(is_inside)).then_some(text)
}

fuzz_target!(|data: &[u8]| {
    let [low, high, rest @ ..] = data else { return };
    let length = usize::from(u16::from_le_bytes([*low, *high]));
    let mut lines = rest.split(|&byte| byte == b'\n');
    let value = |line: Option<&[u8]>| {
        line.filter(|line| !line.is_empty()).and_then(|line| HeaderValue::from_bytes(line).ok())
    };
    let (etag, last_modified) = (value(lines.next()), value(lines.next()));
    let mut request = HeaderMap::new();
    for line in lines {
        let Some((which, line)) = line.split_first() else { continue };
        let name = NAMES[usize::from(*which) % NAMES.len()].clone();
        HeaderValue::from_bytes(line).map(|line| request.append(name, line)).ok();
    }
    let answer = |request: &HeaderMap| conditional(etag.as_ref(), last_modified.as_ref(), length, request);

    let own = own(etag.as_ref());
    match answer(&request) {
        (200, None) => {}
        (206, Some(part)) => {
            assert!(part.start < part.end && part.end <= length);
            assert_eq!(request.get_all(RANGE).count(), 1);
            assert!(!request.contains_key(IF_RANGE) || own.is_some() || last_modified.is_some());
            let mut again = HeaderMap::new();
            let line = format!("bytes={}-{}", part.start, part.end - 1);
            again.append(RANGE, HeaderValue::try_from(line).unwrap());
            assert_eq!(answer(&again), (206, Some(part)));
        }
        (304, None) if request.contains_key(IF_NONE_MATCH) => {
            let mut tags = request.get_all(IF_NONE_MATCH).map(HeaderValue::as_bytes);
            assert!(tags.any(|line| line.trim_ascii() == b"*" || own.is_some_and(|own| contains(line, own))));
        }
        (304, None) => assert!(request.contains_key(IF_MODIFIED_SINCE) && last_modified.is_some()),
        (416, None) => assert!(request.contains_key(RANGE)),
        other => panic!("{other:?}"),
    }

    // A client that gives back the tag it was sent has a good copy, whatever else it has.
    if let (Some(own), Some(etag)) = (own, &etag) {
        let mut with = request.clone();
        with.append(IF_NONE_MATCH, etag.clone());
        assert_eq!(answer(&with), (304, None));
        with.insert(
            IF_NONE_MATCH,
            HeaderValue::from_bytes(&[b"\"x,\", W/", own, b" ,\"y\""].concat()).unwrap(),
        );
        assert_eq!(answer(&with), (304, None));
    }
});
