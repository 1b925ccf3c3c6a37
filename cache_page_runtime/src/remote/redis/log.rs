//! The log of changes, a stream.
//!
//! The entry of a purge contains the number of the purge before it. With the number of the last purge, which is stored
//! beside the log, a reader detects whether it has read all of them.
//!
//! The log is read, because messages of a channel (`SUBSCRIBE`) are lost while a process is disconnected. A reader continues where
//! it was, and a batch contains all purges before its poll was sent, which is what `max_purge_lag` relies on. As the read blocks
//! (`XREAD`), a purge arrives as soon as a message would.

use ::redis::Value;

use super::encoding::{parse_number, undouble};
use crate::{
    key::Id,
    remote::{Change, ChangeBatch, Cursor},
};

/// A position in the log.
pub(super) struct LogCursor {
    /// The id of the last entry.
    pub(super) last_entry: String,
    /// The number of the last purge in the log.
    last_purge: Vec<u8>,
    /// The sequence number of the last purge.
    pub(super) sequence: u64,
}

impl LogCursor {
    pub(super) fn decode(cursor: &Cursor) -> Option<Self> {
        let (sequence, rest) = cursor.0.split_first_chunk()?;
        let (last_entry, last_purge) = rest.split_at_checked(rest.iter().position(|byte| *byte == b' ')?)?;
        let last_entry = String::from_utf8(last_entry.to_vec()).ok()?;
        let last_purge = last_purge.get(1..)?.to_vec();
        Some(Self { last_entry, last_purge, sequence: u64::from_le_bytes(*sequence) })
    }

    fn encode(&self) -> Cursor {
        let sequence = self.sequence.to_le_bytes();
        Cursor([&sequence, self.last_entry.as_bytes(), b" ", &self.last_purge].concat())
    }
}

/// The reply of the script `poll_changes`.
pub(super) struct LogReply {
    pub(super) batch: ChangeBatch,
    /// The time of the server in microseconds.
    pub(super) now: u64,
}

impl LogReply {
    /// Parses the reply to a poll with a cursor. An entry that cannot be parsed makes the batch incomplete; the reply as a
    /// whole must be valid.
    pub(super) fn parse(reply: Value, after: Option<&LogCursor>) -> Option<Self> {
        let Value::Array(parts) = reply else { return None };
        let Ok([sequence, last_purge, last_entry, Value::Array(entries), now]) =
            <[Value; 5]>::try_from(parts)
        else {
            return None;
        };
        let sequence = parse_number(undouble(&into_bytes(sequence)?)?)?;
        let now = parse_number(undouble(&into_bytes(now)?)?)?;
        let last_purge = undouble(&into_bytes(last_purge)?)?.to_vec();
        let last_entry = String::from_utf8(undouble(&into_bytes(last_entry)?)?.to_vec()).ok()?;
        if !is_entry_id(&last_entry) {
            return None;
        }
        let mut changes = Vec::with_capacity(entries.len());
        let mut previous = after.map(|cursor| cursor.last_purge.clone());
        let mut complete = after.is_some() && !last_purge.is_empty();
        for entry in entries {
            match LogEntry::parse(entry) {
                // The range includes the entry of the cursor.
                Some((id, _)) if after.is_some_and(|cursor| id == cursor.last_entry.as_bytes()) => {}
                Some((_, LogEntry::Filled(key))) => changes.push(Change::Filled(key)),
                Some((_, LogEntry::Purged { previous: expected, number, message })) => {
                    complete &= previous.as_ref() == Some(&expected);
                    previous = Some(number);
                    changes.push(Change::Purged(message));
                }
                None => complete = false,
            }
        }
        complete &= previous.as_ref() == Some(&last_purge);
        let cursor = LogCursor { last_entry, last_purge, sequence }.encode();
        Some(Self { batch: ChangeBatch { complete, changes, cursor, sequence }, now })
    }
}

/// Returns whether this is the id of a stream entry, such as `1795637388653-0`.
fn is_entry_id(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once('-').is_some_and(|(time, count)| is_number(time) && is_number(count))
}

