//! Conditional requests and range requests.

use actix_web::http::{
    Method, StatusCode,
    header::{
        HeaderName, HeaderValue, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
        RANGE,
    },
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::{
    http::{Representation, Selection},
    properties::{any_value, at, date_value, headers, padding, second, soup, value},
};

const WORDS: &[&str] =
    &["\"a\"", "W/\"a\"", "\"b,c\"", "W/", "a", "bytes=0-1", "Sun, 06 Nov 1994 08:49:37 GMT"];

/// The part of a valid entity tag between the quotes.
fn opaque_tag() -> impl Strategy<Value = String> {
    "[a!#,;*/W\u{e9}\\\\]{0,3}"
}

fn strong_tag() -> impl Strategy<Value = HeaderValue> {
    opaque_tag().prop_map(|tag| value(format!("\"{tag}\"").as_bytes()))
}

#[derive(Clone, Debug)]
struct Stored {
    status: StatusCode,
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
    date: Option<HeaderValue>,
    body_len: usize,
}

impl Stored {
    fn select(&self, method: &Method, request: &[(HeaderName, HeaderValue)]) -> Selection {
        let representation = Representation {
            status: self.status,
            etag: self.etag.as_ref(),
            last_modified: self.last_modified.as_ref(),
            date: self.date.as_ref(),
            body_len: self.body_len,
            accepts_ranges: true,
            content_type: None,
            is_encoded: false,
            is_encodable: false,
        };
        representation.select(method, &headers(request.iter().cloned()))
    }
}

prop_compose! {
    fn stored()(
        status in prop_oneof![3 => Just(200), 1 => select(&[201, 204, 301, 404][..])],
        etag in option::of(prop_oneof![soup(WORDS), strong_tag()]),
        last_modified in option::of(prop_oneof![any_value(), second().prop_map(date_value)]),
        date in option::of(second().prop_map(date_value)),
        body_len in prop_oneof![0..5_usize, any::<usize>()],
    ) -> Stored {
        Stored { status: StatusCode::from_u16(status).unwrap(), etag, last_modified, date, body_len }
    }
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![3 => Just(Method::GET), 1 => Just(Method::HEAD)]
}

proptest! {
    #[test]
    fn response_is_full_unless_the_request_asks_for_less(
        stored in stored(),
        method in method(),
        request in vec((
            select(&[IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE]),
            prop_oneof![soup(WORDS), any_value(), Just(HeaderValue::from_static("bytes=0-0"))],
        ), 0..4),
    ) {
        let has = |names: &[HeaderName]| request.iter().any(|(name, _)| names.contains(name));
        match stored.select(&method, &request) {
            Selection::Full => {}
            Selection::NotModified => {
                prop_assert!(stored.status.is_success() && has(&[IF_NONE_MATCH, IF_MODIFIED_SINCE]));
            }
            Selection::Partial(range) => {
                prop_assert!(range.start < range.end && range.end <= stored.body_len);
                prop_assert!(stored.status == StatusCode::OK && method == Method::GET && has(&[RANGE]));
            }
            Selection::PreconditionFailed => {
                prop_assert!(stored.status.is_success() && has(&[IF_MATCH, IF_UNMODIFIED_SINCE]));
            }
            Selection::Unsatisfiable => {
                prop_assert!(stored.status == StatusCode::OK && method == Method::GET && has(&[RANGE]));
            }
        }
    }

    #[test]
    fn if_none_match_matches_iff_the_tag_is_listed(
        tag in opaque_tag(),
        is_weak: bool,
        listed in vec((opaque_tag(), any::<bool>(), padding(), padding()), 0..5),
        method in method(),
        since in second(),
    ) {
        let entity_tag = |tag: &str, is_weak| format!("{}\"{tag}\"", if is_weak { "W/" } else { "" });
        let stored = Stored {
            status: StatusCode::OK,
            etag: Some(value(entity_tag(&tag, is_weak).as_bytes())),
            last_modified: None,
            date: Some(date_value(0)),
            body_len: 10,
        };
        let list =
            listed.iter().map(|(tag, weak, before, after)| format!("{before}{}{after}", entity_tag(tag, *weak)));
        let list = value(list.collect::<Vec<_>>().join(",").as_bytes());
        let is_listed = listed.iter().any(|(other, ..)| *other == tag);
        // `If-Modified-Since` would match, but is ignored.
        let request = [(IF_NONE_MATCH, list), (IF_MODIFIED_SINCE, date_value(since))];
        let expected = if is_listed { Selection::NotModified } else { Selection::Full };
        prop_assert_eq!(stored.select(&method, &request), expected);
    }

    #[test]
    fn if_modified_since_compares_dates(modified in second(), since in second()) {
        let stored = Stored {
            status: StatusCode::OK,
            etag: None,
            last_modified: Some(date_value(modified)),
            date: None,
            body_len: 1,
        };
        let selection = stored.select(&Method::GET, &[(IF_MODIFIED_SINCE, date_value(since))]);
        prop_assert_eq!(selection == Selection::NotModified, at(modified) <= at(since));
    }

    #[test]
    fn partial_responses_need_a_matching_strong_validator(
        stored in stored(),
        condition in prop_oneof![soup(WORDS), any_value(), strong_tag()],
    ) {
        let request = [(RANGE, HeaderValue::from_static("bytes=0-0")), (IF_RANGE, condition.clone())];
        if let Selection::Partial(_) = stored.select(&Method::GET, &request) {
            let condition = condition.as_bytes().trim_ascii();
            let is_same = |etag: &Option<HeaderValue>| {
                etag.as_ref().is_some_and(|etag| etag.as_bytes().trim_ascii() == condition)
            };
            prop_assert!(!condition.starts_with(b"W/"));
            prop_assert!(is_same(&stored.etag) || stored.last_modified.is_some());
            prop_assert!(!condition.starts_with(b"\"") || is_same(&stored.etag));
        }
    }
}
