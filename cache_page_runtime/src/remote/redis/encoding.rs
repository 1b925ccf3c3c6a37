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
    let mut number = 0;
    for digit in text {
        number = number * 10 + u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    (text.len() == DIGITS).then_some(number)
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
