//! How much of a page answers a request.

use actix_web::http::{
    Method, StatusCode,
    header::{HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, RANGE},
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::http::{conditional::Representation, range::Selection};
use crate::properties::{at, date_line, headers, line, padding, second, soup, value};

const WORDS: &[&str] =
    &["\"a\"", "W/\"a\"", "\"b,c\"", "W/", "a", "bytes=0-1", "Sun, 06 Nov 1994 08:49:37 GMT"];

/// A tag as the grammar has it.
fn opaque() -> impl Strategy<Value = String> {
    "[a!#,;*/W\u{e9}\\\\]{0,3}"
}

#[derive(Clone, Debug)]
struct Kept {
    status: StatusCode,
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
    date: Option<HeaderValue>,
    length: usize,
}

impl Kept {
    fn extent(&self, method: &Method, request: &[(HeaderName, HeaderValue)]) -> Selection {
        let representation = Representation {
            status: self.status,
            etag: self.etag.as_ref(),
            last_modified: self.last_modified.as_ref(),
            date: self.date.as_ref(),
            body_len: self.length,
            accepts_ranges: true,
        };
        representation.select(method, &headers(request.iter().cloned()))
    }
}

prop_compose! {
    fn kept()(
        status in prop_oneof![3 => Just(200), 1 => select(&[201, 204, 301, 404][..])],
        etag in option::of(prop_oneof![soup(WORDS), opaque().prop_map(|tag| value(format!("\"{tag}\"").as_bytes()))]),
        last_modified in option::of(prop_oneof![line(), second().prop_map(date_line)]),
        date in option::of(second().prop_map(date_line)),
        length in prop_oneof![0..5_usize, any::<usize>()],
    ) -> Kept {
        Kept { status: StatusCode::from_u16(status).unwrap(), etag, last_modified, date, length }
    }
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![3 => Just(Method::GET), 1 => Just(Method::HEAD)]
}

proptest! {
    #[test]
    fn nothing_is_left_out_unasked(
        page in kept(),
        method in method(),
        request in vec((
            select(&[IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_RANGE, RANGE]),
            prop_oneof![soup(WORDS), line(), Just(HeaderValue::from_static("bytes=0-0"))],
        ), 0..4),
    ) {
        let asks = |wanted: &[HeaderName]| request.iter().any(|(name, _)| wanted.contains(name));
        match page.extent(&method, &request) {
            Selection::Full => {}
            Selection::NotModified => {
                prop_assert!(page.status.is_success() && asks(&[IF_NONE_MATCH, IF_MODIFIED_SINCE]));
            }
            Selection::Partial(part) => {
                prop_assert!(part.start < part.end && part.end <= page.length);
                prop_assert!(page.status == StatusCode::OK && method == Method::GET && asks(&[RANGE]));
            }
            Selection::Unsatisfiable => {
                prop_assert!(page.status == StatusCode::OK && method == Method::GET && asks(&[RANGE]));
            }
        }
    }

    #[test]
    fn a_listed_tag_is_found_and_no_other(
        own in opaque(),
        own_is_weak: bool,
        listed in vec((opaque(), any::<bool>(), padding(), padding()), 0..5),
        method in method(),
        since in second(),
    ) {
        let tag = |opaque: &str, weak| format!("{}\"{opaque}\"", if weak { "W/" } else { "" });
        let page = Kept {
            status: StatusCode::OK,
            etag: Some(value(tag(&own, own_is_weak).as_bytes())),
            last_modified: None,
            date: Some(date_line(0)),
            length: 10,
        };
        let list = listed.iter().map(|(opaque, weak, before, after)| format!("{before}{}{after}", tag(opaque, *weak)));
        let list = value(list.collect::<Vec<_>>().join(",").as_bytes());
        let is_listed = listed.iter().any(|(opaque, ..)| *opaque == own);
        // The date of the page would say yes, and is not asked.
        let request = [(IF_NONE_MATCH, list), (IF_MODIFIED_SINCE, date_line(since))];
        let meant = if is_listed { Selection::NotModified } else { Selection::Full };
        prop_assert_eq!(page.extent(&method, &request), meant);
    }

    #[test]
    fn a_date_is_compared_as_a_date(changed in second(), known in second()) {
        let page = Kept {
            status: StatusCode::OK,
            etag: None,
            last_modified: Some(date_line(changed)),
            date: None,
            length: 1,
        };
        let extent = page.extent(&Method::GET, &[(IF_MODIFIED_SINCE, date_line(known))]);
        prop_assert_eq!(extent == Selection::NotModified, at(changed) <= at(known));
    }

    #[test]
    fn parts_of_two_versions_never_meet(page in kept(), condition in prop_oneof![soup(WORDS), line(), opaque().prop_map(|tag| value(format!("\"{tag}\"").as_bytes()))]) {
        let request = [(RANGE, HeaderValue::from_static("bytes=0-0")), (IF_RANGE, condition.clone())];
        if let Selection::Partial(_) = page.extent(&Method::GET, &request) {
            let told = condition.as_bytes().trim_ascii();
            let same = |own: &Option<HeaderValue>| {
                own.as_ref().is_some_and(|own| own.as_bytes().trim_ascii() == told)
            };
            prop_assert!(!told.starts_with(b"W/"));
            prop_assert!(same(&page.etag) || page.last_modified.is_some());
            prop_assert!(!told.starts_with(b"\"") || same(&page.etag));
        }
    }
}
