//! The log of purges, and how far it was read.

use ::redis::Value;

use crate::remote::redis::scripts::parse_duplicated;
use crate::remote::{Change, ChangeBatch, Cursor, Id};

/// How far the log was read.
pub(super) struct LogCursor {
    /// The last entry, as the server numbers them.
    pub(super) last_entry: String,
    /// The last purge.
    last_purge: Vec<u8>,
    pub(super) sequence: u64,
}

impl LogCursor {
    pub(super) fn decode(position: &Cursor) -> Option<Self> {
        let (number, rest) = position.0.split_first_chunk()?;
        let (last, tail) = rest.split_at_checked(rest.iter().position(|byte| *byte == b' ')?)?;
        let last = String::from_utf8(last.to_vec()).ok()?;
        Some(Self {
            last_entry: last,
            last_purge: tail.get(1..)?.to_vec(),
            sequence: u64::from_le_bytes(*number),
        })
    }

    fn encode(&self) -> Cursor {
        Cursor(
            [&self.sequence.to_le_bytes()[..], self.last_entry.as_bytes(), b" ", &self.last_purge].concat(),
        )
    }
}

/// What the server has told.
pub(super) struct LogReply {
    pub(super) changes: ChangeBatch,
    /// What it is by its clock, in microseconds.
    pub(super) now: u64,
}

/// What the script returns, after that place. What of the log cannot be read is missing from it: it is only the answer itself that must
/// have its form.
pub(super) fn parse(answer: Value, after: Option<&LogCursor>) -> Option<LogReply> {
    let Value::Array(parts) = answer else { return None };
    let Ok([sequence, tail, last, Value::Array(entries), now]) = <[Value; 5]>::try_from(parts) else {
        return None;
    };
    let (number, now) = (parse_duplicated(&into_bytes(sequence)?)?, parse_duplicated(&into_bytes(now)?)?);
    let (tail, last) = (undouble(&into_bytes(tail)?)?.to_vec(), undouble(&into_bytes(last)?)?.to_vec());
    let last = String::from_utf8(last).ok().filter(|last| is_entry_id(last))?;
    let mut changes = Vec::with_capacity(entries.len());
    let mut before = after.map(|place| place.last_purge.clone());
    let mut complete = after.is_some() && !tail.is_empty();
    for entry in entries {
        match Entry::parse(entry) {
            // The place that is known already is in it too.
            Some((place, _)) if after.is_some_and(|after| place == after.last_entry.as_bytes()) => {}
            Some((_, Entry::Filled(page))) => changes.push(Change::Filled(page)),
            Some((_, Entry::Purged { after, number, told })) => {
                complete &= before.as_ref() == Some(&after);
                before = Some(number);
                changes.push(Change::Purged(told));
            }
            None => complete = false,
        }
    }
    complete &= before.as_ref() == Some(&tail);
    let position = LogCursor { last_entry: last, last_purge: tail, sequence: number }.encode();
    Some(LogReply { changes: ChangeBatch { complete, changes, cursor: position, sequence: number }, now })
}

/// As a server numbers entries: `1795637388653-0`.
fn is_entry_id(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').is_some_and(|(time, count)| is_number(time) && is_number(count))
}

/// What is there twice, in case it was changed on its way.
fn undouble(text: &[u8]) -> Option<&[u8]> {
    let (once, again) = text.split_at(text.len() / 2);
    (once == again).then_some(once)
}

/// What stands in the log.
enum Entry {
    Filled(Id),
    Purged {
        /// The one before it.
        after: Vec<u8>,
        number: Vec<u8>,
        told: Vec<u8>,
    },
}

impl Entry {
    /// With its place.
    fn parse(entry: Value) -> Option<(Vec<u8>, Self)> {
        let Value::Array(entry) = entry else { return None };
        let Ok([place, Value::Array(fields)]) = <[Value; 2]>::try_from(entry) else { return None };
        let fields: Vec<Vec<u8>> = fields.into_iter().map(into_bytes).collect::<Option<_>>()?;
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        let entry = match *fields {
            [b"f", page] => Self::Filled(Id(*page.last_chunk()?)),
            [b"b", after, b"n", number, b"v", told] => {
                Self::Purged { after: after.to_vec(), number: number.to_vec(), told: told.to_vec() }
            }
            _ => return None,
        };
        Some((into_bytes(place)?, entry))
    }
}

fn into_bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    fn entry(place: &str, fields: &[&str]) -> Value {
        Value::Array(vec![text(place), Value::Array(fields.iter().map(|field| text(field)).collect())])
    }

    /// As if the last purge were this one, and the log had these entries.
    fn told(tail: &str, last: &str, entries: Vec<Value>) -> Value {
        let number = format!("{:016}", 7).repeat(2);
        Value::Array(vec![
            text(&number),
            text(&tail.repeat(2)),
            text(&last.repeat(2)),
            Value::Array(entries),
            text(&number),
        ])
    }

    fn after(position: &Cursor, tail: &str, last: &str, entries: Vec<Value>) -> ChangeBatch {
        let place = LogCursor::decode(position).unwrap();
        parse(told(tail, last, entries), Some(&place)).unwrap().changes
    }

    #[test]
    fn each_purge_names_the_one_before_and_a_gap_is_seen() {
        let first = parse(told("1", "5-0", vec![]), None).unwrap().changes;
        assert!(!first.complete, "nothing was known before");
        let purge = |place, before, number| entry(place, &["b", before, "n", number, "v", "what"]);
        let nothing = after(&first.cursor, "1", "5-0", vec![]);
        assert!(nothing.complete && nothing.changes.is_empty());
        let two = vec![purge("5-0", "0", "1"), purge("6-0", "1", "2"), purge("7-0", "2", "3")];
        let heard = after(&nothing.cursor, "3", "7-0", two);
        assert!(heard.complete);
        assert_eq!(heard.changes, [const { b"what" }; 2].map(|what| Change::Purged(what.to_vec())));
        for (tail, entries) in [
            ("4", vec![]),
            ("5", vec![purge("9-0", "4", "5")]),
            ("5", vec![purge("8-0", "3", "4")]),
            ("4", vec![entry("8-0", &["what", "is this"])]),
            ("4", vec![Value::Nil]),
            ("", vec![]),
        ] {
            let heard = after(&heard.cursor, tail, "9-0", entries.clone());
            assert!(!heard.complete, "{tail} {entries:?}");
            // It goes on from there.
            assert!(tail.is_empty() || after(&heard.cursor, tail, "9-0", vec![]).complete);
        }
    }

    #[test]
    fn an_answer_without_its_form_is_none() {
        let whole = || told("1", "5-0", vec![]);
        assert!(parse(whole(), None).is_some());
        for place in 0..5 {
            for other in [Value::Nil, text("1"), text("12"), Value::Array(vec![Value::Nil])] {
                let Value::Array(mut parts) = whole() else { unreachable!() };
                // An entry that cannot be read is a gap.
                if place != 3 || !matches!(other, Value::Array(_)) {
                    parts[place] = other.clone();
                    assert!(parse(Value::Array(parts), None).is_none(), "{place} {other:?}");
                }
            }
        }
        assert!(parse(told("1", "5", vec![]), None).is_none());
    }
}
