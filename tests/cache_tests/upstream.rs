//! An HTTP/1.1 client that forwards what it gets.

use std::fmt::Display;

use actix_web::{
    Error, HttpRequest, HttpResponse,
    error::ErrorBadGateway,
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};
use cache_page::PageControl;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use super::UPSTREAM;

/// Fields that are not forwarded (RFC 9110 7.6.1), and those of the message's framing.
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn bad_gateway(error: impl Display) -> Error {
    ErrorBadGateway(error.to_string())
}

/// Sends a request, with the validators of the stored page in place of the client's where the response may be stored.
pub(super) async fn send(
    request: &HttpRequest,
    body: &[u8],
    stored: Option<&PageControl>,
) -> Result<HttpResponse, Error> {
    let mut stream = TcpStream::connect(UPSTREAM).await?;
    stream.write_all(&head(request, body, stored)).await?;
    stream.write_all(body).await?;
    let mut reader = BufReader::new(stream);
    loop {
        let (status, headers) = read_head(&mut reader).await?;
        // `HttpResponse` cannot pass an informational response on.
        if !status.is_informational() {
            return read_response(request, status, &headers, &mut reader).await;
        }
    }
}

fn head(request: &HttpRequest, body: &[u8], stored: Option<&PageControl>) -> Vec<u8> {
    let validators = stored.and_then(PageControl::validators);
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method(), request.uri()).into_bytes();
    let mut add = |name: &HeaderName, value: &HeaderValue| {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    };
    for (name, value) in request.headers() {
        let is_conditional = [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE].contains(name);
        let is_range = [header::RANGE, header::IF_RANGE].contains(name);
        let is_of_cache = is_conditional && validators.is_some() || is_range && stored.is_some();
        if !is_of_cache && !HOP_BY_HOP.contains(&name.as_str()) {
            add(name, value);
        }
    }
    let etag = validators.as_ref().and_then(|stored| stored.etag());
    let modified = validators.as_ref().and_then(|stored| stored.last_modified());
    let conditions = [(header::IF_NONE_MATCH, etag), (header::IF_MODIFIED_SINCE, modified)];
    conditions
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .for_each(|(name, value)| add(&name, value));
    head.extend(format!("host: {UPSTREAM}\r\nconnection: close\r\n").as_bytes());
    if !body.is_empty() || [Method::POST, Method::PUT].contains(request.method()) {
        head.extend(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    head.extend(b"\r\n");
    head
}

async fn read_head(reader: &mut BufReader<TcpStream>) -> Result<(StatusCode, HeaderMap), Error> {
    let mut line = String::new();
    reader.read_line(&mut line).await?;
    let status = line.split(' ').nth(1).unwrap_or_default().trim();
    let status = StatusCode::from_bytes(status.as_bytes()).map_err(bad_gateway)?;
    let mut headers = HeaderMap::new();
    loop {
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).await?;
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok((status, headers));
        }
        let colon = line.iter().position(|byte| *byte == b':').ok_or_else(|| bad_gateway("no colon"))?;
        let name = HeaderName::from_bytes(&line[..colon]).map_err(bad_gateway)?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).map_err(bad_gateway)?;
        headers.append(name, value);
    }
}

async fn read_response(
    request: &HttpRequest,
    status: StatusCode,
    headers: &HeaderMap,
    reader: &mut BufReader<TcpStream>,
) -> Result<HttpResponse, Error> {
    let options: Vec<String> = headers
        .get_all(header::CONNECTION)
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(',').map(|option| option.trim().to_ascii_lowercase()))
        .collect();
    let mut response = HttpResponse::build(status);
    for (name, value) in headers {
        if !HOP_BY_HOP.contains(&name.as_str()) && !options.iter().any(|option| option == name.as_str()) {
            response.append_header((name, value));
        }
    }
    let has_no_body = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if has_no_body || request.method() == Method::HEAD {
        return Ok(response.finish());
    }
    Ok(response.body(read_body(headers, reader).await?))
}

async fn read_body(headers: &HeaderMap, reader: &mut BufReader<TcpStream>) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    if headers.contains_key(header::TRANSFER_ENCODING) {
        loop {
            let mut size = String::new();
            reader.read_line(&mut size).await?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(bad_gateway)?;
            // With the line break that follows.
            let mut chunk = vec![0; size + 2];
            reader.read_exact(&mut chunk).await?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
    let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    match length {
        Some(length) => {
            body.resize(length, 0);
            reader.read_exact(&mut body).await?;
        }
        None => drop(reader.read_to_end(&mut body).await?),
    }
    Ok(body)
}
