//! The scripts, and what they return. Nothing of it is believed before it was looked at.

use std::time::Duration;

use ::redis::{Script, Value};
use actix_web::web::Bytes;

use super::Place;
use crate::shared::{Change, Changes, Found, Id, Kept, Turn};

/// The greatest number that the scripts can count to (2^53 - 1); it has sixteen digits.
pub(super) const MOST: u64 = 9_007_199_254_740_991;

/// How long a number is.
const DIGITS: usize = 16;

pub(super) struct Scripts {
    pub(super) get: Script,
    pub(super) put: Script,
    pub(super) release: Script,
    pub(super) purge: Script,
    pub(super) tell: Script,
    pub(super) changes: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let script = |own: &str| Script::new(&[include_str!("common.lua"), own].concat());
        Self {
            get: script(include_str!("get.lua")),
            put: script(include_str!("put.lua")),
            release: script(include_str!("release.lua")),
            purge: script(include_str!("purge.lua")),
            tell: script(include_str!("tell.lua")),
            changes: script(include_str!("changes.lua")),
        }
    }
}

pub(super) fn digits(number: u64) -> String {
    format!("{:016}", number.min(MOST))
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(MOST).min(MOST)
}

/// No longer than the engine can add to the date.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(MOST).min(MOST / 1000)
}

/// What `get` returns.
pub(super) fn found(answer: Value) -> Option<Found> {
    let Value::Array(parts) = answer else { return None };
    let mut parts = parts.into_iter();
    let Value::BulkString(numbers) = parts.next()? else { return None };
    // Twice, in case one was changed on its way.
    let (numbers, again) = numbers.split_at(numbers.len() / 2);
    if numbers != again {
        return None;
    }
    let (&[turn, is_there], numbers) = numbers.split_first_chunk()?;
    let turn = match turn {
        b'l' => Turn::Lead,
        b'w' => Turn::Wait,
        b'a' => Turn::Apart,
        _ => return None,
    };
    let [now, put, expired] = three(numbers)?;
    let page = match (is_there, parts.next()) {
        (b'p', Some(Value::BulkString(bytes))) => Some(Kept {
            bytes: frame(&Bytes::from(bytes))?,
            age: Duration::from_micros(now.saturating_sub(put)),
            expired: (expired > 0).then(|| Duration::from_micros(now.saturating_sub(expired))),
        }),
        (b'-', _) => None,
        _ => return None,
    };
    Some(Found { page, turn })
}

fn three(text: &[u8]) -> Option<[u64; 3]> {
    let (one, rest) = text.split_at_checked(DIGITS)?;
    let (two, three) = rest.split_at_checked(DIGITS)?;
    Some([number(one)?, number(two)?, number(three)?])
}

pub(super) fn number(text: &[u8]) -> Option<u64> {
    let mut number = 0;
    for digit in text {
        number = number * 10 + u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    (text.len() == DIGITS).then_some(number)
}

/// A number that is there twice, in case it was changed on its way.
pub(super) fn twice(text: &[u8]) -> Option<u64> {
    let (once, again) = text.split_at(text.len() / 2);
    (once == again).then(|| number(once))?
}

/// What stands before a page, twice, and the page.
pub(super) fn parts(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, _) = value.split_first_chunk::<8>()?;
    let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
    let (about, rest) = value.split_at_checked(length.checked_add(8)?)?;
    let (again, frame) = rest.split_at_checked(about.len())?;
    (about == again).then(|| (&about[8..], frame))
}

fn frame(value: &Bytes) -> Option<Bytes> {
    let (_, frame) = parts(value)?;
    let start = value.len() - frame.len();
    Some(value.slice(start..))
}

/// What `changes` returns, after that place; the number of the last purge; and the time.
pub(super) fn changes(answer: Value, after: Option<&Place>) -> Option<(Changes, u64, u64)> {
    let Value::Array(parts) = answer else { return None };
    let Ok([sequence, tail, last, Value::Array(entries), now]) = <[Value; 5]>::try_from(parts) else {
        return None;
    };
    let (sequence, now) = (twice(&bytes(sequence)?)?, twice(&bytes(now)?)?);
    let (number, tail, last) = (sequence, text(tail)?, text(last)?);
    let mut changes = Vec::with_capacity(entries.len());
    let mut before = after.map(|place| place.tail.clone());
    let mut complete = after.is_some() && !tail.is_empty();
    for entry in entries {
        let Value::Array(entry) = entry else { return None };
        let Ok([place, Value::Array(fields)]) = <[Value; 2]>::try_from(entry) else { return None };
        // The place that is known already is in it too.
        if after.is_some_and(
            |after| matches!(&place, Value::BulkString(place) if *place == after.last.as_bytes()),
        ) {
            continue;
        }
        match Entry::read(fields)? {
            Entry::Filled(page) => changes.push(Change::Filled(page)),
            Entry::Purged { after, number, told } => {
                complete &= before.as_ref() == Some(&after);
                before = Some(number);
                changes.push(Change::Purged(told));
            }
        }
    }
    complete &= before.as_ref() == Some(&tail);
    let position = Place { last, tail, number }.position();
    Some((Changes { complete, changes, position, number }, number, now))
}

/// What stands in the log.
enum Entry {
    Filled(Id),
    Purged {
        /// The one before it.
        after: String,
        number: String,
        told: Vec<u8>,
    },
}

impl Entry {
    fn read(fields: Vec<Value>) -> Option<Self> {
        let fields: Option<Vec<Vec<u8>>> = fields.into_iter().map(bytes).collect();
        let fields = fields?;
        let fields: Vec<(&[u8], &[u8])> =
            fields.chunks_exact(2).map(|pair| (pair[0].as_slice(), pair[1].as_slice())).collect();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        match *fields {
            [(b"f", page)] => Some(Self::Filled(Id(*page.last_chunk()?))),
            [(b"b", after), (b"n", number), (b"v", told)] => {
                Some(Self::Purged { after: text(after)?, number: text(number)?, told: told.to_vec() })
            }
            _ => None,
        }
    }
}

fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}

fn text(value: Value) -> Option<String> {
    String::from_utf8(bytes(value)?).ok()
}
