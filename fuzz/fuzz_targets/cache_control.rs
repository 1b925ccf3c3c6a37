//! `Cache-Control`: no bytes around a restrictive directive hide it.

#![no_main]

use actix_web::http::header::HeaderValue;
use cache_page_runtime::fuzzing::{CacheControl, cache_control};
use libfuzzer_sys::fuzz_target;

/// Returns the length of the quoted string at the beginning of `text`.
fn quoted_string_len(text: &[u8]) -> Option<usize> {
    let mut bytes = text.iter().enumerate().skip(1);
    if text.first() != Some(&b'"') {
        return None;
    }
    loop {
        match bytes.next()? {
            (index, b'"') => return Some(index + 1),
            (_, b'\\') => drop(bytes.next()?),
            _ => {}
        }
    }
}

/// RFC 9110 5.6.2.
fn is_token(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// Returns whether `text` is a directive with an optional argument.
fn is_directive(text: &[u8]) -> bool {
    let Some(equals) = text.iter().position(|&byte| byte == b'=') else { return is_token(text) };
    let (name, argument) = (text[..equals].trim_ascii(), text[equals + 1..].trim_ascii());
    !name.is_empty()
        && is_token(name)
        && (is_token(argument) || quoted_string_len(argument) == Some(argument.len()))
}

/// Returns the directives of a valid value, or everything between two commas of a malformed one.
fn directives(value: &[u8]) -> Vec<&[u8]> {
    let directives = split_unquoted(value);
    if directives.iter().all(|directive| is_directive(directive)) {
        return directives;
    }
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).collect()
}

/// Splits a value at every comma that is not within a quoted argument.
fn split_unquoted(value: &[u8]) -> Vec<&[u8]> {
    let mut directives = Vec::new();
    let mut rest = value;
    loop {
        let comma = |from: usize| {
            rest[from..].iter().position(|&byte| byte == b',').map_or(rest.len(), |index| from + index)
        };
        let mut end = comma(0);
        if let Some(equals) = rest[..end].iter().position(|&byte| byte == b'=') {
            let argument = rest[equals + 1..].trim_ascii_start();
            if let Some(len) = quoted_string_len(argument) {
                end = comma(rest.len() - argument.len() + len);
            }
        }
        directives.push(rest[..end].trim_ascii());
        match rest.get(end + 1..) {
            Some(remaining) => rest = remaining,
            None => return directives,
        }
    }
}

/// Combines the directives of two values, the stricter of each.
fn combine(one: CacheControl, other: CacheControl) -> CacheControl {
    let min = |one: Option<u64>, other| one.into_iter().chain(other).min();
    CacheControl {
        no_store: one.no_store | other.no_store,
        no_cache: one.no_cache | other.no_cache,
        private: one.private | other.private,
        max_age: min(one.max_age, other.max_age),
        s_maxage: min(one.s_maxage, other.s_maxage),
    }
}

/// Returns whether any of the values contains this number.
fn contains_number(values: &[HeaderValue], number: u64) -> bool {
    let parse = |run: &[u8]| {
        run.iter().fold(0, |sum: u64, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    };
    let runs = values.iter().flat_map(|value| value.as_bytes().split(|byte| !byte.is_ascii_digit()));
    runs.filter(|run| !run.is_empty()).any(|run| parse(run) == number)
}

fuzz_target!(|data: &[u8]| {
    let values: Vec<_> =
        data.split(|&byte| byte == b'\n').filter_map(|value| HeaderValue::from_bytes(value).ok()).collect();
    let parsed = cache_control(&values);

    for directive in values.iter().flat_map(|value| directives(value.as_bytes())) {
        let name = directive.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii();
        // With or without an argument.
        assert!(parsed.no_store || !name.eq_ignore_ascii_case(b"no-store"));
        assert!(parsed.no_cache || !name.eq_ignore_ascii_case(b"no-cache"));
        assert!(parsed.private || !name.eq_ignore_ascii_case(b"private"));
        assert!(parsed.max_age.is_some() || !name.eq_ignore_ascii_case(b"max-age"));
        assert!(parsed.s_maxage.is_some() || !name.eq_ignore_ascii_case(b"s-maxage"));
    }
    for age in [parsed.max_age, parsed.s_maxage].into_iter().flatten() {
        assert!(age == 0 || contains_number(&values, age));
    }

    let empty = cache_control(&[]);
    let each = values.iter().map(|value| cache_control(std::slice::from_ref(value)));
    assert_eq!(parsed, each.fold(empty, combine));

    for value in &values {
        let with = |before: &[u8], after: &[u8]| {
            cache_control(&[HeaderValue::from_bytes(&[before, value.as_bytes(), after].concat()).unwrap()])
        };
        assert!(with(b"no-store,", b"").no_store);
        assert!(with(b"", b",no-store").no_store);
        assert_eq!(with(b"", b",max-age=0").max_age, Some(0));
        assert!(with(b"private,", b" , no-cache").private);
    }
});
