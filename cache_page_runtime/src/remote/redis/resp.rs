//! The Redis protocol (RESP 2), as far as lookups need it.
//!
//! The `redis` crate parses a reply of several values with about 5,000 instructions more than a single one, and copies each of
//! them. Here, values are slices of what was read.

use actix_web::web::{Bytes, BytesMut};
use smallvec::SmallVec;

/// The server's own limit of a value is 512 MB.
const MAX_LENGTH: usize = 512 * 1024 * 1024;

/// A page with its stamps has far fewer values.
const MAX_VALUES: usize = 1024;

/// The values of an array. Most often, they are a page and three stamps.
pub(crate) type Values = SmallVec<[Option<Bytes>; 4]>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A string: a status, or a value.
    Text(Bytes),
    /// An array of strings.
    Values(Values),
    Error(Bytes),
}

/// The bytes are no reply that a lookup can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Where a value is. `None` is a missing one.
type Span = Option<(usize, usize)>;

enum Parsed {
    Text(Span),
    Values(SmallVec<[Span; 8]>),
    Error(Span),
}

/// Takes the first reply out of what was read. Returns `None` if more has to be read.
pub(crate) fn take_reply(read: &mut BytesMut) -> Result<Option<Reply>, Malformed> {
    let mut input = Input { bytes: read, at: 0 };
    let Some(parsed) = input.reply()? else { return Ok(None) };
    let end = input.at;
    let bytes = read.split_to(end).freeze();
    let value = |span: Span| span.map(|(from, to)| bytes.slice(from..to));
    Ok(Some(match parsed {
        Parsed::Text(span) => Reply::Text(value(span).ok_or(Malformed)?),
        Parsed::Error(span) => Reply::Error(value(span).ok_or(Malformed)?),
        Parsed::Values(spans) => Reply::Values(spans.into_iter().map(value).collect()),
    }))
}

struct Input<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl Input<'_> {
    fn reply(&mut self) -> Result<Option<Parsed>, Malformed> {
        let Some(kind) = self.bytes.first() else { return Ok(None) };
        match kind {
            b'*' => self.values(),
            b'$' => Ok(self.value()?.map(Parsed::Text)),
            b'+' => Ok(self.line().map(|line| Parsed::Text(Some(line)))),
            b'-' => Ok(self.line().map(|line| Parsed::Error(Some(line)))),
            _ => Err(Malformed),
        }
    }

    fn values(&mut self) -> Result<Option<Parsed>, Malformed> {
        let Some(count) = self.length(MAX_VALUES)? else { return Ok(None) };
        let mut values = SmallVec::new();
        for _ in 0..count.ok_or(Malformed)? {
            match self.bytes.get(self.at) {
                Some(b'$') => {}
                Some(_) => return Err(Malformed),
                None => return Ok(None),
            }
            let Some(value) = self.value()? else { return Ok(None) };
            values.push(value);
        }
        Ok(Some(Parsed::Values(values)))
    }

    fn value(&mut self) -> Result<Option<Span>, Malformed> {
        let Some(length) = self.length(MAX_LENGTH)? else { return Ok(None) };
        let Some(length) = length else { return Ok(Some(None)) };
        let (from, to) = (self.at, self.at + length);
        let Some(end) = self.bytes.get(to..to + 2) else { return Ok(None) };
        if end != b"\r\n" {
            return Err(Malformed);
        }
        self.at = to + 2;
        Ok(Some(Some((from, to))))
    }

    /// Reads a kind and a length, of which -1 stands for a missing value.
    fn length(&mut self, max: usize) -> Result<Option<Option<usize>>, Malformed> {
        let mut length = 0;
        let mut at = self.at + 1;
        if self.bytes.get(at) == Some(&b'-') {
            let Some(rest) = self.bytes.get(at + 1..at + 4) else { return Ok(None) };
            self.at = at + 4;
            return if rest == b"1\r\n" { Ok(Some(None)) } else { Err(Malformed) };
        }
        let first = at;
        loop {
            match self.bytes.get(at) {
                Some(digit @ b'0'..=b'9') => length = length * 10 + usize::from(digit - b'0'),
                Some(b'\r') if at > first => break,
                Some(_) => return Err(Malformed),
                None => return Ok(None),
            }
            if length > max {
                return Err(Malformed);
            }
            at += 1;
        }
        match self.bytes.get(at + 1) {
            Some(b'\n') => {}
            Some(_) => return Err(Malformed),
            None => return Ok(None),
        }
        self.at = at + 2;
        Ok(Some(Some(length)))
    }

    fn line(&mut self) -> Option<(usize, usize)> {
        let from = self.at + 1;
        let length = self.bytes[from..].windows(2).position(|end| end == b"\r\n")?;
        self.at = from + length + 2;
        Some((from, from + length))
    }
}

