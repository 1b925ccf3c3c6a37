//! The groups of a response, and those that it invalidates (RFC 9875).

use std::borrow::Cow;

use http::header::{HeaderName, HeaderValue};

use super::structured_fields::parse_strings;

pub(crate) const CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");
pub(crate) const CACHE_GROUP_INVALIDATION: HeaderName = HeaderName::from_static("cache-group-invalidation");

/// How many groups of a field count. The RFC demands 32.
const MAX_GROUPS: usize = 128;

/// The maximum length of a group in bytes. The RFC demands 32.
const MAX_GROUP_LEN: usize = 128;

/// Returns the groups that the lines of a field list: the first 128 of those that are not too long. A malformed field lists none.
pub(crate) fn parse<'v>(lines: impl IntoIterator<Item = &'v HeaderValue>) -> Vec<Cow<'v, str>> {
    let mut groups = Vec::new();
    let parsed = parse_strings(lines.into_iter().map(HeaderValue::as_bytes), |group| {
        if groups.len() < MAX_GROUPS && group.len() <= MAX_GROUP_LEN && !groups.contains(&group) {
            groups.push(group);
        }
    });
    if parsed.is_err() {
        groups.clear();
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(lines: &[&str]) -> Vec<String> {
        let lines: Vec<HeaderValue> = lines.iter().map(|line| HeaderValue::from_str(line).unwrap()).collect();
        parse(&lines).into_iter().map(Cow::into_owned).collect()
    }

    #[test]
    fn field_lists_strings() {
        assert_eq!(groups(&["\"posts\", \"post:7\""]), ["posts", "post:7"]);
        assert_eq!(groups(&["\"a\";revalidate;x=(1)"]), [""; 0]);
        assert_eq!(
            groups(&["\"a\";revalidate;x=1 ,\t\"b \\\"c\\\\\"", "", "\"A\", \"a\""]),
            ["a", "b \"c\\", "A"]
        );
        assert_eq!(groups(&["", " "]), [""; 0]);
        assert_eq!(groups(&["\"\""]), [""]);
    }

    #[test]
    fn malformed_field_lists_nothing() {
        for line in [
            "posts",
            "\"a\", posts",
            "\"a\",",
            ",\"a\"",
            "\"a\" \"b\"",
            "\"a",
            "\"a\\b\"",
            "\"\u{fc}\"",
            "\"a\", 7",
            "\"a\", (\"b\")",
            "\"a\";",
            "\"a\";R",
            "\"a\", ?1",
        ] {
            let line = HeaderValue::from_bytes(line.as_bytes()).unwrap();
            assert!(parse([&HeaderValue::from_static("\"ok\""), &line]).is_empty(), "{line:?}");
        }
    }

    #[test]
    fn field_has_a_limited_number_of_groups() {
        let many: Vec<String> = (0..200).map(|number| format!("\"{number}\"")).collect();
        assert_eq!(groups(&[&many.join(", ")]).len(), 128);
        let (longest, longer) = ("x".repeat(128), "x".repeat(129));
        assert_eq!(groups(&[&format!("\"{longer}\", \"{longest}\"")]), [longest]);
    }
}
