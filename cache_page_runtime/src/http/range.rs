//! Byte ranges (RFC 9110 14.1.2).

use std::ops::Range;

use super::syntax::parse_digits;

/// What is sent of a representation in response to a conditional request or a range request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    Full,
    /// These bytes of the body (206).
    Partial(Range<usize>),
    /// Nothing, because the client's copy is current (304).
    NotModified,
    /// Nothing, because `If-Match` or `If-Unmodified-Since` is not fulfilled (412).
    PreconditionFailed,
    /// Nothing, because the range lies beyond the end of the body (416).
    Unsatisfiable,
}

/// Returns what a `Range` value selects of a body of `body_len` bytes.
///
/// Multiple ranges, other units and malformed values select the full body, as RFC 9110 14.2 allows.
pub(crate) fn parse(value: &[u8], body_len: usize) -> Selection {
    let Some((unit, range)) = split_once(value.trim_ascii(), b'=') else { return Selection::Full };
    let Some((first, last)) = split_once(range.trim_ascii(), b'-') else { return Selection::Full };
    // Every range of an empty body is unsatisfiable. A full response is as small as a 416, and more useful.
    if !unit.eq_ignore_ascii_case(b"bytes") || body_len == 0 {
        return Selection::Full;
    }
    match (parse_position(first), parse_position(last)) {
        (None, Some(suffix_len)) if first.is_empty() => match suffix_len.min(body_len) {
            0 => Selection::Unsatisfiable,
            suffix_len => Selection::Partial(body_len - suffix_len..body_len),
        },
        (Some(first), None) if last.is_empty() => partial(first, body_len, body_len),
        (Some(first), Some(last)) if first <= last => partial(first, last.saturating_add(1), body_len),
        _ => Selection::Full,
    }
}

fn partial(start: usize, end: usize, body_len: usize) -> Selection {
    if start < body_len { Selection::Partial(start..end.min(body_len)) } else { Selection::Unsatisfiable }
}

fn parse_position(digits: &[u8]) -> Option<usize> {
    parse_digits(digits).map(|position| usize::try_from(position).unwrap_or(usize::MAX))
}

fn split_once(value: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let index = value.iter().position(|&byte| byte == separator)?;
    Some((&value[..index], &value[index + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_byte_ranges_are_parsed_and_all_else_is_ignored() {
        use Selection::{Full, Partial, Unsatisfiable};
        for (value, selection) in [
            ("bytes=0-0", Partial(0..1)),
            ("bytes=0-9", Partial(0..10)),
            ("bytes=0-", Partial(0..10)),
            ("Bytes=2-5", Partial(2..6)),
            (" bytes=2-5 ", Partial(2..6)),
            ("bytes=9-9", Partial(9..10)),
            ("bytes=5-99999999999999999999999999", Partial(5..10)),
            ("bytes=-3", Partial(7..10)),
            ("bytes=-10", Partial(0..10)),
            ("bytes=-11", Partial(0..10)),
            ("bytes=-0", Unsatisfiable),
            ("bytes=10-", Unsatisfiable),
            ("bytes=10-20", Unsatisfiable),
            ("bytes=99999999999999999999999999-", Unsatisfiable),
            ("bytes=5-2", Full),
            ("bytes=0-0,2-3", Full),
            ("bytes=0-0,", Full),
            ("bytes=-", Full),
            ("bytes=--3", Full),
            ("bytes=+1-3", Full),
            ("bytes=a-b", Full),
            ("bytes=1 - 3", Full),
            ("bytes", Full),
            ("bytes=", Full),
            ("lines=0-1", Full),
            ("", Full),
        ] {
            assert_eq!(parse(value.as_bytes(), 10), selection, "{value:?}");
        }
        for value in ["bytes=0-", "bytes=-5", "bytes=-0", "bytes=0-0"] {
            assert_eq!(parse(value.as_bytes(), 0), Full, "{value:?}");
        }
    }
}
