//! `Vary`.

use actix_web::http::header::{ACCEPT, HeaderName, HeaderValue, VARY};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    http::{VaryNames, vary},
    properties::{any_value, cased, headers, padding, soup, value},
};

const NAMES: &[&str] = &["accept", "accept-language", "cookie", "x-a", "x-ab", "dnt", "!#$%&'+-.^_`|~"];

fn unkeyed(values: &[HeaderValue]) -> Option<VaryNames> {
    vary::unkeyed(&headers(values.iter().map(|value| (VARY, value.clone()))), |name| *name == ACCEPT)
}

fn unkeyed_names(names: impl IntoIterator<Item = &'static str>) -> VaryNames {
    let mut names: Vec<_> = names.into_iter().filter(|name| *name != "accept").collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(HeaderName::from_static).collect()
}

prop_compose! {
    /// A header name, and a spelling of it in a list.
    fn member()(name in select(NAMES), capitals: u64, before in padding(), after in padding(), empty: bool)
        -> (&'static str, String) {
        (name, format!("{before}{}{after}{}", cased(name, capitals), if empty { ", ," } else { "" }))
    }
}

proptest! {
    #[test]
    fn unkeyed_ignores_order_case_padding_and_split(members in vec(member(), 0..8), values in 1..4_usize) {
        let texts: Vec<&str> = members.iter().map(|(_, text)| text.as_str()).collect();
        let per_value = texts.len().div_ceil(values).max(1);
        let values: Vec<_> = texts.chunks(per_value).map(|chunk| value(chunk.join(",").as_bytes())).collect();
        let expected = unkeyed_names(members.iter().map(|(name, _)| *name));
        prop_assert_eq!(unkeyed(&values), Some(expected));
    }

    #[test]
    fn unkeyed_is_none_for_star_and_malformed_members(
        members in vec(member(), 0..4),
        malformed in select(&["*", " * ", "a b", "\"x\"", "a;b", "\u{e9}", "accept:", "**,*"][..]),
        index: usize,
    ) {
        let mut texts: Vec<&str> = members.iter().map(|(_, text)| text.as_str()).collect();
        texts.insert(index % (texts.len() + 1), malformed);
        prop_assert_eq!(unkeyed(&[value(texts.join(",").as_bytes())]), None);
    }

    #[test]
    fn another_value_never_removes_a_name(
        values in vec(prop_oneof![soup(NAMES), any_value()], 0..3),
        added in soup(NAMES),
    ) {
        let all_values = [values.clone(), vec![added]].concat();
        if let Some(all) = unkeyed(&all_values) {
            let before = unkeyed(&values).unwrap();
            prop_assert!(before.iter().all(|name| all.contains(name)));
            let map = headers(all_values.iter().map(|value| (VARY, value.clone())));
            prop_assert!(all.iter().all(|name| vary::contains(&map, name)));
            prop_assert!(vary::header_names(&all_values).iter().all(|name| *name == ACCEPT || all.contains(name)));
        }
    }

    #[test]
    fn insert_sorts_and_deduplicates(names in vec(select(NAMES), 0..12)) {
        let mut set = VaryNames::new();
        names.iter().for_each(|name| vary::insert(&mut set, HeaderName::from_static(name)));
        let mut expected = names.clone();
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(set.iter().map(HeaderName::as_str).collect::<Vec<_>>(), expected);
    }
}
