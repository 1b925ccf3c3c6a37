//! An HTTP client for one request at a time.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Longer than any response takes.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A client with one connection, which one worker serves.
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
        self.send("GET", path, "", "").unwrap()
    }

    /// Sends a request. After an error, the next one uses a new connection.
    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) -> io::Result<Answer> {
        self.write(method, path, headers, body)?;
        self.read()
    }

    /// Writes a request, whose response [`read`](Self::read) returns.
    pub(crate) fn write(&mut self, method: &str, path: &str, headers: &str, body: &str) -> io::Result<()> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(TIMEOUT))?;
                BufReader::new(stream)
            }
        };
        // The host is part of the key, so it is the same for all processes.
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: site.test\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        );
        // A GET has no body.
        let request = if method == "GET" { request.replace("Content-Length: 0\r\n", "") } else { request };
        stream.get_mut().write_all(request.as_bytes())?;
        self.stream = Some(stream);
        Ok(())
    }

    pub(crate) fn read(&mut self) -> io::Result<Answer> {
        let mut stream = self.stream.take().expect("a request was written");
        let answer = read_answer(&mut stream)?;
        self.stream = Some(stream);
        Ok(answer)
    }
}

fn read_answer(stream: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other(format!("invalid status line {line:?}")))?;
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
        None => return Err(io::Error::other("no content length")),
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

    /// Returns the `Cache-Status` header.
    pub(crate) fn outcome(&self) -> &str {
        self.header("cache-status").unwrap_or("")
    }

    /// Returns whether the page came from local memory or the remote store.
    pub(crate) fn is_hit(&self) -> bool {
        self.outcome().contains("; hit")
    }

    /// Returns whether the page came from the remote store.
    pub(crate) fn is_remote_hit(&self) -> bool {
        self.is_hit() && self.outcome().contains("detail=remote")
    }

    /// Returns whether the page came from local memory.
    pub(crate) fn is_local_hit(&self) -> bool {
        self.is_hit() && !self.is_remote_hit()
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.outcome().contains("; stored")
    }

    /// Returns the headers that do not depend on the request, sorted.
    pub(crate) fn lasting_headers(&self) -> Vec<(String, String)> {
        let mut lasting = self.headers.clone();
        lasting.retain(|(name, _)| !["age", "cache-status", "date"].contains(&name.as_str()));
        lasting.sort();
        lasting
    }

    /// Returns the content of the page.
    pub(crate) fn content(&self) -> PageContent {
        assert_eq!(self.status, 200, "{}", self.text());
        PageContent::decode(&self.body).expect("the checksum is wrong")
    }
}

/// The content of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageContent {
    pub(crate) handler: String,
    pub(crate) id: u64,
    pub(crate) version: u64,
    /// The process that has generated the page.
    pub(crate) process_id: u32,
}

impl PageContent {
    /// Encodes the content with padding and a checksum.
    pub(crate) fn encode(&self, padding: usize) -> String {
        let Self { handler, id, version, process_id: by } = self;
        let mut text = format!("{handler} {id} {version} {by} {}\n", "x".repeat(padding));
        text.push_str(&format!("{:016x}", checksum(text.as_bytes())));
        text
    }

    pub(crate) fn decode(body: &[u8]) -> Option<Self> {
        let (text, expected) = body.split_at_checked(body.len().checked_sub(16)?)?;
        if format!("{:016x}", checksum(text)).as_bytes() != expected {
            return None;
        }
        let mut words = std::str::from_utf8(text).ok()?.split(' ');
        Some(Self {
            handler: words.next()?.to_owned(),
            id: words.next()?.parse().ok()?,
            version: words.next()?.parse().ok()?,
            process_id: words.next()?.parse().ok()?,
        })
    }
}

/// FNV-1a.
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
