//! Property tests of everything that reads what clients and handlers send, one module per tested module.
//!
//! The properties of the store are in `store/model.rs`, because they use its private items.

mod http_accept_encoding;
mod http_cache_control;
mod http_cache_groups;
mod http_conditional;
mod http_cookies;
mod http_freshness;
mod http_no_vary_search;
mod http_range;
mod http_storability;
mod http_vary;
mod key_builder;
mod key_composition;
mod key_input;
mod key_url;
mod key_variant;
mod observe_report;

use std::time::{Duration, SystemTime};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, HttpDate, TryIntoHeaderValue as _};
use proptest::{collection::vec, prelude::*, sample::select};

/// A byte that a header value may contain.
fn value_byte() -> impl Strategy<Value = u8> + Clone {
    prop_oneof![Just(b'\t'), 0x20..=0x7e_u8, 0x80..=0xff_u8]
}

/// Any header value.
fn any_value() -> impl Strategy<Value = HeaderValue> {
    vec(value_byte(), 0..40).prop_map(|bytes| value(&bytes))
}

/// A header value of `words` and punctuation in random order, which is mostly malformed.
fn soup(words: &'static [&'static str]) -> impl Strategy<Value = HeaderValue> {
    const PUNCTUATION: &[&str] = &[",", "=", "\"", ";", " ", "\t", "\\", ", ", "*", "-"];
    let piece = prop_oneof![
        4 => select(words).prop_map(|word| word.as_bytes().to_vec()),
        4 => select(PUNCTUATION).prop_map(|mark| mark.as_bytes().to_vec()),
        1 => value_byte().prop_map(|byte| vec![byte]),
    ];
    vec(piece, 0..16).prop_map(|pieces| value(&pieces.concat()))
}

fn value(bytes: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(bytes).unwrap()
}

/// Returns `name` with the letters in upper case whose bit in `capitals` is set.
fn cased(name: &str, capitals: u64) -> String {
    let case = |(index, letter): (usize, char)| match capitals >> (index % 64) & 1 {
        1 => letter.to_ascii_uppercase(),
        _ => letter,
    };
    name.chars().enumerate().map(case).collect()
}

/// Optional whitespace between list members.
fn padding() -> impl Strategy<Value = String> + Clone {
    select(&["", "", " ", "\t", "  \t"][..]).prop_map(str::to_owned)
}

fn headers(fields: impl IntoIterator<Item = (HeaderName, HeaderValue)>) -> HeaderMap {
    let mut map = HeaderMap::new();
    fields.into_iter().for_each(|(name, value)| map.append(name, value));
    map
}

/// A Unix time whose year has four digits.
fn second() -> impl Strategy<Value = u64> {
    prop_oneof![0..253_402_300_800_u64, 784_111_000..784_112_000_u64]
}

fn at(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

fn date_value(second: u64) -> HeaderValue {
    HttpDate::from(at(second)).try_into_value().unwrap()
}
