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
/// (RFC 9111 4.2). The day of the week, which follows from the date, may be wrong.
pub(crate) fn parse_date(value: &[u8]) -> Option<SystemTime> {
    let value = std::str::from_utf8(value).ok()?;
    let parse = |date: &str| date.parse::<HttpDate>().ok();
    let date = parse(value).or_else(|| {
        let date = with_usual_case(value)?;
        parse(&date).or_else(|| with_each_weekday(&date).find_map(|date| parse(&date)))
    })?;
    Some(date.into())
}

/// Returns a date that begins with a day of the week, with each other day in its place.
fn with_each_weekday(date: &str) -> impl Iterator<Item = String> {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let abbreviated = |day: &'static str| day.split_at(3).0;
    let is_full = DAYS.iter().any(|day| date.starts_with(*day));
    let name = move |day| if is_full { day } else { abbreviated(day) };
    let rest = DAYS.into_iter().find_map(|day| date.strip_prefix(name(day)));
    let with_day = move |day| rest.map(|rest| format!("{}{rest}", name(day)));
    DAYS.into_iter().filter_map(with_day)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_may_have_any_format_case_and_weekday() {
        let expected = parse_date(b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert!(expected.is_some());
        for date in [
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "sun, 06 nov 1994 08:49:37 gmt",
            "Thu, 06 Nov 1994 08:49:37 GMT",
            "WEDNESDAY, 06-NOV-94 08:49:37 GMT",
            "Mon Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse_date(date.as_bytes()), expected, "{date}");
        }
        for date in [
            "",
            "Sun",
            "Sunday",
            "Xyz, 06 Nov 1994 08:49:37 GMT",
            "06 Nov 1994 08:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sunday, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "ſun, 06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(parse_date(date.as_bytes()), None, "{date}");
        }
    }
}