enum LogEntry {
    Filled(Id),
    Purged {
        /// The number of the purge before this one.
        previous: Vec<u8>,
        number: Vec<u8>,
        message: Vec<u8>,
    },
}

impl LogEntry {
    /// Parses an entry with its id.
    fn parse(entry: Value) -> Option<(Vec<u8>, Self)> {
        let Value::Array(entry) = entry else { return None };
        let Ok([id, Value::Array(fields)]) = <[Value; 2]>::try_from(entry) else { return None };
        let fields: Vec<Vec<u8>> = fields.into_iter().map(into_bytes).collect::<Option<_>>()?;
        let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
        let entry = match *fields {
            // The key of a page ends with its id.
            [b"f", page] => Self::Filled(Id(*page.last_chunk()?)),
            [b"b", previous, b"n", number, b"v", message] => Self::Purged {
                previous: previous.to_vec(),
                number: number.to_vec(),
                message: message.to_vec(),
            },
            _ => return None,
        };
        Some((into_bytes(id)?, entry))
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

    fn entry(id: &str, fields: &[&str]) -> Value {
        Value::Array(vec![text(id), Value::Array(fields.iter().map(|field| text(field)).collect())])
    }

    fn purge(id: &str, previous: &str, number: &str) -> Value {
        entry(id, &["b", previous, "n", number, "v", "message"])
    }

    fn reply(last_purge: &str, last_entry: &str, entries: Vec<Value>) -> Value {
        let number = format!("{:016}", 7).repeat(2);
        Value::Array(vec![
            text(&number),
            text(&last_purge.repeat(2)),
            text(&last_entry.repeat(2)),
            Value::Array(entries),
            text(&number),
        ])
    }

    fn poll(after: &Cursor, last_purge: &str, last_entry: &str, entries: Vec<Value>) -> ChangeBatch {
        let cursor = LogCursor::decode(after).unwrap();
        LogReply::parse(reply(last_purge, last_entry, entries), Some(&cursor)).unwrap().batch
    }

    #[test]
    fn batch_with_a_gap_is_incomplete() {
        let first = LogReply::parse(reply("1", "5-0", vec![]), None).unwrap().batch;
        assert!(!first.complete, "without a cursor");
        let empty = poll(&first.cursor, "1", "5-0", vec![]);
        assert!(empty.complete && empty.changes.is_empty());
        let entries = vec![purge("5-0", "0", "1"), purge("6-0", "1", "2"), purge("7-0", "2", "3")];
        let two = poll(&empty.cursor, "3", "7-0", entries);
        assert!(two.complete);
        assert_eq!(two.changes, [const { b"message" }; 2].map(|message| Change::Purged(message.to_vec())));
        for (last_purge, entries) in [
            ("4", vec![]),
            ("5", vec![purge("9-0", "4", "5")]),
            ("5", vec![purge("8-0", "3", "4")]),
            ("4", vec![entry("8-0", &["unknown", "field"])]),
            ("4", vec![Value::Nil]),
            ("", vec![]),
        ] {
            let batch = poll(&two.cursor, last_purge, "9-0", entries.clone());
            assert!(!batch.complete, "{last_purge} {entries:?}");
            let next = last_purge.is_empty() || poll(&batch.cursor, last_purge, "9-0", vec![]).complete;
            assert!(next, "the batch after the gap, {last_purge}");
        }
    }

    #[test]
    fn malformed_reply_is_not_parsed() {
        let valid = || reply("1", "5-0", vec![]);
        assert!(LogReply::parse(valid(), None).is_some());
        for index in 0..5 {
            for other in [Value::Nil, text("1"), text("12"), Value::Array(vec![Value::Nil])] {
                let Value::Array(mut parts) = valid() else { unreachable!() };
                // A malformed entry is a gap.
                if index != 3 || !matches!(other, Value::Array(_)) {
                    parts[index] = other.clone();
                    assert!(LogReply::parse(Value::Array(parts), None).is_none(), "{index} {other:?}");
                }
            }
        }
        assert!(LogReply::parse(reply("1", "5", vec![]), None).is_none());
    }
}
