//! Whoever asks an application, one request at a time.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// No answer takes so long.
const LONGEST: Duration = Duration::from_secs(60);

/// On one connection, which one worker serves.
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, "", "").unwrap()
    }

    /// What cannot be read is an error, and the next request has a connection of its own.
    pub(crate) fn ask(&mut self, method: &str, path: &str, headers: &str, body: &str) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(LONGEST))?;
                BufReader::new(stream)
            }
        };
        // The host is the same for all processes: it is part of where a page is.
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: site.test\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        // Who asks for a page does not send a body.
        let request = if method == "GET" { request.replace("Content-Length: 0\r\n", "") } else { request };
        stream.get_mut().write_all(request.as_bytes())?;
        let answer = read(&mut stream)?;
        self.stream = Some(stream);
        Ok(answer)
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("{line:?} is no answer")))?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        match line.trim_end_matches("\r\n").split_once(": ") {
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = match length.and_then(|(_, value)| value.parse().ok()) {
        Some(length) => length,
        None if matches!(status, 204 | 304) => 0,
        None => return Err(io::Error::other("an answer does not say how long it is")),
    };
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Answer { status, headers, body })
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(there, _)| there == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// What the cache told of the request.
    pub(crate) fn outcome(&self) -> &str {
        self.header("cache-status").unwrap_or("")
    }

    /// It came out of the shared tier.
    pub(crate) fn is_remote_hit(&self) -> bool {
        self.outcome().contains("; hit") && self.outcome().contains("detail=remote")
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.outcome().contains("; stored")
    }

    /// Those that do not tell of this one request, in an order of their own.
    pub(crate) fn lasting_headers(&self) -> Vec<(String, String)> {
        let mut lasting = self.headers.clone();
        lasting.retain(|(name, _)| !["age", "cache-status", "date"].contains(&name.as_str()));
        lasting.sort();
        lasting
    }

    /// What is on the page, which is whole and of nothing else.
    pub(crate) fn shown(&self) -> Shown {
        assert_eq!(self.status, 200, "{}", self.text());
        Shown::read(&self.body).expect("a page as it was made")
    }
}

/// What is on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) handler: String,
    pub(crate) id: u64,
    pub(crate) version: u64,
    /// The process that made it.
    pub(crate) by: u32,
}

impl Shown {
    /// With so much behind it, and a sum of everything at the end.
    pub(crate) fn write(&self, padding: usize) -> String {
        let Self { handler, id, version, by } = self;
        let mut text = format!("{handler} {id} {version} {by} {}\n", "x".repeat(padding));
        text.push_str(&format!("{:016x}", sum(text.as_bytes())));
        text
    }

    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let (text, told) = body.split_at_checked(body.len().checked_sub(16)?)?;
        if format!("{:016x}", sum(text)).as_bytes() != told {
            return None;
        }
        let mut words = std::str::from_utf8(text).ok()?.split(' ');
        Some(Self {
            handler: words.next()?.to_owned(),
            id: words.next()?.parse().ok()?,
            version: words.next()?.parse().ok()?,
            by: words.next()?.parse().ok()?,
        })
    }
}

/// FNV-1a.
fn sum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
