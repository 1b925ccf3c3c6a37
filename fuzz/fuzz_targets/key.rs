//! Cache keys: everything that was pushed can be decoded again, so that different requests have different keys.

#![no_main]

use std::hash::{Hash, Hasher};

use actix_web::{
    HttpRequest,
    http::header::{HeaderName, HeaderValue},
    test::TestRequest,
};
use arbitrary::Arbitrary;
use cache_page_runtime::{KeyBuilder, fuzzing};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 3] = ["x-a", "x-ab", "cookie"];

#[derive(Arbitrary, Debug)]
enum Part {
    Bytes(Vec<u8>),
    Text(String),
    Number(u64),
    Mixed(Option<u8>, Vec<u16>, (String, char)),
    Header(u8),
    Cookie(u8),
}

#[derive(Arbitrary, Debug)]
struct Input {
    parts: Vec<Part>,
    fields: Vec<(u8, Vec<u8>)>,
}

/// A decoded part of a key.
#[derive(Debug, PartialEq, Eq)]
enum Decoded {
    Bytes(Vec<u8>),
    Recorded(Vec<Vec<u8>>),
    /// The mark of the list, and its parts.
    List(u8, Vec<Vec<u8>>),
}

const END: u8 = 0xf9;
const HEADER: u8 = 0xfc;
const COOKIE: u8 = 0xfd;
const HASH_INPUT: u8 = 0xfe;
const LONG: u8 = 0xff;

#[derive(Default)]
struct RecordingHasher(Vec<Vec<u8>>);

impl Hasher for RecordingHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.push(bytes.to_vec());
    }

    fn finish(&self) -> u64 {
        0
    }
}

fn recorded(value: impl Hash) -> Decoded {
    let mut hasher = RecordingHasher::default();
    value.hash(&mut hasher);
    Decoded::Recorded(hasher.0)
}

fn name(index: u8) -> &'static str {
    NAMES[usize::from(index) % NAMES.len()]
}

fn push(key: &mut KeyBuilder<'_>, part: &Part) {
    match part {
        Part::Bytes(bytes) => key.bytes(bytes),
        Part::Text(text) => key.value(text),
        Part::Number(number) => key.value(number),
        Part::Mixed(one, two, three) => key.value(&(one, two, three)),
        Part::Header(index) => key.header(name(*index)),
        Part::Cookie(index) => key.cookie(name(*index)),
    }
}

fn expected(request: &HttpRequest, part: &Part) -> Vec<Decoded> {
    match part {
        Part::Bytes(bytes) => vec![Decoded::Bytes(bytes.clone())],
        Part::Text(text) => vec![recorded(text)],
        Part::Number(number) => vec![recorded(number)],
        Part::Mixed(one, two, three) => vec![recorded((one, two, three))],
        Part::Header(index) => {
            let values = request.headers().get_all(name(*index)).map(|value| value.as_bytes().to_vec());
            vec![Decoded::List(HEADER, [name(*index).into()].into_iter().chain(values).collect())]
        }
        Part::Cookie(index) => {
            let values = fuzzing::cookie_values(request, name(*index));
            vec![Decoded::List(COOKIE, [name(*index).into()].into_iter().chain(values).collect())]
        }
    }
}

fn take<'k>(key: &mut &'k [u8], len: usize) -> &'k [u8] {
    let (taken, rest) = key.split_at(len);
    *key = rest;
    taken
}

fn decode_four_byte_len(key: &mut &[u8]) -> usize {
    u32::from_le_bytes(take(key, 4).try_into().unwrap()).try_into().unwrap()
}

fn decode_len(key: &mut &[u8]) -> usize {
    match take(key, 1)[0] {
        LONG => decode_four_byte_len(key),
        len @ 0..END => len.into(),
        mark => panic!("{mark:x} is not a length"),
    }
}

fn decode_bytes(key: &mut &[u8]) -> Vec<u8> {
    let len = decode_len(key);
    take(key, len).to_vec()
}

fn decode(key: &mut &[u8]) -> Decoded {
    match key[0] {
        mark @ (HEADER | COOKIE) => {
            take(key, 1);
            let mut parts = Vec::new();
            while key[0] != END {
                parts.push(decode_bytes(key));
            }
            take(key, 1);
            Decoded::List(mark, parts)
        }
        HASH_INPUT => {
            take(key, 1);
            let len = decode_four_byte_len(key);
            let mut recorded = take(key, len);
            let mut writes = Vec::new();
            while !recorded.is_empty() {
                writes.push(decode_bytes(&mut recorded));
            }
            Decoded::Recorded(writes)
        }
        _ => Decoded::Bytes(decode_bytes(key)),
    }
}

fuzz_target!(|input: Input| {
    let mut request = TestRequest::default();
    for (index, value) in &input.fields {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            request = request.append_header((HeaderName::from_static(name(*index)), value));
        }
    }
    let request = request.to_http_request();
    let expected: Vec<_> = input.parts.iter().flat_map(|part| expected(&request, part)).collect();
    match fuzzing::key(&request, |key| input.parts.iter().for_each(|part| push(key, part))) {
        Some(key) => {
            assert!(key.len() <= 8 * 1024);
            let mut rest = &key[1..];
            let mut decoded = Vec::new();
            while !rest.is_empty() {
                decoded.push(decode(&mut rest));
            }
            assert_eq!(decoded, expected);
        }
        None => {
            let framed_len = |bytes: &Vec<u8>| bytes.len() + 5;
            let max_lens = expected.iter().map(|part| match part {
                Decoded::Bytes(bytes) => framed_len(bytes),
                Decoded::Recorded(parts) | Decoded::List(_, parts) => {
                    6 + parts.iter().map(framed_len).sum::<usize>()
                }
            });
            assert!(max_lens.sum::<usize>() > 8 * 1024 - 1, "the key is not too long");
        }
    }
});
