//! `Cache-Control`.

use http::header::HeaderValue;
use proptest::{collection::vec, prelude::*, sample::select};

use crate::http::cache_control::{CacheControl, delta_seconds};
use crate::properties::{cased, padding, soup, value};

pub(super) const WORDS: &[&str] = &[
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
    "60",
    "99999999999999999999999",
    "x=\"no-store, private",
];

fn parse(lines: &[HeaderValue]) -> CacheControl {
    CacheControl::parse(lines)
}

/// What one directive of the grammar means, on its own.
fn meaning(name: &str, argument: Option<&str>) -> CacheControl {
    let seconds = |otherwise| {
        let digits = argument.map(|argument| argument.trim_matches('"'));
        let number = digits.filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()));
        Some(number.map_or(otherwise, |digits| digits.parse().unwrap_or(u64::MAX)))
    };
    let mut meaning = CacheControl::default();
    match name {
        "no-store" => meaning.no_store = true,
        "no-cache" => meaning.no_cache = true,
        "private" => meaning.private = true,
        "must-understand" => meaning.must_understand = true,
        "only-if-cached" => meaning.only_if_cached = true,
        "max-age" => meaning.max_age = seconds(0),
        "s-maxage" => meaning.s_maxage = seconds(0),
        "must-revalidate" | "proxy-revalidate" => meaning.must_revalidate = true,
        "stale-while-revalidate" => meaning.stale_while_revalidate = seconds(0),
        "stale-if-error" => meaning.stale_if_error = seconds(0),
        "min-fresh" => meaning.min_fresh = seconds(u64::MAX),
        _ => {}
    }
    meaning
}

/// Both, each where it is stricter.
fn both(one: CacheControl, other: CacheControl) -> CacheControl {
    let shorter = |one: Option<u64>, other| one.into_iter().chain(other).min();
    CacheControl {
        no_store: one.no_store | other.no_store,
        no_cache: one.no_cache | other.no_cache,
        private: one.private | other.private,
        max_age: shorter(one.max_age, other.max_age),
        s_maxage: shorter(one.s_maxage, other.s_maxage),
        must_understand: one.must_understand | other.must_understand,
        must_revalidate: one.must_revalidate | other.must_revalidate,
        stale_while_revalidate: shorter(one.stale_while_revalidate, other.stale_while_revalidate),
        stale_if_error: shorter(one.stale_if_error, other.stale_if_error),
        min_fresh: one.min_fresh.max(other.min_fresh),
        only_if_cached: one.only_if_cached | other.only_if_cached,
    }
}

prop_compose! {
    /// A member as the grammar has it, and what it means.
    fn member()(
        name in select(&[
            "no-store", "no-cache", "private", "must-understand", "only-if-cached", "max-age", "s-maxage",
            "min-fresh", "must-revalidate", "proxy-revalidate", "stale-while-revalidate", "stale-if-error",
            "public", "no-stores", "x",
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
        (text, meaning(name, argument))
    }
}

proptest! {
    #[test]
    fn a_list_means_what_its_members_mean(members in vec(member(), 0..8), lines in 1..4_usize) {
        let meant = members.iter().map(|(_, meaning)| *meaning).fold(CacheControl::default(), both);
        let texts: Vec<&str> = members.iter().map(|(text, _)| text.as_str()).collect();
        let each = texts.len().div_ceil(lines).max(1);
        let lines: Vec<_> = texts.chunks(each).map(|some| value(some.join(",").as_bytes())).collect();
        prop_assert_eq!(parse(&lines), meant);
    }

    #[test]
    fn lines_are_read_each_on_its_own(lines in vec(soup(WORDS), 0..5), turn: usize) {
        let each = lines.iter().map(|line| parse(std::slice::from_ref(line)));
        prop_assert_eq!(parse(&lines), each.fold(CacheControl::default(), both));
        let mut turned = lines.clone();
        turned.rotate_left(turn % lines.len().max(1));
        prop_assert_eq!(parse(&turned), parse(&lines));
    }

    #[test]
    fn nothing_around_it_hides_a_directive(before in soup(WORDS), after in soup(WORDS)) {
        let line = |parts: &[&[u8]]| value(&parts.concat());
        let (before, after) = (before.as_bytes(), after.as_bytes());
        prop_assert!(parse(&[line(&[before, b",no-store"])]).no_store);
        prop_assert!(parse(&[line(&[b"no-store,", after])]).no_store);
        prop_assert!(parse(&[line(&[b"no-store , ", after, b" , private"])]).private);
        // Only a value that is one quoted string from its first byte to its last has commas of its own.
        if !before.contains(&b'=') || !after.contains(&b'"') {
            prop_assert!(parse(&[line(&[before, b", no-store ,", after])]).no_store);
        }
        prop_assert!(parse(&[line(&[before, b"x\"y, no-store ,\"", after, b"z"])]).no_store
            || before.contains(&b'='));
    }

    #[test]
    fn seconds_are_numbers_that_saturate(digits in "[0-9]{1,30}", junk in "[^0-9\"]{1,3}", place in 0..30_usize) {
        let number = digits.parse::<u128>().map_or(u64::MAX, |number| u64::try_from(number).unwrap_or(u64::MAX));
        prop_assert_eq!(delta_seconds(digits.as_bytes()), Some(number));
        prop_assert_eq!(delta_seconds(format!("\"{digits}\"").as_bytes()), Some(number));
        let (head, tail) = digits.split_at(place.min(digits.len()));
        prop_assert_eq!(delta_seconds(format!("{head}{junk}{tail}").as_bytes()), None);
    }
}
