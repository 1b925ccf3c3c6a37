//! The scripts, and what they return. Nothing of it is believed before it was looked at.

use std::time::Duration;

use ::redis::{ErrorKind, RedisError, ServerErrorKind, Value, cmd};
use actix_web::web::Bytes;

use crate::remote::redis::connection::Connection;
use crate::remote::{GetResponse, LeaseStatus, RemoteEntry, Version};

/// The greatest number that the scripts can count to (2^53 - 1); it has sixteen digits.
pub(super) const MAX_NUMBER: u64 = 9_007_199_254_740_991;

/// How long a number is.
const DIGITS: usize = 16;

/// One of them. The client's own panics where the server's answer to loading one was changed on its way.
pub(super) struct Script {
    sha1: String,
    source: String,
}

impl Script {
    fn new(text: String) -> Self {
        Self { sha1: ::redis::Script::new(&text).get_hash().to_owned(), source: text }
    }

    pub(super) async fn run(
        &self,
        connection: &mut Connection,
        keys: &[&[u8]],
        arguments: &[&[u8]],
    ) -> Result<Value, RedisError> {
        let command = |name, script: &str| {
            let mut command = cmd(name);
            command.arg(script).arg(keys.len()).arg(keys).arg(arguments);
            command
        };
        match command("EVALSHA", &self.sha1).query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                command("EVAL", &self.source).query_async(connection).await
            }
            answer => answer,
        }
    }
}

pub(super) struct Scripts {
    pub(super) check_run_id: Script,
    pub(super) get: Script,
    pub(super) put: Script,
    pub(super) release: Script,
    pub(super) purge: Script,
    pub(super) publish: Script,
    pub(super) poll_changes: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let script = |own: &str| Script::new([include_str!("lua/common.lua"), own].concat());
        Self {
            check_run_id: script(include_str!("lua/check_run_id.lua")),
            get: script(include_str!("lua/get.lua")),
            put: script(include_str!("lua/put.lua")),
            release: script(include_str!("lua/release.lua")),
            purge: script(include_str!("lua/purge.lua")),
            publish: script(include_str!("lua/publish.lua")),
            poll_changes: script(include_str!("lua/poll_changes.lua")),
        }
    }
}

pub(super) fn digits(number: u64) -> String {
    format!("{:016}", number.min(MAX_NUMBER))
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(MAX_NUMBER).min(MAX_NUMBER)
}

/// No longer than the engine can add to the date.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(MAX_NUMBER).min(MAX_NUMBER / 1000)
}

/// What `get` returns.
pub(super) fn parse_get(answer: Value) -> Option<GetResponse> {
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
        b'l' => LeaseStatus::Acquired,
        b'w' => LeaseStatus::Held,
        b'a' => LeaseStatus::Uncoalesced,
        _ => return None,
    };
    let [now, put, expired] = parse_three(numbers)?;
    let page = match (is_there, parts.next()) {
        (b'p', Some(Value::BulkString(bytes))) => Some(RemoteEntry {
            version: version_of(&bytes),
            bytes: Some(frame_of(&Bytes::from(bytes))?),
            age: Duration::from_micros(now.saturating_sub(put)),
            expired: (expired > 0).then(|| Duration::from_micros(now.saturating_sub(expired))),
        }),
        (b'-', _) => None,
        _ => return None,
    };
    Some(GetResponse { entry: page, lease: turn })
}

fn parse_three(text: &[u8]) -> Option<[u64; 3]> {
    let (one, rest) = text.split_at_checked(DIGITS)?;
    let (two, three) = rest.split_at_checked(DIGITS)?;
    Some([parse_number(one)?, parse_number(two)?, parse_number(three)?])
}

pub(super) fn parse_number(text: &[u8]) -> Option<u64> {
    let mut number = 0;
    for digit in text {
        number = number * 10 + u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    (text.len() == DIGITS).then_some(number)
}

/// The one text that a script returns.
pub(super) fn parse_text(answer: Value) -> Option<Vec<u8>> {
    match answer {
        Value::BulkString(text) => Some(text),
        _ => None,
    }
}

/// A number that is there twice, in case it was changed on its way.
pub(super) fn parse_duplicated(text: &[u8]) -> Option<u64> {
    let (once, again) = text.split_at(text.len() / 2);
    (once == again).then(|| parse_number(once))?
}

/// What stands before a page, twice, and the page.
pub(super) fn split_value(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, _) = value.split_first_chunk::<8>()?;
    let length: usize = std::str::from_utf8(length).ok()?.parse().ok()?;
    let (about, rest) = value.split_at_checked(length.checked_add(8)?)?;
    let (again, frame) = rest.split_at_checked(about.len())?;
    (about == again).then(|| (&about[8..], frame))
}

/// What stands before a page, once, and how long the page is: when it was put is in it, and by what it is purged. No two are put under one
/// key at one time.
pub(super) fn version_of(value: &[u8]) -> Option<Version> {
    let (_, frame) = split_value(value)?;
    let length = u32::try_from(frame.len()).ok()?.to_le_bytes();
    let head = &value[..(value.len() - frame.len()) / 2];
    Some(Version([head, &length].concat().into()))
}

fn frame_of(value: &Bytes) -> Option<Bytes> {
    let (_, frame) = split_value(value)?;
    let start = value.len() - frame.len();
    Some(value.slice(start..))
}
