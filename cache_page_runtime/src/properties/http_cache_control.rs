//! `Cache-Control`.

use http::header::HeaderValue;
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    http::cache_control::{CacheControl, delta_seconds},
    properties::{cased, padding, soup, value},
};

pub(super) const DIRECTIVES: &[&str] = &[
    "no-store",
    "No-Cache",
    "private",
    "PRIVATE=\"a, b\"",
    "max-age=",
    "s-maxage=",
    "max-age=60",
    "s-maxage=\"5\"",
    "must-understand",
    "must-revalidate",
    "stale-while-revalidate=30",
    "stale-if-error=",
    "min-fresh=3",
    "only-if-cached",
    "public",
    "no-transform",
    "60",
    "99999999999999999999999",
    "x=\"no-store, private",
];

fn parse(values: &[HeaderValue]) -> CacheControl {
    CacheControl::parse(values)
}

/// Returns what one valid directive means on its own.
fn expected(name: &str, argument: Option<&str>) -> CacheControl {
    let seconds = |default| {
        let digits = argument.map(|argument| argument.trim_matches('"'));
        let digits = digits.filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
        Some(digits.map_or(default, |digits| digits.parse().unwrap_or(u64::MAX)))
    };
    let mut expected = CacheControl::default();
    match name {
        "no-store" => expected.no_store = true,
        "no-cache" => expected.no_cache = true,
        "private" => expected.private = true,
        "no-transform" => expected.no_transform = true,
        "must-understand" => expected.must_understand = true,
        "only-if-cached" => expected.only_if_cached = true,
        "max-age" => expected.max_age = seconds(0),
        "s-maxage" => expected.s_maxage = seconds(0),
        "must-revalidate" | "proxy-revalidate" => expected.must_revalidate = true,
        "stale-while-revalidate" => expected.stale_while_revalidate = seconds(0),
        "stale-if-error" => expected.stale_if_error = seconds(0),
        "min-fresh" => expected.min_fresh = seconds(u64::MAX),
        _ => {}
    }
    expected
}

/// Combines the directives of two values, the stricter of each.
fn combine(one: CacheControl, other: CacheControl) -> CacheControl {
    let min = |one: Option<u64>, other| one.into_iter().chain(other).min();
    CacheControl {
        no_store: one.no_store | other.no_store,
        no_cache: one.no_cache | other.no_cache,
        private: one.private | other.private,
        no_transform: one.no_transform | other.no_transform,
        max_age: min(one.max_age, other.max_age),
        s_maxage: min(one.s_maxage, other.s_maxage),
        must_understand: one.must_understand | other.must_understand,
        must_revalidate: one.must_revalidate | other.must_revalidate,
        stale_while_revalidate: min(one.stale_while_revalidate, other.stale_while_revalidate),
        stale_if_error: min(one.stale_if_error, other.stale_if_error),
        min_fresh: one.min_fresh.max(other.min_fresh),
        only_if_cached: one.only_if_cached | other.only_if_cached,
    }
}

prop_compose! {
    /// A valid directive, and what it means.
    fn directive()(
        name in select(&[
            "no-store", "no-cache", "private", "must-understand", "only-if-cached", "max-age", "s-maxage",
            "min-fresh", "must-revalidate", "proxy-revalidate", "stale-while-revalidate", "stale-if-error",
            "no-transform", "public", "no-stores", "x",
        ][..]),
        argument in proptest::option::of(select(&[
            "", "0", "7", "007", "\"60\"", "\"no-store, private\"", "\"a\\\", no-cache, \\\\\"", "\"\"", "-1", "1.5",
            "18446744073709551616", "no-store",
        ][..])),
        capitals: u64,
        pads in [padding(), padding(), padding(), padding()],
    ) -> (String, CacheControl) {
        let [a, b, c, d] = pads;
        let text = match argument {
            Some(argument) => format!("{a}{}{b}={c}{argument}{d}", cased(name, capitals)),
            None => format!("{a}{}{b}", cased(name, capitals)),
        };
        (text, expected(name, argument))
    }
}

proptest! {
    #[test]
    fn valid_list_means_what_its_directives_mean(directives in vec(directive(), 0..8), values in 1..4_usize) {
        let expected = directives.iter().map(|(_, meaning)| *meaning).fold(CacheControl::default(), combine);
        let texts: Vec<&str> = directives.iter().map(|(text, _)| text.as_str()).collect();
        let per_value = texts.len().div_ceil(values).max(1);
        let values: Vec<_> = texts.chunks(per_value).map(|chunk| value(chunk.join(",").as_bytes())).collect();
        prop_assert_eq!(parse(&values), expected);
    }

    #[test]
    fn values_are_parsed_independently_of_each_other(values in vec(soup(DIRECTIVES), 0..5), shift: usize) {
        let each = values.iter().map(|value| parse(std::slice::from_ref(value)));
        prop_assert_eq!(parse(&values), each.fold(CacheControl::default(), combine));
        let mut rotated = values.clone();
        rotated.rotate_left(shift % values.len().max(1));
        prop_assert_eq!(parse(&rotated), parse(&values));
    }

    #[test]
    fn surrounding_bytes_do_not_hide_a_directive(before in soup(DIRECTIVES), after in soup(DIRECTIVES)) {
        let concat = |parts: &[&[u8]]| value(&parts.concat());
        let (before, after) = (before.as_bytes(), after.as_bytes());
        prop_assert!(parse(&[concat(&[before, b",no-store"])]).no_store);
        prop_assert!(parse(&[concat(&[b"no-store,", after])]).no_store);
        prop_assert!(parse(&[concat(&[b"no-store , ", after, b" , private"])]).private);
        // Only an argument that is a quoted string can contain the commas.
        if !before.contains(&b'=') || !after.contains(&b'"') {
            prop_assert!(parse(&[concat(&[before, b", no-store ,", after])]).no_store);
        }
        prop_assert!(parse(&[concat(&[before, b"x\"y, no-store ,\"", after, b"z"])]).no_store
            || before.contains(&b'='));
    }

    #[test]
    fn delta_seconds_saturates_and_rejects_other_bytes(
        digits in "[0-9]{1,30}",
        junk in "[^0-9\"]{1,3}",
        index in 0..30_usize,
    ) {
        let number = digits.parse::<u128>().map_or(u64::MAX, |number| u64::try_from(number).unwrap_or(u64::MAX));
        prop_assert_eq!(delta_seconds(digits.as_bytes()), Some(number));
        prop_assert_eq!(delta_seconds(format!("\"{digits}\"").as_bytes()), Some(number));
        let (head, tail) = digits.split_at(index.min(digits.len()));
        prop_assert_eq!(delta_seconds(format!("{head}{junk}{tail}").as_bytes()), None);
    }
}
