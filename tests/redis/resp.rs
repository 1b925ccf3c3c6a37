//! Speaking to a server as clients of it do, without one.

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
    Nothing,
    Many(Vec<Self>),
    Failed(String),
}

impl Resp {
    pub(crate) fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(crate) fn try_ask(&mut self, words: &[&[u8]]) -> io::Result<Reply> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend(format!("${}\r\n", word.len()).bytes());
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
        }
        self.0.get_mut().write_all(&bytes)?;
        self.read()
    }

    /// By words with blanks between them.
    pub(crate) fn ask(&mut self, line: &str) -> Reply {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        self.try_ask(&words).unwrap()
    }

    /// The keys of this cache.
    pub(crate) fn keys(&mut self) -> Vec<Vec<u8>> {
        self.ask("KEYS cp1:*").many().into_iter().map(Reply::text).collect()
    }

    /// Those of one kind, with an id behind it or without.
    pub(crate) fn keys_of(&mut self, kind: &str) -> Vec<Vec<u8>> {
        let is_meant = |key: &Vec<u8>| {
            let rest = kind_of(key).strip_prefix(kind.as_bytes());
            rest.is_some_and(|rest| rest.is_empty() || rest.len() >= 16)
        };
        self.keys().into_iter().filter(is_meant).collect()
    }

    fn read(&mut self) -> io::Result<Reply> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let line = line.trim_end_matches("\r\n");
        let (kind, rest) = line.split_at_checked(1).ok_or(io::ErrorKind::UnexpectedEof)?;
        let number = || rest.parse::<i64>().map_err(io::Error::other);
        Ok(match kind {
            "+" => Reply::Text(rest.as_bytes().to_vec()),
            "-" => Reply::Failed(rest.to_owned()),
            ":" => Reply::Number(number()?),
            "$" => match usize::try_from(number()?) {
                Err(_) => Reply::Nothing,
                Ok(length) => {
                    let mut text = vec![0; length + 2];
                    self.0.read_exact(&mut text)?;
                    text.truncate(length);
                    Reply::Text(text)
                }
            },
            "*" => match number()? {
                -1 => Reply::Nothing,
                number => Reply::Many((0..number).map(|_| self.read()).collect::<io::Result<_>>()?),
            },
            _ => return Err(io::Error::other(format!("{line:?} is no reply"))),
        })
    }
}

/// What of a key stands behind its prefix.
pub(crate) fn kind_of(key: &[u8]) -> &[u8] {
    let end =
        key.windows(3).position(|part| part == b":}:" || part[1..] == *b"}:").expect("a key of the cache");
    let rest = &key[end..];
    &rest[rest.windows(2).position(|part| part == b"}:").unwrap() + 2..]
}

impl Reply {
    pub(crate) fn text(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text,
            other => panic!("{other:?} is no text"),
        }
    }

    pub(crate) fn many(self) -> Vec<Self> {
        match self {
            Self::Many(many) => many,
            other => panic!("{other:?} is not several"),
        }
    }

    pub(crate) fn number(&self) -> i64 {
        match self {
            Self::Number(number) => *number,
            other => panic!("{other:?} is no number"),
        }
    }
}
