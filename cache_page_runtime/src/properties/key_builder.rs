//! Requests meet under one key if a handler finds the same in them, and only then.

use actix_web::{
    HttpRequest,
    http::header::{COOKIE, HeaderName, HeaderValue},
    test::TestRequest,
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::properties::value;
use crate::{KeyBuilder, Policy};

/// Few and small, so that equal and nearly equal ones come up; among them what frames are made of.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = select(&[0, 1, 2, 4, 5, 0x80, 0xfe, 0xff, b'a', b'x'][..]);
    prop_oneof![
        8 => vec(byte, 0..4),
        1 => select(&[252, 253, 254, 255, 256, 300][..]).prop_map(|length| vec![0; length]),
    ]
}

/// A part that an extractor of a user's own adds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Bytes(Vec<u8>),
    Text(String),
    Number(u32),
    Slice(Vec<u8>),
    Header(&'static str),
}

/// The same with what the request says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Read {
    Part(Part),
    Lines(&'static str, Vec<Vec<u8>>),
}

const NAMES: [&str; 2] = ["x-a", "x-b"];

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        bytes().prop_map(Part::Bytes),
        select(&["", "a", "x-a", "\0"][..]).prop_map(|text| Part::Text(text.to_owned())),
        select(&[0, 1, 0xff, 0x6100_0001][..]).prop_map(Part::Number),
        bytes().prop_map(Part::Slice),
        select(&NAMES[..]).prop_map(Part::Header),
        select(&NAMES[..]).prop_map(|name| Part::Bytes(name.as_bytes().to_vec())),
    ]
}

fn lines() -> impl Strategy<Value = Vec<(&'static str, HeaderValue)>> {
    let text = vec(select(&[b'a', b'x', 0xff, b'\t'][..]), 0..3).prop_map(|bytes| value(&bytes));
    vec((select(&NAMES[..]), text), 0..3)
}

