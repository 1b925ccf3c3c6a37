//! Groups of an origin (RFC 9875 2.1), as tags.
//!
//! A tag is the same on all hosts, and a group is not: a response of one host must not invalidate the groups of another. So a page has a
//! tag for each group and its origin, whose name no author can give to another tag.

use super::{normal_form, tag::Tag};
use crate::http::RequestOrigin;

/// A tag of an author has no control character.
const MARK: char = '\0';

/// Returns the name of the tag for a group of an origin.
pub(crate) fn tag_name(group: &str, origin: &RequestOrigin<'_>) -> String {
    let scheme = origin.scheme.to_ascii_lowercase();
    let host = normal_form::host(origin.scheme, origin.host).to_ascii_lowercase();
    format!("{MARK}{scheme}://{host}{MARK}{group}")
}

/// Returns whether a tag stands for a group of an origin.
pub(crate) fn is_group(tag: &Tag) -> bool {
    tag.name.starts_with(MARK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purge::tag;

    #[test]
    fn group_is_the_same_for_equivalent_origins_only() {
        let name = |scheme, host| tag_name("posts", &RequestOrigin { scheme, host, host_fields: &[] });
        assert_eq!(name("https", "a.example"), name("HTTPS", "A.example:443"));
        for (scheme, host) in [("http", "a.example"), ("https", "b.example"), ("https", "a.example:8443")] {
            assert_ne!(name(scheme, host), name("https", "a.example"), "{scheme}://{host}");
        }
    }

    #[test]
    fn author_cannot_name_the_tag_of_a_group() {
        let name = tag_name("posts", &RequestOrigin { scheme: "https", host: "a.example", host_fields: &[] });
        assert!(tag::check(&name).is_err());
        assert!(is_group(&Tag::new(&name)) && !is_group(&Tag::new("posts")));
    }
}
