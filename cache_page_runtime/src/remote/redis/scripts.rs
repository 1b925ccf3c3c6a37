//! The scripts, and what they return. Nothing of it is believed before it was looked at.

use std::time::Duration;

use ::redis::{ErrorKind, RedisError, ServerErrorKind, Value, cmd};
use actix_web::web::Bytes;

use crate::remote::redis::connection::Connection;
use crate::remote::{GetResponse, LeaseStatus, RemoteEntry, Version};

/// The greatest number that the scripts can count to (2^53 - 1); it has sixteen digits.
pub(super) const MOST: u64 = 9_007_199_254_740_991;

/// How long a number is.
const DIGITS: usize = 16;

/// One of them. The client's own panics where the server's answer to loading one was changed on its way.
pub(super) struct Script {
    hash: String,
    text: String,
}

impl Script {
    fn new(text: String) -> Self {
        Self { hash: ::redis::Script::new(&text).get_hash().to_owned(), text }
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
        match command("EVALSHA", &self.hash).query_async(connection).await {
            Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                command("EVAL", &self.text).query_async(connection).await
            }
            answer => answer,
        }
    }
}

pub(super) struct Scripts {
    pub(super) greet: Script,
    pub(super) get: Script,
    pub(super) put: Script,
    pub(super) release: Script,
    pub(super) purge: Script,
    pub(super) tell: Script,
    pub(super) changes: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let script = |own: &str| Script::new([include_str!("lua/common.lua"), own].concat());
        Self {
            greet: script(include_str!("lua/greet.lua")),
            get: script(include_str!("lua/get.lua")),
            put: script(include_str!("lua/put.lua")),
            release: script(include_str!("lua/release.lua")),
            purge: script(include_str!("lua/purge.lua")),
            tell: script(include_str!("lua/tell.lua")),
            changes: script(include_str!("lua/changes.lua")),
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
pub(super) fn found(answer: Value) -> Option<GetResponse> {
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
    let [now, put, expired] = three(numbers)?;
    let page = match (is_there, parts.next()) {
        (b'p', Some(Value::BulkString(bytes))) => Some(RemoteEntry {
            version: version(&bytes),
            bytes: Some(frame(&Bytes::from(bytes))?),
            age: Duration::from_micros(now.saturating_sub(put)),
            expired: (expired > 0).then(|| Duration::from_micros(now.saturating_sub(expired))),
        }),
        (b'-', _) => None,
        _ => return None,
    };
    Some(GetResponse { entry: page, lease: turn })
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

/// The one text that a script returns.
pub(super) fn text(answer: Value) -> Option<Vec<u8>> {
    match answer {
        Value::BulkString(text) => Some(text),
        _ => None,
    }
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

/// What stands before a page, once, and how long the page is: when it was put is in it, and by what it is purged. No two are put under one
/// key at one time.
pub(super) fn version(value: &[u8]) -> Option<Version> {
    let (_, frame) = parts(value)?;
    let length = u32::try_from(frame.len()).ok()?.to_le_bytes();
    let head = &value[..(value.len() - frame.len()) / 2];
    Some(Version([head, &length].concat().into()))
}

fn frame(value: &Bytes) -> Option<Bytes> {
    let (_, frame) = parts(value)?;
    let start = value.len() - frame.len();
    Some(value.slice(start..))
}
