//! `No-Vary-Search`: queries that are one downstream are one in the key.

#![no_main]

use cache_page_runtime::fuzzing::{keyed_parameters, no_vary_search};
use libfuzzer_sys::fuzz_target;

/// Returns what the field of a rule compares of a query, as the draft says.
fn compared(rule: u8, query: &str) -> Vec<(String, String)> {
    let parameters = url::form_urlencoded::parse(query.as_bytes()).into_owned();
    let is_compared = |(name, _): &(String, String)| match rule % 4 {
        0 => ["page", "q"].contains(&name.as_str()),
        1 => false,
        // The pattern is told by the usual names.
        2 => {
            let ignored = [
                "ref",
                "a b",
                "utm_source",
                "utm_medium",
                "utm_campaign",
                "utm_term",
                "utm_content",
                "utm_id",
            ];
            !ignored.contains(&name.as_str())
        }
        _ => true,
    };
    let mut parameters: Vec<_> = parameters.filter(is_compared).collect();
    parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
    parameters
}

/// The fields that `compared` stands for.
const FIELDS: [&str; 4] = [
    "key-order, params, except=(\"page\" \"q\")",
    "params",
    "key-order, params=(\"ref\" \"a+b\" \"utm_source\" \"utm_medium\" \"utm_campaign\" \"utm_term\" \"utm_content\" \"utm_id\")",
    "key-order",
];

fuzz_target!(|data: &[u8]| {
    let Some((rule, queries)) = data.split_first() else { return };
    assert_eq!(no_vary_search(*rule).expect("a value"), FIELDS[usize::from(rule % 4)]);
    let queries = String::from_utf8_lossy(queries);
    let Some((one, other)) = queries.split_once('\0') else { return };
    if compared(*rule, one) == compared(*rule, other) {
        assert_eq!(keyed_parameters(*rule, one), keyed_parameters(*rule, other));
    }
});
