//! Requests to a server, each over a connection of its own, as HTTP/1.0: the response ends with the connection.

use std::io;

use actix_web::http::{StatusCode, header::HeaderMap};
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::target::{PageRequest, PageResponse, Target};

/// The largest head of a response, as in actix-web.
const MAX_HEAD: usize = 128 * 1024;
const MAX_HEADERS: usize = 128;
const READ_SIZE: usize = 32 * 1024;

/// A server at an address.
pub(super) struct ServerTarget(String);

impl ServerTarget {
    pub(super) fn new(address: String) -> Self {
        Self(address)
    }
}

impl Target for ServerTarget {
    async fn get(
        &self,
        request: PageRequest<'_>,
        on_body: &mut dyn FnMut(&[u8]),
    ) -> Result<PageResponse, String> {
        get(&self.0, request, on_body).await.map_err(|error| error.to_string())
    }
}

/// Sends a request, and hands over the body in parts.
async fn get(
    address: &str,
    request: PageRequest<'_>,
    on_body: &mut dyn FnMut(&[u8]),
) -> io::Result<PageResponse> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&encode(request)).await?;
    let (mut read, mut head) = (Vec::with_capacity(READ_SIZE), None);
    let mut body_length = 0;
    while stream.read_buf(&mut read).await? > 0 {
        if head.is_none() {
            let Some((length, response)) = parse_head(&read)? else { continue };
            read.drain(..length);
            head = Some(response);
        }
        body_length += read.len() as u64;
        on_body(&read);
        read.clear();
    }
    let head = head.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
    let expected = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if expected.is_some_and(|expected| body_length < expected) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the body is incomplete"));
    }
    Ok(head)
}

fn encode(PageRequest { path, headers }: PageRequest<'_>) -> Vec<u8> {
    let mut bytes = format!("GET {path} HTTP/1.0\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    bytes
}

/// Returns the head of a response and its length, once it is complete.
fn parse_head(bytes: &[u8]) -> io::Result<Option<(usize, PageResponse)>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let length = match response.parse(bytes).map_err(io::Error::other)? {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial if bytes.len() > MAX_HEAD => {
            return Err(io::Error::other("the head of the response is too long"));
        }
        httparse::Status::Partial => return Ok(None),
    };
    let status = StatusCode::from_u16(response.code.unwrap_or_default()).map_err(io::Error::other)?;
    let mut map = HeaderMap::new();
    for header in response.headers {
        let name = HeaderName::try_from(header.name).map_err(io::Error::other)?;
        map.append(name, HeaderValue::from_bytes(header.value).map_err(io::Error::other)?);
    }
    Ok(Some((length, PageResponse { status, headers: map })))
}
