//! Keys of requests: equal if and only if a handler reads the same from both requests.

use actix_web::{
    HttpRequest,
    http::header::{COOKIE, HeaderName, HeaderValue},
    test::TestRequest,
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::properties::value;
use crate::{KeyBuilder, Policy, http::RequestOrigin, policy::HandlerPolicy};

/// Byte strings from a small alphabet that includes the markers of frames, so that equal and similar keys are likely.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = select(&[0, 1, 2, 4, 5, 0x80, 0xf9, 0xfa, 0xfc, 0xfd, 0xfe, 0xff, b'a', b'x'][..]);
    prop_oneof![
        8 => vec(byte, 0..4),
        1 => select(&[248, 249, 250, 253, 254, 255, 256, 300][..]).prop_map(|length| vec![0; length]),
    ]
}

/// A part that a custom extractor adds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Bytes(Vec<u8>),
    Text(String),
    Number(u32),
    Slice(Vec<u8>),
    Header(&'static str),
}

/// A part, with the values that a header has in the request.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Read {
    Part(Part),
    HeaderValues(&'static str, Vec<Vec<u8>>),
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

fn header_values() -> impl Strategy<Value = Vec<(&'static str, HeaderValue)>> {
    let text = vec(select(&[b'a', b'x', 0xff, b'\t'][..]), 0..3).prop_map(|bytes| value(&bytes));
    vec((select(&NAMES[..]), text), 0..3)
}

fn with_headers(mut request: TestRequest, values: &[(&'static str, HeaderValue)]) -> HttpRequest {
    for (name, value) in values {
        request = request.append_header((*name, value.clone()));
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
        Part::Header(name) => Read::HeaderValues(
            name,
            request.headers().get_all(*name).map(|value| value.as_bytes().to_vec()).collect(),
        ),
        other => Read::Part(other.clone()),
    }
}

fn key_of_parts(request: &HttpRequest, parts: &[Part]) -> (Vec<u8>, Vec<Read>) {
    let mut key = KeyBuilder::new(request);
    parts.iter().for_each(|part| add(&mut key, part));
    (key.parts.key().unwrap().as_bytes().to_vec(), parts.iter().map(|part| read(request, part)).collect())
}

static POLICIES: [HandlerPolicy; 4] = [
    Policy::with_ttl(None).for_handler("plain"),
    Policy::with_ttl(None).key_prefix("v2").vary(&["x-a", "x-b"]).for_handler("headers"),
    Policy::with_ttl(None).vary_cookie(&["a", "x"]).query(&["a", "x"]).for_handler("cookies"),
    Policy::with_ttl(None).vary(&["x-b"]).vary_cookie(&["x"]).ignore_query(&["utm_*"]).for_handler("all"),
];

#[derive(Clone, Debug)]
struct RequestSpec {
    target: String,
    forwarded: Option<&'static str>,
    cookie: Option<&'static str>,
    values: Vec<(&'static str, HeaderValue)>,
}

prop_compose! {
    fn request_spec()(
        path in select(&["/", "/a", "/a%2f", "/a/"][..]),
        query in select(&["", "?", "?a", "?a=", "?a=x", "?x=a", "?a=x&x=a", "?x=a&a=x", "?%61=x", "?utm_a=1", "?a=x&a=a"][..]),
        forwarded in select(&[None, Some("host=a"), Some("host=ab"), Some("proto=a;host=b"), Some("host=\"\"")][..]),
        cookie in select(&[None, Some(""), Some("a=x"), Some("x=a"), Some("a=x; x=a"), Some("x=a; x="), Some("a=; x=x")][..]),
        values in header_values(),
    ) -> RequestSpec {
        RequestSpec { target: format!("{path}{query}"), forwarded, cookie, values }
    }
}

impl RequestSpec {
    fn request(&self) -> HttpRequest {
        let mut request = TestRequest::with_uri(&self.target);
        for (name, value) in [("forwarded", self.forwarded), ("cookie", self.cookie)] {
            if let Some(value) = value {
                request = request.append_header((name, value));
            }
        }
        with_headers(request, &self.values)
    }
}

/// Everything that a handler with one of the policies may read from a request.
#[derive(Debug, PartialEq, Eq)]
struct HandlerView {
    origin: (String, String),
    path: String,
    query: Option<Vec<(String, String)>>,
    raw_query: Option<String>,
    values: Vec<Vec<Vec<u8>>>,
    cookies: Vec<Vec<String>>,
}

fn handler_view(request: &HttpRequest, policy: usize) -> HandlerView {
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
    HandlerView {
        origin: (info.scheme().to_owned(), info.host().to_owned()),
        path: request.uri().path().to_owned(),
        raw_query: if counts.is_none() { request.uri().query().map(str::to_owned) } else { None },
        query,
        values: headers
            .iter()
            .map(|name| request.headers().get_all(*name).map(|value| value.as_bytes().to_vec()).collect())
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
    key.push_varied(&POLICIES[policy].key_options(&[], None));
    key.push_url(&RequestOrigin::of(request), "");
    key.parts.key().unwrap().as_bytes().to_vec()
}

proptest! {
    #[test]
    fn keys_are_equal_iff_parts_are_equal(
        (parts, values) in (vec(part(), 0..4), header_values()),
        (others, other_values) in (vec(part(), 0..4), header_values()),
    ) {
        let (one, reads) = key_of_parts(&with_headers(TestRequest::default(), &values), &parts);
        let (other, other_reads) = key_of_parts(&with_headers(TestRequest::default(), &other_values), &others);
        prop_assert_eq!(one == other, reads == other_reads);
    }

    /// Compares a part with the same bytes split into other parts.
    #[test]
    fn one_part_never_equals_two_parts(head in vec(part(), 0..2), one in part(), tail in vec(part(), 0..2), values in header_values()) {
        let request = with_headers(TestRequest::default(), &values);
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
    fn keys_are_equal_iff_handler_reads_the_same(one in request_spec(), other in request_spec(), policy in 0..4_usize) {
        let (one, other) = (one.request(), other.request());
        let same = handler_view(&one, policy) == handler_view(&other, policy);
        prop_assert_eq!(key_of(&one, policy) == key_of(&other, policy), same);
    }

    #[test]
    fn key_length_is_limited(sizes in vec(prop_oneof![0..20_usize, 0..9000_usize], 1..6), path in 0..9000_usize) {
        let request = TestRequest::with_uri(&format!("/{}", "a".repeat(path))).to_http_request();
        let mut key = KeyBuilder::new(&request);
        key.push_varied(&POLICIES[0].key_options(&[], None));
        key.push_url(&RequestOrigin::of(&request), "");
        let mut least = path;
        for (at, size) in sizes.iter().enumerate() {
            let bytes = vec![0xff_u8; *size];
            if at % 2 == 0 { key.bytes(&bytes) } else { key.value(&bytes[..]) }
            least += size;
            match key.parts.key() {
                Some(key) => prop_assert!(key.as_bytes().len() <= 8192 && key.as_bytes().len() >= least),
                None => prop_assert!(least + 200 > 8192, "a short key is not too long"),
            }
        }
        // A key that is too long stays so.
        let was_too_long = key.parts.key().is_none();
        key.bytes(b"");
        prop_assert!(!was_too_long || key.parts.key().is_none());
    }

    #[test]
    fn keyed_headers_are_in_vary(names in vec(select(&["x-a", "X-A", "x-b", "cookie", "no name"][..]), 0..5)) {
        let request = TestRequest::default().to_http_request();
        let mut key = KeyBuilder::new(&request);
        names.iter().for_each(|name| key.header(name));
        for name in ["x-a", "x-b", "cookie"].map(HeaderName::from_static) {
            let added = names.iter().any(|added| added.eq_ignore_ascii_case(name.as_str()));
            prop_assert_eq!(key.parts.has_header(&name), added);
            prop_assert_eq!(key.parts.vary_names().filter(|listed| **listed == name).count(), usize::from(added));
        }
        let mut key = KeyBuilder::new(&request);
        key.push_varied(&POLICIES[2].key_options(&[], None));
        prop_assert!(!key.parts.has_header(&COOKIE) && key.parts.vary_names().any(|listed| *listed == COOKIE));
    }
}