fn with_lines(mut request: TestRequest, lines: &[(&'static str, HeaderValue)]) -> HttpRequest {
    for (name, line) in lines {
        request = request.append_header((*name, line.clone()));
    }
    request.to_http_request()
}

fn add(key: &mut KeyBuilder<'_>, part: &Part) {
    match part {
        Part::Bytes(bytes) => key.bytes(bytes),
        Part::Text(text) => key.value(text),
        Part::Number(number) => key.value(number),
        Part::Slice(bytes) => key.value(bytes),
        Part::Header(name) => key.header(name),
    }
}

fn read(request: &HttpRequest, part: &Part) -> Read {
    match part {
        Part::Header(name) => {
            Read::Lines(name, request.headers().get_all(*name).map(|line| line.as_bytes().to_vec()).collect())
        }
        other => Read::Part(other.clone()),
    }
}

fn key_of_parts(request: &HttpRequest, parts: &[Part]) -> (Vec<u8>, Vec<Read>) {
    let mut key = KeyBuilder::new(request);
    parts.iter().for_each(|part| add(&mut key, part));
    (key.parts.key().unwrap().as_bytes().to_vec(), parts.iter().map(|part| read(request, part)).collect())
}

static POLICIES: [Policy; 4] = [
    Policy::new("plain", None),
    Policy::new("headers", None).key_prefix("v2").vary(&["x-a", "x-b"]),
    Policy::new("cookies", None).vary_cookie(&["a", "x"]).query(&["a", "x"]),
    Policy::new("all", None).vary(&["x-b"]).vary_cookie(&["x"]).ignore_query(&["utm_*"]),
];

#[derive(Clone, Debug)]
struct Asked {
    target: String,
    forwarded: Option<&'static str>,
    cookie: Option<&'static str>,
    lines: Vec<(&'static str, HeaderValue)>,
}

prop_compose! {
    fn asked()(
        path in select(&["/", "/a", "/a%2f", "/a/"][..]),
        query in select(&["", "?", "?a", "?a=", "?a=x", "?x=a", "?a=x&x=a", "?x=a&a=x", "?%61=x", "?utm_a=1", "?a=x&a=a"][..]),
        forwarded in select(&[None, Some("host=a"), Some("host=ab"), Some("proto=a;host=b"), Some("host=\"\"")][..]),
        cookie in select(&[None, Some(""), Some("a=x"), Some("x=a"), Some("a=x; x=a"), Some("x=a; x="), Some("a=; x=x")][..]),
        lines in lines(),
    ) -> Asked {
        Asked { target: format!("{path}{query}"), forwarded, cookie, lines }
    }
}

impl Asked {
    fn request(&self) -> HttpRequest {
        let mut request = TestRequest::with_uri(&self.target);
        for (name, line) in [("forwarded", self.forwarded), ("cookie", self.cookie)] {
            if let Some(line) = line {
                request = request.append_header((name, line));
            }
        }
        with_lines(request, &self.lines)
    }
}

/// Everything of a request that a handler under that policy may depend on.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    origin: (String, String),
    path: String,
    query: Option<Vec<(String, String)>>,
    raw_query: Option<String>,
    lines: Vec<Vec<Vec<u8>>>,
    cookies: Vec<Vec<String>>,
}

fn found(request: &HttpRequest, policy: usize) -> Found {
    let info = request.connection_info().clone();
    let counts: Option<fn(&str) -> bool> = match policy {
        2 => Some(|name| name == "a" || name == "x"),
        3 => Some(|name| !name.starts_with("utm_")),
        _ => None,
    };
    let (headers, cookies): (&[&str], &[&str]) =
        [(&[][..], &[][..]), (&["x-a", "x-b"], &[]), (&[], &["a", "x"]), (&["x-b"], &["x"])][policy];
    let query = counts.map(|counts| {
        let all = form_urlencoded::parse(request.query_string().as_bytes()).into_owned();
        let mut pairs: Vec<_> = all.filter(|(name, _)| counts(name)).collect();
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        pairs
    });
    let jar = request.cookies().unwrap().clone();
    Found {
        origin: (info.scheme().to_owned(), info.host().to_owned()),
        path: request.uri().path().to_owned(),
        raw_query: if counts.is_none() { request.uri().query().map(str::to_owned) } else { None },
        query,
        lines: headers
            .iter()
            .map(|name| request.headers().get_all(*name).map(|line| line.as_bytes().to_vec()).collect())
            .collect(),
        cookies: cookies
            .iter()
            .map(|name| {
                jar.iter()
                    .filter(|found| found.name() == *name)
                    .map(|found| found.value().to_owned())
                    .collect()
            })
            .collect(),
    }
}

fn key_of(request: &HttpRequest, policy: usize) -> Vec<u8> {
    let mut key = KeyBuilder::new(request);
    key.push_request(&POLICIES[policy].key_options("", &[]));
    key.parts.key().unwrap().as_bytes().to_vec()
}

proptest! {
    #[test]
    fn different_parts_never_give_one_key(
        (parts, lines) in (vec(part(), 0..4), lines()),
        (others, other_lines) in (vec(part(), 0..4), lines()),
    ) {
        let (one, reads) = key_of_parts(&with_lines(TestRequest::default(), &lines), &parts);
        let (other, other_reads) = key_of_parts(&with_lines(TestRequest::default(), &other_lines), &others);
        prop_assert_eq!(one == other, reads == other_reads);
    }

    /// As above, where both are alike but for one part taken apart or put together.
    #[test]
    fn a_part_never_passes_for_two(head in vec(part(), 0..2), one in part(), tail in vec(part(), 0..2), lines in lines()) {
        let request = with_lines(TestRequest::default(), &lines);
        let around = |parts: &[Part]| key_of_parts(&request, &[&head[..], parts, &tail].concat());
        let (key, read) = around(std::slice::from_ref(&one));
        let mut bytes = match &one {
            Part::Header(name) => vec![Part::Bytes(name.as_bytes().to_vec())],
            _ => vec![],
        };
        let mut builder = KeyBuilder::new(&request);
        add(&mut builder, &one);
        let written = builder.parts.key().unwrap().as_bytes().to_vec();
        bytes.extend((0..=written.len().min(8)).map(|at| Part::Bytes(written[at..].to_vec())));
        for part in bytes {
            let (other, other_read) = around(std::slice::from_ref(&part));
            prop_assert_eq!(key == other, read == other_read);
            let (other, other_read) = around(&[part, Part::Bytes(vec![])]);
            prop_assert_eq!(key == other, read == other_read);
        }
    }

    #[test]
    fn requests_meet_where_a_handler_finds_the_same(one in asked(), other in asked(), policy in 0..4_usize) {
        let (one, other) = (one.request(), other.request());
        let same = found(&one, policy) == found(&other, policy);
        prop_assert_eq!(key_of(&one, policy) == key_of(&other, policy), same);
    }

    #[test]
    fn nothing_is_longer_than_a_key_may_be(sizes in vec(prop_oneof![0..20_usize, 0..9000_usize], 1..6), path in 0..9000_usize) {
        let request = TestRequest::with_uri(&format!("/{}", "a".repeat(path))).to_http_request();
        let mut key = KeyBuilder::new(&request);
        key.push_request(&POLICIES[0].key_options("", &[]));
        let mut least = path;
        for (at, size) in sizes.iter().enumerate() {
            let bytes = vec![0xff_u8; *size];
            if at % 2 == 0 { key.bytes(&bytes) } else { key.value(&bytes[..]) }
            least += size;
            match key.parts.key() {
                Some(key) => prop_assert!(key.as_bytes().len() <= 8192 && key.as_bytes().len() >= least),
                None => prop_assert!(least + 200 > 8192, "an ordinary key is not too long"),
            }
        }
        // Once too long it stays so, whatever else comes.
        let was_too_long = key.parts.key().is_none();
        key.bytes(b"");
        prop_assert!(!was_too_long || key.parts.key().is_none());
    }

    #[test]
    fn what_is_covered_is_told(names in vec(select(&["x-a", "X-A", "x-b", "cookie", "no name"][..]), 0..5)) {
        let request = TestRequest::default().to_http_request();
        let mut key = KeyBuilder::new(&request);
        names.iter().for_each(|name| key.header(name));
        for name in ["x-a", "x-b", "cookie"].map(HeaderName::from_static) {
            let added = names.iter().any(|added| added.eq_ignore_ascii_case(name.as_str()));
            prop_assert_eq!(key.parts.has_header(&name), added);
            prop_assert_eq!(key.parts.vary_names().filter(|told| **told == name).count(), usize::from(added));
        }
        let mut key = KeyBuilder::new(&request);
        key.push_request(&POLICIES[2].key_options("", &[]));
        prop_assert!(!key.parts.has_header(&COOKIE) && key.parts.vary_names().any(|told| *told == COOKIE));
    }
}
