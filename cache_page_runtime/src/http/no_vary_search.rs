//! `No-Vary-Search`: which query parameters downstream caches may ignore
//! (<https://datatracker.ietf.org/doc/draft-ietf-httpbis-no-vary-search/>).

use http::header::{HeaderName, HeaderValue};

use super::query::QueryRule;

pub(crate) const NO_VARY_SEARCH: HeaderName = HeaderName::from_static("no-vary-search");

/// Usual names that patterns and the list of tracking parameters leave out. The field has no patterns.
const USUAL_NAMES: [&str; 12] = [
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "utm_id",
    "gclid",
    "gbraid",
    "wbraid",
    "fbclid",
    "msclkid",
    "mc_eid",
];

/// The maximum length of the value in bytes.
const MAX_LEN: usize = 1024;

/// Returns the value for pages whose keys have these parameters and nothing else of the query, or `None` if that is the whole query
/// or the value would be too long.
///
/// Two URLs that the value makes equal have the same key.
pub(crate) fn value(rule: QueryRule) -> Option<HeaderValue> {
    let value = match rule {
        QueryRule::All => return None,
        QueryRule::Only([]) => "params".to_owned(),
        QueryRule::Only(names) => format!("key-order, params, except=({})", list(names.iter().copied())),
        QueryRule::Except(_) | QueryRule::ExceptBoth(..) => {
            let mut names: Vec<&str> = rule.ignored_names().collect();
            names.extend(USUAL_NAMES.iter().filter(|name| !rule.selects(name)));
            match names[..] {
                [] => "key-order".to_owned(),
                _ => format!("key-order, params=({})", list(names.into_iter())),
            }
        }
    };
    if value.len() > MAX_LEN { None } else { HeaderValue::from_str(&value).ok() }
}

/// Returns the members of an inner list, in the encoding of queries, each of them once.
fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut members: Vec<String> = Vec::new();
    for name in names {
        let member: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
        let member = format!("\"{member}\"");
        if !members.contains(&member) {
            members.push(member);
        }
    }
    members.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::IgnoredQuery;

    fn sent(rule: QueryRule) -> Option<String> {
        value(rule).map(|value| value.to_str().unwrap().to_owned())
    }

    fn ignoring(patterns: &[&str], ignores_tracking: bool) -> &'static IgnoredQuery {
        let mut ignored = IgnoredQuery::default();
        ignored.ignores_tracking = ignores_tracking;
        patterns.iter().for_each(|pattern| ignored.add(pattern).unwrap());
        Box::leak(Box::new(ignored))
    }

    #[test]
    fn value_says_which_parameters_are_in_the_key() {
        for (rule, expected) in [
            (QueryRule::Only(&["page", "q"]), "key-order, params, except=(\"page\" \"q\")"),
            (QueryRule::Only(&[]), "params"),
            (QueryRule::Except(&["ref"]), "key-order, params=(\"ref\")"),
            (QueryRule::Except(&[]), "key-order"),
            (QueryRule::Except(&["x_*"]), "key-order"),
            (QueryRule::Except(&["a b", "\u{fc}\"\\"]), "key-order, params=(\"a+b\" \"%C3%BC%22%5C\")"),
        ] {
            assert_eq!(sent(rule).as_deref(), Some(expected), "{rule:?}");
        }
        assert_eq!(sent(QueryRule::All), None);
    }

    #[test]
    fn pattern_names_the_usual_parameters_that_it_matches() {
        let utm = "\"utm_source\" \"utm_medium\" \"utm_campaign\" \"utm_term\" \"utm_content\" \"utm_id\"";
        assert_eq!(sent(QueryRule::Except(&["utm_*"])), Some(format!("key-order, params=({utm})")));
        let both = QueryRule::ExceptBoth(&["a"], ignoring(&["a", "b", "mc_*"], false));
        assert_eq!(sent(both).as_deref(), Some("key-order, params=(\"a\" \"b\" \"mc_eid\")"));
        let tracking = sent(QueryRule::All.in_cache(Some(ignoring(&[], true)))).unwrap();
        assert!(USUAL_NAMES.iter().all(|name| tracking.contains(&format!("\"{name}\""))), "{tracking}");
    }

    #[test]
    fn long_list_is_not_sent() {
        let names: Vec<String> = (0..200).map(|number| format!("name{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(sent(QueryRule::All.in_cache(Some(ignoring(&names, false)))), None);
    }
}
