//! What must hold for whatever a client or a handler sends. One module for each that is tested; the store has its own
//! beside it, because it looks inside.

mod http_cache_control;
mod http_conditional;
mod http_freshness;
mod http_range;
mod http_storability;
mod http_vary;
mod key_builder;
mod key_input;
mod key_variant;
mod observe_report;

use std::time::{Duration, SystemTime};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, HttpDate, TryIntoHeaderValue as _};
use proptest::{collection::vec, prelude::*, sample::select};

/// A byte that a header value may have.
fn byte() -> impl Strategy<Value = u8> + Clone {
    prop_oneof![Just(b'\t'), 0x20..=0x7e_u8, 0x80..=0xff_u8]
}

/// Any header value.
fn line() -> impl Strategy<Value = HeaderValue> {
    vec(byte(), 0..40).prop_map(|bytes| value(&bytes))
}

/// A header value of words that mean something, in an order that mostly does not, with any bytes between them.
fn soup(words: &'static [&'static str]) -> impl Strategy<Value = HeaderValue> {
    const MARKS: &[&str] = &[",", "=", "\"", ";", " ", "\t", "\\", ", ", "*", "-"];
    let piece = prop_oneof![
        4 => select(words).prop_map(|word| word.as_bytes().to_vec()),
        4 => select(MARKS).prop_map(|mark| mark.as_bytes().to_vec()),
        1 => byte().prop_map(|byte| vec![byte]),
    ];
    vec(piece, 0..16).prop_map(|pieces| value(&pieces.concat()))
}

fn value(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(bytes).unwrap()
}

/// A name in any case: bit after bit says which letters are capital.
fn cased(name: &str, capitals: u64) -> String {
    let case = |(at, letter): (usize, char)| match capitals >> (at % 64) & 1 {
        1 => letter.to_ascii_uppercase(),
        _ => letter,
    };
    name.chars().enumerate().map(case).collect()
}

/// White space where a list may have some.
fn padding() -> impl Strategy<Value = String> + Clone {
    select(&["", "", " ", "\t", "  \t"][..]).prop_map(str::to_owned)
}

fn headers(lines: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> HeaderMap {
    let mut map = HeaderMap::new();
    lines.into_iter().for_each(|(name, line)| map.append(name, line));
    map
}

/// Any second that a date of HTTP can show without doubt about the century.
fn second() -> impl Strategy<Value = u64> {
    prop_oneof![0..253_402_300_800_u64, 784_111_000..784_112_000_u64]
}

fn at(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

fn date_line(second: u64) -> HeaderValue {
    HttpDate::from(at(second)).try_into_value().unwrap()
}
