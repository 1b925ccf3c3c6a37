//! `Cache-Control`: nothing that stands there hides a directive that forbids.

#![no_main]

use actix_web::http::header::HeaderValue;
use cache_page_runtime::fuzzing::{CacheControl, cache_control};
use libfuzzer_sys::fuzz_target;

/// Where a quoted string that begins `text` ends, after its closing quote.
fn quoted(text: &[u8]) -> Option<usize> {
    let mut bytes = text.iter().enumerate().skip(1);
    if text.first() != Some(&b'"') {
        return None;
    }
    loop {
        match bytes.next()? {
            (at, b'"') => return Some(at + 1),
            (_, b'\\') => drop(bytes.next()?),
            _ => {}
        }
    }
}

/// RFC 9110 5.6.2.
fn is_token(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// A name, and a value if there is one.
fn is_member(text: &[u8]) -> bool {
    let Some(equals) = text.iter().position(|&byte| byte == b'=') else { return is_token(text) };
    let (name, value) = (text[..equals].trim_ascii(), text[equals + 1..].trim_ascii());
    !name.is_empty() && is_token(name) && (is_token(value) || quoted(value) == Some(value.len()))
}

/// The members as the grammar has them; where it has none of the kind, whatever stands between two commas.
fn members(line: &[u8]) -> Vec<&[u8]> {
    let members = unquoted_members(line);
    if members.iter().all(|member| is_member(member)) {
        return members;
    }
    line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).collect()
}

/// Split at every comma that is not in the quoted value of a member.
fn unquoted_members(line: &[u8]) -> Vec<&[u8]> {
    let mut members = Vec::new();
    let mut rest = line;
    loop {
        let comma = |from: usize| {
            rest[from..].iter().position(|&byte| byte == b',').map_or(rest.len(), |at| from + at)
        };
        let mut end = comma(0);
        if let Some(equals) = rest[..end].iter().position(|&byte| byte == b'=') {
            let value = rest[equals + 1..].trim_ascii_start();
            if let Some(length) = quoted(value) {
                end = comma(rest.len() - value.len() + length);
            }
        }
        members.push(rest[..end].trim_ascii());
        match rest.get(end + 1..) {
            Some(more) => rest = more,
            None => return members,
        }
    }
}

fn both(one: CacheControl, other: CacheControl) -> CacheControl {
    let shorter = |one: Option<u64>, other| one.into_iter().chain(other).min();
    CacheControl {
        no_store: one.no_store | other.no_store,
        no_cache: one.no_cache | other.no_cache,
        private: one.private | other.private,
        max_age: shorter(one.max_age, other.max_age),
        s_maxage: shorter(one.s_maxage, other.s_maxage),
    }
}

/// Whether a number was written down, and not made up.
fn is_written(number: u64, lines: &[HeaderValue]) -> bool {
    let parse = |run: &[u8]| {
        run.iter().fold(0, |sum: u64, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    };
    let runs = lines.iter().flat_map(|line| line.as_bytes().split(|byte| !byte.is_ascii_digit()));
    runs.filter(|run| !run.is_empty()).any(|run| parse(run) == number)
}

fuzz_target!(|data: &[u8]| {
    let lines: Vec<_> =
        data.split(|&byte| byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    let found = cache_control(&lines);

    for member in lines.iter().flat_map(|line| members(line.as_bytes())) {
        let name = member.split(|&byte| byte == b'=').next().unwrap_or_default().trim_ascii();
        // Alone or with a value, whatever that is.
        assert!(found.no_store || !name.eq_ignore_ascii_case(b"no-store"));
        assert!(found.no_cache || !name.eq_ignore_ascii_case(b"no-cache"));
        assert!(found.private || !name.eq_ignore_ascii_case(b"private"));
        assert!(found.max_age.is_some() || !name.eq_ignore_ascii_case(b"max-age"));
        assert!(found.s_maxage.is_some() || !name.eq_ignore_ascii_case(b"s-maxage"));
    }
    for age in [found.max_age, found.s_maxage].into_iter().flatten() {
        assert!(age == 0 || is_written(age, &lines));
    }

    let nothing = cache_control(&[]);
    let each = lines.iter().map(|line| cache_control(std::slice::from_ref(line)));
    assert_eq!(found, each.fold(nothing, both));

    for line in &lines {
        let with = |before: &[u8], after: &[u8]| {
            cache_control(&[HeaderValue::from_bytes(&[before, line.as_bytes(), after].concat()).unwrap()])
        };
        assert!(with(b"no-store,", b"").no_store);
        assert!(with(b"", b",no-store").no_store);
        assert_eq!(with(b"", b",max-age=0").max_age, Some(0));
        assert!(with(b"private,", b" , no-cache").private);
    }
});
