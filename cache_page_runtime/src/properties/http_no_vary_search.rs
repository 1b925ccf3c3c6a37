//! `No-Vary-Search`: URLs that a downstream cache takes for one have the same key.

use std::borrow::Cow;

use proptest::{collection::vec, prelude::*, sample::select};

use crate::http::{
    IgnoredQuery, QueryRule, no_vary_search,
    structured_fields::{Item, Value, parse_dictionary},
};

/// A URL search variance, as the draft defines it.
#[derive(Debug, Default)]
struct Variance {
    ignores_order: bool,
    ignores_all: bool,
    ignored: Vec<String>,
    kept: Vec<String>,
}

type Parameters<'q> = Vec<(Cow<'q, str>, Cow<'q, str>)>;

impl Variance {
    fn parse(field: &[u8]) -> Self {
        let mut variance = Self::default();
        let strings = |items: Vec<Item<'_>>| {
            let decode = |item| match item {
                // "Parse a key" decodes as the parser of queries does.
                Item::Text(text) => form_urlencoded::parse(text.as_bytes()).next().unwrap().0.into_owned(),
                _ => unreachable!("the members are strings"),
            };
            items.into_iter().map(decode).collect()
        };
        parse_dictionary([field], |key, value| {
            match (key, value) {
                (b"key-order", Value::Item(Item::Boolean(true))) => variance.ignores_order = true,
                (b"params", Value::Item(Item::Boolean(true))) => variance.ignores_all = true,
                (b"params", Value::InnerList(items)) => variance.ignored = strings(items),
                (b"except", Value::InnerList(items)) => variance.kept = strings(items),
                _ => unreachable!("an unknown member"),
            }
            Ok(())
        })
        .unwrap();
        assert!(variance.ignores_all || variance.kept.is_empty());
        variance
    }

    /// What remains of a query for the comparison.
    fn compared<'q>(&self, query: &'q str) -> Parameters<'q> {
        let is_kept = |name: &str| match self.ignores_all {
            true => self.kept.iter().any(|kept| kept == name),
            false => self.ignored.iter().all(|ignored| ignored != name),
        };
        let mut parameters: Parameters<'q> =
            form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| is_kept(name)).collect();
        if self.ignores_order {
            parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        parameters
    }
}

const PARAMETERS: &[&str] = &[
    "page=1",
    "page=2",
    "p%61ge=1",
    "q=a",
    "q=b",
    "q",
    "utm_source=x",
    "utm%5fsource=y",
    "utm_x=1",
    "ref=1",
    "x_id=2",
    "a+b=1",
    "a%20b=2",
    "%C3%BC=1",
    "",
    "&",
    "gclid=1",
    "fbclid",
    "=",
    "mtm_x=1",
];

fn query() -> impl Strategy<Value = String> {
    vec(select(PARAMETERS), 0..6).prop_map(|parameters| parameters.join("&"))
}

fn rules() -> Vec<QueryRule> {
    let mut ignored = IgnoredQuery::default();
    ignored.ignores_tracking = true;
    ["*_id", "a b"].iter().for_each(|pattern| ignored.add(pattern).unwrap());
    let ignored: &'static IgnoredQuery = Box::leak(Box::new(ignored));
    vec![
        QueryRule::Only(&["page", "q"]),
        QueryRule::Only(&["a b", "\u{fc}"]),
        QueryRule::Only(&[]),
        QueryRule::Except(&["utm_*", "ref"]),
        QueryRule::Except(&["\u{fc}", "a b"]),
        QueryRule::Except(&[]),
        QueryRule::All.in_cache(Some(ignored)),
        QueryRule::Except(&["page"]).in_cache(Some(ignored)),
    ]
}

proptest! {
    #[test]
    fn urls_that_are_one_downstream_have_one_key(
        rule in select(rules()),
        (one, mut parameters) in (query(), vec(select(PARAMETERS), 0..3)),
        shuffled in any::<u64>(),
    ) {
        let variance = Variance::parse(no_vary_search::value(rule).unwrap().as_bytes());
        // The other query has the same parameters in another order, and some more.
        parameters.extend(one.split('&'));
        let length = parameters.len();
        for index in 0..length {
            parameters.swap(index, usize::try_from(shuffled >> (index * 3)).unwrap_or_default() % length);
        }
        let other = parameters.join("&");
        if variance.compared(&one) == variance.compared(&other) {
            prop_assert_eq!(rule.select(&one), rule.select(&other), "{} {}", one, other);
        }
    }

    /// What only exact names leave out is announced completely.
    #[test]
    fn urls_with_one_key_are_one_downstream(one in query(), other in query()) {
        for rule in [QueryRule::Only(&["page", "q"]), QueryRule::Only(&[]), QueryRule::Except(&["ref", "a b"])] {
            let variance = Variance::parse(no_vary_search::value(rule).unwrap().as_bytes());
            prop_assert_eq!(
                variance.compared(&one) == variance.compared(&other),
                rule.select(&one) == rule.select(&other)
            );
        }
    }
}
