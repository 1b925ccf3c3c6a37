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

/// Parses a date in any of the three formats of RFC 9110 5.6.7.
pub(crate) fn parse_date(value: &[u8]) -> Option<SystemTime> {
    let date: HttpDate = std::str::from_utf8(value).ok()?.parse().ok()?;
    Some(date.into())
}
