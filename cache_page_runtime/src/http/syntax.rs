//! Tokens, decimal numbers and dates in field values.

use std::time::SystemTime;

use actix_web::http::header::HttpDate;

/// Returns whether a byte may be part of a token (RFC 9110 5.6.2).
pub(crate) const fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// Parses a non-negative decimal number. A number that does not fit becomes `u64::MAX` (RFC 9111 1.2.2).
pub(crate) fn parse_digits(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let append = |number: u64, digit: &u8| number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    Some(digits.iter().fold(0, append))
}

/// Parses a date in any of the three formats of RFC 9110 5.6.7. Caches compare names of days, months and zones without case
/// (RFC 9111 4.2).
pub(crate) fn parse_date(value: &[u8]) -> Option<SystemTime> {
    let value = std::str::from_utf8(value).ok()?;
    let date: HttpDate = value
        .parse()
        .or_else(|_| with_usual_case(value).ok_or(()).and_then(|date| date.parse().map_err(drop)))
        .ok()?;
    Some(date.into())
}

/// Returns a date with the names in it as RFC 9110 writes them, or `None` if it is too long to be a date.
fn with_usual_case(date: &str) -> Option<String> {
    /// The length of `Wednesday, 09-Nov-94 08:49:37 GMT`, the longest date.
    const MAX_LEN: usize = 33;

    let date = date.trim();
    if date.len() > MAX_LEN {
        return None;
    }
    let mut after_letter = false;
    let mut usual: String = date
        .chars()
        .map(|character| {
            let is_first = !std::mem::replace(&mut after_letter, character.is_ascii_alphabetic());
            if is_first { character.to_ascii_uppercase() } else { character.to_ascii_lowercase() }
        })
        .collect();
    if usual.ends_with("Gmt") {
        usual.truncate(usual.len() - 3);
        usual.push_str("GMT");
    }
    Some(usual)
}
