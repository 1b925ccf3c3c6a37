//! A minimal client of the Redis protocol.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

pub(crate) struct Resp(BufReader<TcpStream>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Text(Vec<u8>),
    Number(i64),
    Nil,
    Array(Vec<Self>),
    Error(String),
}

impl Resp {
    pub(crate) fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(crate) fn try_command(&mut self, words: &[&[u8]]) -> io::Result<Reply> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n", word.len()).bytes());
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
        }
        self.0.get_mut().write_all(&bytes)?;
        self.read()
    }

    /// Sends a command whose words are separated by spaces.
    pub(crate) fn command(&mut self, line: &str) -> Reply {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.try_command(&words).unwrap()
    }

    /// Executes commands in one transaction, and returns their replies.
    pub(crate) fn transaction(&mut self, commands: &[&[&[u8]]]) -> Vec<Reply> {
        self.command("MULTI");
        for command in commands {
            assert_eq!(self.try_command(command).unwrap(), Reply::Text(b"QUEUED".to_vec()));
        }
        self.command("EXEC").array()
    }

    /// Returns the keys of all caches.
    pub(crate) fn keys(&mut self) -> Vec<Vec<u8>> {
        self.command("KEYS cp1:*").array().into_iter().map(Reply::text).collect()
    }

    /// Returns the keys of one kind, with or without an id.
    pub(crate) fn keys_of(&mut self, kind: &str) -> Vec<Vec<u8>> {
        let matches = |key: &Vec<u8>| {
            let rest = suffix(key).strip_prefix(kind.as_bytes());
            rest.is_some_and(|rest| rest.is_empty() || rest.len() >= 16)
        };
        self.keys().into_iter().filter(matches).collect()
    }

    fn read(&mut self) -> io::Result<Reply> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let line = line.trim_end_matches("\r\n");
        let (kind, rest) = line.split_at_checked(1).ok_or(io::ErrorKind::UnexpectedEof)?;
        let number = || rest.parse::<i64>().map_err(io::Error::other);
        Ok(match kind {
            "+" => Reply::Text(rest.as_bytes().to_vec()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Number(number()?),
            "$" => match usize::try_from(number()?) {
                Err(_) => Reply::Nil,
                Ok(length) => {
                    let mut text = vec![0; length + 2];
                    self.0.read_exact(&mut text)?;
                    text.truncate(length);
                    Reply::Text(text)
                }
            },
            "*" => match number()? {
                -1 => Reply::Nil,
                number => Reply::Array((0..number).map(|_| self.read()).collect::<io::Result<_>>()?),
            },
            _ => return Err(io::Error::other(format!("invalid reply {line:?}"))),
        })
    }
}

/// Returns the part of a key after its prefix.
pub(crate) fn suffix(key: &[u8]) -> &[u8] {
    let end =
        key.windows(3).position(|part| part == b":}:" || part[1..] == *b"}:").expect("a key of the cache");
    let rest = &key[end..];
    &rest[rest.windows(2).position(|part| part == b"}:").unwrap() + 2..]
}

impl Reply {
    pub(crate) fn text(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text,
            other => panic!("{other:?} is not a text"),
        }
    }

    pub(crate) fn array(self) -> Vec<Self> {
        match self {
            Self::Array(many) => many,
            other => panic!("{other:?} is not an array"),
        }
    }

    pub(crate) fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            other => panic!("{other:?} is not a number"),
        }
    }
}
