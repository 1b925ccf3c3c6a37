//! Entity tags (RFC 9110 8.8.3).

use http::header::{AGE, CACHE_CONTROL, DATE, ETAG, EXPIRES, HeaderName, HeaderValue, LAST_MODIFIED};
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_128;

use super::accept_encoding::Coding;

/// An entity tag that was parsed from a field value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntityTag<'t> {
    is_weak: bool,
    opaque_tag: &'t [u8],
}

impl<'t> EntityTag<'t> {
    /// Parses a value that is one entity tag, with optional whitespace around it.
    pub(crate) fn parse(value: &'t [u8]) -> Option<Self> {
        let (tag, rest) = Self::parse_prefix(value.trim_ascii())?;
        rest.is_empty().then_some(tag)
    }

    /// Parses the entity tag at the beginning of `value`. Returns it and the rest of `value`.
    fn parse_prefix(value: &'t [u8]) -> Option<(Self, &'t [u8])> {
        let (is_weak, quoted) = strip_weakness(value);
        let opaque_tag = quoted.strip_prefix(b"\"")?;
        let end = opaque_tag.iter().position(|&byte| byte == b'"')?;
        opaque_tag[..end]
            .iter()
            .all(|byte| is_etagc(*byte))
            .then_some((Self { is_weak, opaque_tag: &opaque_tag[..end] }, &opaque_tag[end + 1..]))
    }

    /// Returns the tag of the page, if this is the tag of one of its encoded representations, and the coding.
    pub(crate) fn without_coding(self) -> Option<(Self, Coding)> {
        Coding::ALL.into_iter().find_map(|coding| {
            let opaque_tag = self.opaque_tag.strip_suffix(coding.tag_suffix().as_bytes())?;
            Some((Self { opaque_tag, ..self }, coding))
        })
    }

    /// Compares two entity tags by strong comparison (RFC 9110 8.8.3.2).
    pub(crate) fn strong_eq(self, other: Self) -> bool {
        !self.is_weak && !other.is_weak && self.opaque_tag == other.opaque_tag
    }

    /// Compares two entity tags by weak comparison (RFC 9110 8.8.3.2).
    pub(crate) fn weak_eq(self, other: Self) -> bool {
        self.opaque_tag == other.opaque_tag
    }
}

/// Returns whether a byte may be within the quotes of an entity tag.
fn is_etagc(byte: u8) -> bool {
    byte == 0x21 || byte >= 0x23 && byte != 0x7f
}

/// The entity tags of a comma-separated list. Commas within a tag do not separate it.
///
/// The iterator ends at the first member that is not an entity tag, because it is unclear where such a member ends.
pub(crate) struct EntityTags<'t>(&'t [u8]);

impl<'t> EntityTags<'t> {
    pub(crate) fn new(list: &'t [u8]) -> Self {
        Self(list)
    }
}

impl<'t> Iterator for EntityTags<'t> {
    type Item = EntityTag<'t>;

    fn next(&mut self) -> Option<EntityTag<'t>> {
        let is_separator = |byte: &u8| matches!(byte, b',' | b' ' | b'\t');
        let start = self.0.iter().position(|byte| !is_separator(byte))?;
        let parsed = EntityTag::parse_prefix(&self.0[start..])
            .filter(|(_, rest)| matches!(rest.trim_ascii_start().first(), None | Some(b',')));
        self.0 = parsed.map_or(&[], |(_, rest)| rest);
        parsed.map(|(tag, _)| tag)
    }
}

/// Returns whether a value is one entity tag.
pub(crate) fn is_tag(value: &HeaderValue) -> bool {
    match strip_weakness(value.as_bytes()).1 {
        [b'"', opaque_tag @ .., b'"'] => {
            opaque_tag.iter().fold(true, |is_tag, byte| is_tag & is_etagc(*byte))
        }
        _ => false,
    }
}

/// Returns the entity tag of a representation that is encoded, given that of the page, or `None` if the latter is malformed. A weak tag
/// stays weak.
pub(crate) fn of_encoded(etag: &HeaderValue, coding: Coding) -> Option<HeaderValue> {
    EntityTag::parse(etag.as_bytes())?;
    let quoted = etag.as_bytes().trim_ascii().strip_suffix(b"\"")?;
    HeaderValue::from_bytes(&[quoted, coding.tag_suffix().as_bytes(), b"\""].concat()).ok()
}

/// Compares two values of `ETag` by weak comparison, even if they are not valid entity tags.
pub(crate) fn weak_eq(one: &HeaderValue, other: &HeaderValue) -> bool {
    strip_weakness(one.as_bytes()).1 == strip_weakness(other.as_bytes()).1
}

/// Returns an entity tag for a response, made of the length of its body and a hash of its status, headers and body.
///
/// A client that is sent 304 goes on with the response that it has stored, and browsers keep some of its headers whatever the 304
/// says, `Content-Type` and `X-Frame-Options` among them. So the tag also stands for the headers. It does not depend on the order
/// of headers with different names, which differs from process to process.
///
/// The tag is weak, because an outer middleware may still encode the body (RFC 9110 8.8.1).
pub(crate) fn weak_from_response<'h>(
    status: u16,
    headers: impl Iterator<Item = (&'h HeaderName, &'h HeaderValue)>,
    body: &[u8],
) -> Option<HeaderValue> {
    let mut lines: SmallVec<[(&str, &[u8]); 16]> = headers
        .filter(|(name, _)| is_covered(name))
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    // The sort is stable: lines of one name stay in their order.
    lines.sort_by_key(|(name, _)| *name);
    let mut hashed: SmallVec<[u8; 1024]> = SmallVec::from_slice(&xxh3_128(body).to_be_bytes());
    hashed.extend_from_slice(&status.to_be_bytes());
    for (name, value) in lines {
        for part in [name.as_bytes(), value] {
            hashed.extend_from_slice(&part.len().to_be_bytes());
            hashed.extend_from_slice(part);
        }
    }
    format_weak(body.len(), xxh3_128(&hashed))
}

