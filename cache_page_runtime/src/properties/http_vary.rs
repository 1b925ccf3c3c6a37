//! Which request headers a response depends on.

use actix_web::http::header::{ACCEPT, HeaderName, HeaderValue, VARY};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    http::vary::{self, VaryNames},
    properties::{cased, headers, line, padding, soup, value},
};

const NAMES: &[&str] = &["accept", "accept-language", "cookie", "x-a", "x-ab", "dnt", "!#$%&'+-.^_`|~"];

fn uncovered(lines: &[HeaderValue]) -> Option<VaryNames> {
    vary::unkeyed(&headers(lines.iter().map(|line| (VARY, line.clone()))), |name| *name == ACCEPT)
}

fn names(names: impl IntoIterator<Item = &'static str>) -> VaryNames {
    let mut names: Vec<_> = names.into_iter().filter(|name| *name != "accept").collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(HeaderName::from_static).collect()
}

prop_compose! {
    /// A name that a header can have, with and without what does not matter.
    fn named()(name in select(NAMES), capitals: u64, before in padding(), after in padding(), empty: bool)
        -> (&'static str, String) {
        (name, format!("{before}{}{after}{}", cased(name, capitals), if empty { ", ," } else { "" }))
    }
}

proptest! {
    #[test]
    fn order_case_padding_and_lines_do_not_matter(members in vec(named(), 0..8), lines in 1..4_usize) {
        let texts: Vec<&str> = members.iter().map(|(_, text)| text.as_str()).collect();
        let each = texts.len().div_ceil(lines).max(1);
        let lines: Vec<_> = texts.chunks(each).map(|some| value(some.join(",").as_bytes())).collect();
        let meant = names(members.iter().map(|(name, _)| *name));
        prop_assert_eq!(uncovered(&lines), Some(meant));
    }

    #[test]
    fn a_star_or_garbage_among_them_is_anything(
        members in vec(named(), 0..4),
        odd in select(&["*", " * ", "a b", "\"x\"", "a;b", "\u{e9}", "accept:", "**,*"][..]),
        place: usize,
    ) {
        let mut texts: Vec<&str> = members.iter().map(|(_, text)| text.as_str()).collect();
        texts.insert(place % (texts.len() + 1), odd);
        prop_assert_eq!(uncovered(&[value(texts.join(",").as_bytes())]), None);
    }

    #[test]
    fn more_lines_never_name_less(lines in vec(prop_oneof![soup(NAMES), line()], 0..3), more in soup(NAMES)) {
        let with = [lines.clone(), vec![more]].concat();
        if let Some(all) = uncovered(&with) {
            let some = uncovered(&lines).unwrap();
            prop_assert!(some.iter().all(|name| all.contains(name)));
            let map = headers(with.iter().map(|line| (VARY, line.clone())));
            prop_assert!(all.iter().all(|name| vary::contains(&map, name)));
        }
    }

    #[test]
    fn a_set_of_names_has_one_order(of in vec(select(NAMES), 0..12)) {
        let mut set = VaryNames::new();
        of.iter().for_each(|name| vary::insert(&mut set, HeaderName::from_static(name)));
        let mut meant: Vec<_> = of.clone();
        meant.sort_unstable();
        meant.dedup();
        prop_assert_eq!(set.iter().map(HeaderName::as_str).collect::<Vec<_>>(), meant);
    }
}
