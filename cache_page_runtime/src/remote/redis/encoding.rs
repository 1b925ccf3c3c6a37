//! Numbers and page values as the scripts write them.
//!
//! A number has sixteen digits, so that numbers can be concatenated. Whatever a plain command reads is written twice, so
//! that a corrupted reply is detected.
//!
//! The value of a page is `header header frame`. A header starts with its own length, in eight digits.

use std::time::Duration;

use actix_web::web::Bytes;

use crate::key::Version;

/// The greatest number that Lua represents exactly, 2^53 - 1.
pub(super) const MAX_NUMBER: u64 = 9_007_199_254_740_991;

/// The digits of a number.
pub(super) const DIGITS: usize = 16;

/// The digits of the length of a header.
pub(super) const LENGTH_DIGITS: usize = 8;

pub(super) fn digits(number: u64) -> String {
    format!("{:016}", number.min(MAX_NUMBER))
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(MAX_NUMBER).min(MAX_NUMBER)
}

/// Returns milliseconds, at most as many as the server can add to its date.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(MAX_NUMBER).min(MAX_NUMBER / 1000)
}

pub(super) fn parse_number(text: &[u8]) -> Option<u64> {
    let (high, low) = text.split_first_chunk()?;
    Some(parse_half(*high)? * 100_000_000 + parse_half(low.try_into().ok()?)?)
}

/// Parses half of the digits of a number, all at once: a lookup parses about fifteen numbers.
fn parse_half(digits: [u8; DIGITS / 2]) -> Option<u64> {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let text = u64::from_le_bytes(digits);
    // Six more than a digit is not in the next row of the table of characters.
    if text & HIGH != ZEROS || (text + 0x0606_0606_0606_0606) & HIGH != ZEROS {
        return None;
    }
    // Each step combines neighbours: digits, then numbers of two digits, then those of four.
    let ones = text - ZEROS;
    let pairs = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

/// Parses `N` numbers.
pub(super) fn parse_numbers<const N: usize>(text: &[u8]) -> Option<[u64; N]> {
    if text.len() != DIGITS * N {
        return None;
    }
    let mut numbers = [0; N];
    for (number, digits) in numbers.iter_mut().zip(text.chunks_exact(DIGITS)) {
        *number = parse_number(digits)?;
    }
    Some(numbers)
}

/// Returns a text that is written twice, once.
pub(super) fn undouble(text: &[u8]) -> Option<&[u8]> {
    let (once, again) = text.split_at(text.len() / 2);
    (once == again).then_some(once)
}

/// Splits the value of a page into its header, without the length, and its frame.
pub(super) fn split_value(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, _) = value.split_first_chunk::<LENGTH_DIGITS>()?;
    let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
    let (header, rest) = value.split_at_checked(length.checked_add(LENGTH_DIGITS)?)?;
    let (again, frame) = rest.split_at_checked(header.len())?;
    (header == again).then(|| (&header[LENGTH_DIGITS..], frame))
}

/// Returns the version of a page: its header, which contains the time when it was stored, and the length of its frame. No
/// two pages are stored under one key at the same time.
pub(super) fn version_of(value: &[u8]) -> Option<Version> {
    let (_, frame) = split_value(value)?;
    let length = u32::try_from(frame.len()).ok()?.to_le_bytes();
    let header = &value[..(value.len() - frame.len()) / 2];
    Some(Version([header, &length].concat().into()))
}

pub(super) fn frame_of(value: &Bytes) -> Option<Bytes> {
    let (_, frame) = split_value(value)?;
    let start = value.len() - frame.len();
    Some(value.slice(start..))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn anything_but_sixteen_digits_is_no_number() {
        assert_eq!(parse_number(b"9999999999999999"), Some(9_999_999_999_999_999));
        for text in ["", "1", "000000000000001", "00000000000000001", "-000000000000001"] {
            assert_eq!(parse_number(text.as_bytes()), None, "{text}");
        }
        for at in 0..DIGITS {
            for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
                let mut text = *b"1234567890123456";
                text[at] = byte;
                assert_eq!(parse_number(&text), None, "{byte} at {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn number_is_what_was_written(number in any::<u64>()) {
            let number = number % (MAX_NUMBER + 1);
            prop_assert_eq!(parse_number(digits(number).as_bytes()), Some(number));
        }
    }
}
