//! The key: whatever was added to it can be read back, so that no two requests meet.

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
}

#[derive(Arbitrary, Debug)]
struct Input {
    parts: Vec<Part>,
    lines: Vec<(u8, Vec<u8>)>,
}

/// What can be read back.
#[derive(Debug, PartialEq, Eq)]
enum Read {
    Bytes(Vec<u8>),
    Recorded(Vec<Vec<u8>>),
    Lines(Vec<Vec<u8>>),
}

#[derive(Default)]
struct Recorder(Vec<Vec<u8>>);

impl Hasher for Recorder {
    fn write(&mut self, bytes: &[u8]) {
        self.0.push(bytes.to_vec());
    }

    fn finish(&self) -> u64 {
        0
    }
}

fn recorded(value: impl Hash) -> Read {
    let mut recorder = Recorder::default();
    value.hash(&mut recorder);
    Read::Recorded(recorder.0)
}

fn name(which: u8) -> &'static str {
    NAMES[usize::from(which) % NAMES.len()]
}

fn add(key: &mut KeyBuilder<'_>, part: &Part) {
    match part {
        Part::Bytes(bytes) => key.bytes(bytes),
        Part::Text(text) => key.value(text),
        Part::Number(number) => key.value(number),
        Part::Mixed(one, two, three) => key.value(&(one, two, three)),
        Part::Header(which) => key.header(name(*which)),
    }
}

fn meant(request: &HttpRequest, part: &Part) -> Vec<Read> {
    match part {
        Part::Bytes(bytes) => vec![Read::Bytes(bytes.clone())],
        Part::Text(text) => vec![recorded(text)],
        Part::Number(number) => vec![recorded(number)],
        Part::Mixed(one, two, three) => vec![recorded((one, two, three))],
        Part::Header(which) => {
            let lines = request.headers().get_all(name(*which)).map(|line| line.as_bytes().to_vec());
            vec![Read::Bytes(name(*which).into()), Read::Lines(lines.collect())]
        }
    }
}

fn take<'k>(key: &mut &'k [u8], length: usize) -> &'k [u8] {
    let (taken, rest) = key.split_at(length);
    *key = rest;
    taken
}

fn long(key: &mut &[u8]) -> usize {
    u32::from_le_bytes(take(key, 4).try_into().unwrap()).try_into().unwrap()
}

fn number(key: &mut &[u8]) -> usize {
    match take(key, 1)[0] {
        0xff => long(key),
        short @ 0..0xfd => short.into(),
        mark => panic!("{mark:x} is no number"),
    }
}

fn bytes(key: &mut &[u8]) -> Vec<u8> {
    let length = number(key);
    take(key, length).to_vec()
}

fn read(key: &mut &[u8]) -> Read {
    match key[0] {
        0xfd => {
            take(key, 1);
            Read::Lines((0..number(key)).map(|_| bytes(key)).collect())
        }
        0xfe => {
            take(key, 1);
            let length = long(key);
            let mut inside = take(key, length);
            let mut writes = Vec::new();
            while !inside.is_empty() {
                writes.push(bytes(&mut inside));
            }
            Read::Recorded(writes)
        }
        _ => Read::Bytes(bytes(key)),
    }
}

fuzz_target!(|input: Input| {
    let mut request = TestRequest::default();
    for (which, line) in &input.lines {
        if let Ok(line) = HeaderValue::from_bytes(line) {
            request = request.append_header((HeaderName::from_static(name(*which)), line));
        }
    }
    let request = request.to_http_request();
    let meant: Vec<_> = input.parts.iter().flat_map(|part| meant(&request, part)).collect();
    match fuzzing::key(&request, |key| input.parts.iter().for_each(|part| add(key, part))) {
        Some(key) => {
            assert!(key.len() <= 8 * 1024);
            let mut rest = &key[1..];
            let mut found = Vec::new();
            while !rest.is_empty() {
                found.push(read(&mut rest));
            }
            assert_eq!(found, meant);
        }
        None => {
            let frame = |bytes: &Vec<u8>| bytes.len() + 5;
            let most = meant.iter().map(|read| match read {
                Read::Bytes(bytes) => frame(bytes),
                Read::Recorded(parts) | Read::Lines(parts) => 6 + parts.iter().map(frame).sum::<usize>(),
            });
            assert!(most.sum::<usize>() > 8 * 1024 - 1, "not too long for a key");
        }
    }
});