/// Returns whether a response with another value of this header is another one.
///
/// The headers that are not covered tell the time, or for how long the response may be used. Clients take them from a 304.
fn is_covered(name: &HeaderName) -> bool {
    !matches!(*name, AGE | CACHE_CONTROL | DATE | ETAG | EXPIRES | LAST_MODIFIED)
        && !matches!(name.as_str(), "cache-status" | "cdn-cache-control")
}

fn format_weak(length: usize, hash: u128) -> Option<HeaderValue> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let hash = hash.to_be_bytes();
    let mut value: SmallVec<[u8; 64]> = SmallVec::from_slice(b"W/\"");
    let length = length.to_be_bytes();
    let nibbles = |bytes: &[u8]| -> SmallVec<[u8; 32]> {
        bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect()
    };
    let digit = |nibble: &u8| DIGITS[usize::from(nibble & 15)];
    let length = nibbles(&length);
    let first = length.iter().position(|nibble| *nibble > 0).unwrap_or(length.len() - 1);
    value.extend(length[first..].iter().map(digit));
    value.push(b'-');
    value.extend(nibbles(&hash).iter().map(digit));
    value.push(b'"');
    HeaderValue::from_bytes(&value).ok()
}

fn strip_weakness(value: &[u8]) -> (bool, &[u8]) {
    value.strip_prefix(b"W/").map_or((false, value), |rest| (true, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_are_compared_weakly_and_strongly() {
        for (one, other, is_weak_eq, is_strong_eq) in [
            ("\"a\"", "\"a\"", true, true),
            ("W/\"a\"", "\"a\"", true, false),
            ("W/\"a\"", "W/\"a\"", true, false),
            ("\"a\"", "\"A\"", false, false),
        ] {
            let [tag, other_tag] = [one, other].map(|value| EntityTag::parse(value.as_bytes()).unwrap());
            assert_eq!(tag.weak_eq(other_tag), is_weak_eq, "{one} {other}");
            assert_eq!(tag.strong_eq(other_tag), is_strong_eq, "{one} {other}");
            let [one, other] = [one, other].map(HeaderValue::from_static);
            assert_eq!(weak_eq(&one, &other), is_weak_eq, "{one:?} {other:?}");
        }
    }

    fn tag(lines: &[(&'static str, &'static str)], body: &[u8]) -> HeaderValue {
        let lines: Vec<_> = lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        weak_from_response(200, lines.iter().map(|(name, value)| (name, value)), body).unwrap()
    }

    #[test]
    fn encoded_representation_has_a_tag_of_its_own() {
        for (tag, expected) in [("\"a\"", "\"a-br\""), ("W/\"a\"", "W/\"a-br\""), (" \"\" ", "\"-br\"")] {
            let encoded = of_encoded(&HeaderValue::from_static(tag), Coding::Brotli).unwrap();
            assert_eq!(encoded, expected, "{tag}");
            let (page, coding) = EntityTag::parse(encoded.as_bytes()).unwrap().without_coding().unwrap();
            assert_eq!((Some(page), coding), (EntityTag::parse(tag.as_bytes()), Coding::Brotli));
        }
        for tag in ["a", "\"a", "", "\"a\", \"b\""] {
            assert_eq!(of_encoded(&HeaderValue::from_static(tag), Coding::Brotli), None, "{tag}");
        }
        assert_eq!(EntityTag::parse(b"\"a\"").unwrap().without_coding(), None);
    }

    #[test]
    fn generated_tag_depends_on_status_and_headers() {
        let lines = [("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2")];
        let first = tag(&lines, b"a");
        assert_eq!(tag(&[lines[1], lines[0], lines[2]], b"a"), first, "the order of different names");
        for other in [
            &[lines[0], lines[2], lines[1]][..],
            &lines[..2],
            &[lines[0], ("x-a", "12")],
            &[lines[0], ("x-a", "1, 2")],
            &[("content-type", "text/html"), lines[1], lines[2]],
            &[],
        ] {
            assert_ne!(tag(other, b"a"), first, "{other:?}");
        }
        assert_ne!(
            weak_from_response(203, [].into_iter(), b"a"),
            weak_from_response(200, [].into_iter(), b"a")
        );
    }

    #[test]
    fn generated_tag_does_not_depend_on_times_and_lifetimes() {
        let times = [
            ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("expires", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("cache-control", "max-age=5"),
            ("age", "1"),
        ];
        assert_eq!(tag(&times, b"a"), tag(&[], b"a"));
    }

    #[test]
    fn generated_tag_depends_on_length_and_content() {
        let tags = [&b""[..], b"a", b"b", b"aa"].map(|body| tag(&[], body));
        for (index, tag) in tags.iter().enumerate() {
            assert!(EntityTag::parse(tag.as_bytes()).is_some_and(|tag| tag.is_weak), "{tag:?}");
            assert!(!tags[..index].contains(tag), "{tag:?}");
        }
        assert!(tags[0].as_bytes().starts_with(b"W/\"0-"));
    }
}
