//! One part of a body (RFC 9110 14.1.2).

use crate::http::conditional::Selection;

/// What `Range: bytes=…` asks of a body of so many bytes. Several ranges, other units and whatever cannot be read get the
/// whole page, as RFC 9110 14.2 allows.
pub(crate) fn parse(line: &[u8], length: usize) -> Selection {
    let Some((unit, range)) = split_once(line.trim_ascii(), b'=') else { return Selection::Whole };
    let Some((first, last)) = split_once(range.trim_ascii(), b'-') else { return Selection::Whole };
    // Of nothing there are no parts, and nothing is to be had by refusing it.
    if !unit.eq_ignore_ascii_case(b"bytes") || length == 0 {
        return Selection::Whole;
    }
    match (position(first), position(last)) {
        // The last so many bytes.
        (None, Some(suffix)) if first.is_empty() => match suffix.min(length) {
            0 => Selection::Unsatisfiable,
            suffix => Selection::Part(length - suffix..length),
        },
        (Some(first), None) if last.is_empty() => part(first, length, length),
        (Some(first), Some(last)) if first <= last => part(first, last.saturating_add(1), length),
        _ => Selection::Whole,
    }
}

fn part(start: usize, end: usize, length: usize) -> Selection {
    if start < length { Selection::Part(start..end.min(length)) } else { Selection::Unsatisfiable }
}

/// A position in a body, the largest there is where it is larger.
fn position(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number =
        |number: usize, digit: &u8| number.saturating_mul(10).saturating_add(usize::from(digit - b'0'));
    Some(digits.iter().fold(0, number))
}

fn split_once(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let position = text.iter().position(|&byte| byte == at)?;
    Some((&text[..position], &text[position + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_one_range_and_nothing_else() {
        use Selection::{Part, Unsatisfiable, Whole};
        for (line, extent) in [
            ("bytes=0-0", Part(0..1)),
            ("bytes=0-9", Part(0..10)),
            ("bytes=0-", Part(0..10)),
            ("Bytes=2-5", Part(2..6)),
            (" bytes=2-5 ", Part(2..6)),
            ("bytes=9-9", Part(9..10)),
            ("bytes=5-99999999999999999999999999", Part(5..10)),
            ("bytes=-3", Part(7..10)),
            ("bytes=-10", Part(0..10)),
            ("bytes=-11", Part(0..10)),
            ("bytes=-0", Unsatisfiable),
            ("bytes=10-", Unsatisfiable),
            ("bytes=10-20", Unsatisfiable),
            ("bytes=99999999999999999999999999-", Unsatisfiable),
            ("bytes=5-2", Whole),
            ("bytes=0-0,2-3", Whole),
            ("bytes=0-0,", Whole),
            ("bytes=-", Whole),
            ("bytes=--3", Whole),
            ("bytes=+1-3", Whole),
            ("bytes=a-b", Whole),
            ("bytes=1 - 3", Whole),
            ("bytes", Whole),
            ("bytes=", Whole),
            ("lines=0-1", Whole),
            ("", Whole),
        ] {
            assert_eq!(parse(line.as_bytes(), 10), extent, "{line:?}");
        }
        for line in ["bytes=0-", "bytes=-5", "bytes=-0", "bytes=0-0"] {
            assert_eq!(parse(line.as_bytes(), 0), Whole, "{line:?}");
        }
    }
}
