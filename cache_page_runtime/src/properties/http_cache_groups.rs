//! Groups in response headers: a field is malformed, or lists what a sender has written.

use proptest::{collection::vec, prelude::*, sample::select};

use crate::http::{TagHeader, cache_groups};
use crate::properties::{any_value, padding, soup, value};

/// Writes a group as a string of a structured field.
fn string(group: &str) -> String {
    format!("\"{}\"", group.replace('\\', "\\\\").replace('"', "\\\""))
}

fn group() -> impl Strategy<Value = String> {
    vec(0x20..=0x7e_u8, 0..12).prop_map(|bytes| String::from_utf8(bytes).unwrap())
}

proptest! {
    #[test]
    fn groups_are_those_that_were_written(
        groups in vec((group(), select(&["", ";a", ";a=1;b=\"x, y\""][..]), padding(), padding()), 0..8),
        lines in 1..4_usize,
    ) {
        let member = |(group, parameters, before, after): &(String, &str, String, String)| {
            format!("{before}{}{parameters}{after}", string(group))
        };
        let lines: Vec<_> = groups.chunks(groups.len().div_ceil(lines).max(1)).map(|chunk| {
            value(chunk.iter().map(member).collect::<Vec<_>>().join(",").as_bytes())
        }).collect();
        let mut expected: Vec<&str> = Vec::new();
        for (group, ..) in &groups {
            if !expected.contains(&group.as_str()) {
                expected.push(group);
            }
        }
        prop_assert_eq!(cache_groups::parse(&lines), expected);
    }

    #[test]
    fn any_field_lists_few_short_groups(
        lines in vec(prop_oneof![soup(&["\"posts\"", "a", "?1", "()", "1"]), any_value()], 0..4),
    ) {
        let groups = cache_groups::parse(&lines);
        prop_assert!(groups.len() <= 128 && groups.iter().all(|group| group.len() <= 128));
        let written = groups.iter().map(|group| string(group)).collect::<Vec<_>>().join(", ");
        let written = value(written.as_bytes());
        prop_assert_eq!(cache_groups::parse([&written]), groups);
    }

    /// A tag that a client chooses is one group.
    #[test]
    fn each_tag_is_one_group(tags in vec("[^\\p{Cc}]{1,12}", 1..6)) {
        let sent = TagHeader::CacheGroups.value(tags.iter().map(String::as_str), 3072).unwrap();
        let distinct: std::collections::BTreeSet<_> = tags.iter().collect();
        prop_assert_eq!(cache_groups::parse([&sent]).len(), distinct.len());
    }
}