/// Writes the beginning of a command, with the number of its words.
pub(super) fn push_command(out: &mut Vec<u8>, words: usize) {
    push_head(out, b'*', words);
}

/// Writes a word of a command, which consists of these parts.
pub(super) fn push_word(out: &mut Vec<u8>, parts: &[&[u8]]) {
    push_head(out, b'$', parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out.extend_from_slice(b"\r\n");
}

fn push_head(out: &mut Vec<u8>, kind: u8, mut number: usize) {
    // The digits of the largest number, the kind and the end of the line.
    let mut head = [0; 24];
    let mut at = head.len() - 2;
    head[at..].copy_from_slice(b"\r\n");
    loop {
        at -= 1;
        head[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    at -= 1;
    head[at] = kind;
    out.extend_from_slice(&head[at..]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::*;

    fn take(bytes: &[u8]) -> Result<Option<Reply>, Malformed> {
        take_reply(&mut BytesMut::from(bytes))
    }

    fn values(values: &[Option<&'static [u8]>]) -> Reply {
        Reply::Values(values.iter().map(|value| value.map(Bytes::from_static)).collect())
    }

    #[test]
    fn replies_are_taken_one_after_the_other() {
        let all = b"+OK\r\n$3\r\na\r\n\r\n*3\r\n$0\r\n\r\n$-1\r\n$12\r\n0123456789ab\r\n-ERR no\r\n*0\r\n";
        let expected = [
            Reply::Text(Bytes::from_static(b"OK")),
            Reply::Text(Bytes::from_static(b"a\r\n")),
            values(&[Some(b""), None, Some(b"0123456789ab")]),
            Reply::Error(Bytes::from_static(b"ERR no")),
            values(&[]),
        ];
        // In pieces of any length.
        for length in 1..=all.len() {
            let (mut read, mut replies) = (BytesMut::new(), Vec::new());
            for piece in all.chunks(length) {
                read.extend_from_slice(piece);
                while let Some(reply) = take_reply(&mut read).unwrap() {
                    replies.push(reply);
                }
            }
            assert_eq!(replies, expected, "pieces of {length} bytes");
            assert!(read.is_empty());
        }
    }

    #[test]
    fn other_replies_are_malformed() {
        for bytes in [
            ":1\r\n",
            ">2\r\n",
            "x",
            "$x\r\n",
            "$\r\n",
            "$-2\r\n",
            "$1\r\nab\r\n",
            "$1\rx",
            "*-1\r\n",
            "*1\r\n:1\r\n",
            "$-1\r\n",
            "*9999\r\n",
            "$999999999999999999999999\r\n",
        ] {
            assert_eq!(take(bytes.as_bytes()), Err(Malformed), "{bytes:?}");
        }
    }

    #[test]
    fn command_is_written_as_the_server_reads_it() {
        let mut out = Vec::new();
        push_command(&mut out, 2);
        push_word(&mut out, &[b"MGET"]);
        push_word(&mut out, &[b"0123456789", b"", b"x"]);
        assert_eq!(out, b"*2\r\n$4\r\nMGET\r\n$11\r\n0123456789x\r\n");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>(), kind in 0..4_usize) {
            let _ = take(&[&[b"*$+-"[kind]], &bytes[..]].concat());
            let _ = take(&[b"*1\r\n$", &bytes[..]].concat());
        }
    }
}
